"""A simple detection, written as YAML conditions → a Detection like any other."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any, Final

from runner.definitions.match_expression import KeyTarget
from runner.detections.conditions import ABSENT, predicate_of, value_of
from runner.detections.detection import Detection
from runner.detections.event import plain_copy
from runner.detections.functions import OPTIONAL_FUNCTIONS, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.definitions.match_expression import Target
    from runner.definitions.simple_detection import SimpleDetection
    from runner.definitions.stream_rule import StreamRule
    from runner.detections.conditions import Predicate

_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_STEP: Final = re.compile(r"[^.\[\]]+|\[(\d+|\*)\]")
_BETWEEN: Final = ":"
"""What stands between the values of `GroupBy` in a dedup string."""


def load(rule: StreamRule, simple: SimpleDetection, filters: Predicate | None) -> Detection:
    """Make a detection of conditions: title, context, dedup string and severity are its functions."""
    found = _functions(simple, rule.severity.value)
    return Detection(
        standing=Standing(rule_id=rule.rule_id, severity=rule.severity, display_name=rule.display_name),
        filename=str(rule.location.path),
        matcher=predicate_of(simple.detection),
        functions=tuple((entry, found[entry.name]) for entry in OPTIONAL_FUNCTIONS if entry.name in found),
        filters=filters,
    )


def _functions(simple: SimpleDetection, severity: str) -> Mapping[str, Callable[[Any], object]]:
    """Return the optional functions that the conditions' author has asked for, by name."""
    found: dict[str, Callable[[Any], object]] = {}
    if simple.alert_title:
        found["title"] = functools.partial(_title, simple.alert_title)
    if simple.dynamic_severities:
        choices = [(predicate_of(one.conditions), one.severity.value) for one in simple.dynamic_severities]
        found["severity"] = functools.partial(_severity, choices, severity)
    if simple.group_by:
        found["dedup"] = functools.partial(_dedup, simple.group_by)
    if simple.alert_context:
        found["alert_context"] = functools.partial(_context, simple.alert_context)
    return found


def _title(template: str, event: Any) -> str:
    """Put an event's values in for `{key.path}`; what is not there is nothing."""
    return _PLACE.sub(lambda place: _shown(value_of(_target(place.group(1)), event)), template)


def _target(path: str) -> KeyTarget:
    steps = [step.group() for step in _STEP.finditer(path.strip())]
    return KeyTarget(steps=tuple(_step(step) for step in steps))


def _step(text: str) -> str | int | None:
    if not text.startswith("["):
        return text
    return None if text == "[*]" else int(text[1:-1])


def _severity(choices: Sequence[tuple[Predicate, str]], default: str, event: Any) -> str:
    return next((severity for predicate, severity in choices if predicate(event)), default)


def _dedup(targets: Sequence[Target], event: Any) -> str:
    return _BETWEEN.join(_shown(value_of(target, event)) for target in targets)


def _context(entries: Sequence[tuple[str, Target]], event: Any) -> dict[str, Any]:
    found = {name: value_of(target, event) for name, target in entries}
    return {name: None if value is ABSENT else plain_copy(value) for name, value in found.items()}


def _shown(value: Any) -> str:
    if value is ABSENT or value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)
