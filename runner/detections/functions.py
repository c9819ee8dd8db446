"""The optional functions of a rule: one table of what each may return, and what stands in when it fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from runner.definitions.severity import Severity
from runner.detections.event import Event, ImmutableCaseInsensitiveDict, ImmutableList
from runner.detections.failures import shown, storable

MAX_TEXT: Final = 1000
"""Characters of a generated text: title, description, reference, runbook, dedup string, unique value."""
MAX_CONTEXT: Final = 204_800
"""Characters of an alert context, written as JSON."""
MAX_DESTINATIONS: Final = 10
"""Destinations of one alert; those beyond are dropped."""
SKIP: Final = "SKIP"
"""The destination that stands for none: the alert is kept, and nobody is told."""

_CUT: Final = "... (truncated)"
_DEFAULT: Final = "DEFAULT"
_SEVERITIES: Final = {severity.value: severity for severity in Severity}

RuleFunction = Callable[[Event], object]


class FunctionReturnTypeError(TypeError):
    """A function of a rule returned a value of a type that it may not return."""


class UnknownDestinationError(ValueError):
    """A rule named a destination that there is not, or one destination twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a rule falls back on: its static side, and the destinations that its functions may name."""

    rule_id: str
    severity: Severity
    display_name: str = ""
    destinations: Mapping[str, str] | None = None
    """Name → id of every known destination. None takes each name for an id, known or not: for unit tests."""
    skips: bool = True
    """Whether `SKIP` among the names silences the alert. Panther's own tool takes it for an unknown name in
    tests that are told the names of the destinations."""

    @property
    def default_dedup(self) -> str:
        """The dedup string of a match for which the rule names none."""
        return f"defaultDedupString:{self.rule_id}"


@dataclass(frozen=True, slots=True)
class OptionalFunction:
    """A row of the table.

    `read` turns what was returned into the output, or raises; `fallback` gives the output of a function that
    failed, when it is an alert that is made rather than a test.
    """

    name: str
    read: Callable[[Any, Standing], Any]
    fallback: Callable[[BaseException, Standing], Any]


def cut(text: str) -> str:
    """Return text of at most 1000 characters, marked at its end if it was longer."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(_CUT)] + _CUT


def context_json(context: object) -> str:
    """Return an alert context as JSON; one that is too long is replaced by a note that says so.

    Raises:
        FunctionReturnTypeError: it is not a mapping.
        TypeError, ValueError: JSON cannot hold it (NaN and infinity are refused too).
    """
    if type(context) is not dict and not isinstance(context, Mapping):
        raise wrong_type(context, "a mapping")
    text = _CONTEXT_ENCODER.encode(context)
    if len(text) > MAX_CONTEXT:
        return _error_context(
            f"alert_context is {len(text)} characters of JSON; at most {MAX_CONTEXT} are kept"
        )
    return _whole_characters(text) if _SURROGATE in text else text


def _whole_characters(text: str) -> str:
    """Return JSON without halves of surrogate pairs, which no other reader of JSON takes."""
    return storable(json.dumps(json.loads(text), ensure_ascii=False))


def resolved_destinations(names: object, standing: Standing) -> tuple[str, ...] | None:
    """Return the ids of the destinations that a rule named; None is the default routing.

    A name is matched exactly, else it is taken as an id. No names at all, or `SKIP` among them, is `SKIP`.

    Raises:
        FunctionReturnTypeError: it is not a list of text, nor None.
        UnknownDestinationError: a name is unknown, or an id is there twice.
    """
    if names is None:
        return None
    # Panther takes truth values too; no destination is called by one, so they end as unknown names.
    if not isinstance(names, list) or not all(isinstance(name, (str, bool)) for name in names):
        raise wrong_type(names, "a list of text")
    if not names or (standing.skips and SKIP in names):
        return (SKIP,)
    if standing.destinations is None:
        return tuple(dict.fromkeys(map(str, names)))[:MAX_DESTINATIONS]
    return _known_ids(names, standing.destinations)[:MAX_DESTINATIONS]


def dedup_of(outputs: Mapping[str, Any], standing: Standing) -> str:
    """Return the dedup string: the rule's own, else its title, else the default.

    A `dedup` function that failed does not fall back on the title.
    """
    output = outputs["dedup"] if "dedup" in outputs else outputs.get("title")
    return output or standing.default_dedup


def dedup_origin(outputs: Mapping[str, Any]) -> str:
    """Return what gave the dedup string: the function `dedup`, else `title`, or the `default`."""
    name = "dedup" if "dedup" in outputs else "title"
    return name if outputs.get(name) else "default"


def title_of(outputs: Mapping[str, Any], standing: Standing) -> str:
    """Return the title of the alert: the rule's own, else its display name, else its id."""
    return outputs.get("title") or standing.display_name or standing.rule_id


def wrong_type(value: object, expected: str) -> FunctionReturnTypeError:
    """Return the error of a function that returned something of another type than expected."""
    if isinstance(value, Coroutine):
        value.close()  # an `async def`: nobody will await it, and Python would warn of that
    return FunctionReturnTypeError(f"returned {type(value).__name__}, expected {expected}")


def _text(value: object, _: Standing) -> str:
    if not isinstance(value, str):
        raise wrong_type(value, "text")
    return cut(storable(value))


def _severity(value: object, standing: Standing) -> Severity:
    if not isinstance(value, str):
        raise wrong_type(value, "text")
    word = value.upper()
    if word == _DEFAULT:
        return standing.severity
    if word not in _SEVERITIES:
        raise AssertionError(f"returned {value!r}, expected one of {', '.join(Severity)}, {_DEFAULT}")
    return _SEVERITIES[word]


def _known_ids(names: list[Any], known: Mapping[str, str]) -> tuple[str, ...]:
    ids = set(known.values())
    found: list[str] = []
    wrong: list[str] = []
    for name in names:
        place = known.get(name, name)
        (found if place in ids and place not in found else wrong).append(place)
    if wrong:
        raise UnknownDestinationError(f"unknown or repeated: {', '.join(map(str, wrong))}")
    return tuple(found)


def _context(value: object, _: Standing) -> str:
    return context_json(value)


def _error_context(message: str) -> str:
    return json.dumps({"_error": message})


def _jsonable(value: object) -> object:
    """Return what the JSON encoder asks for when it meets something that is not JSON's own."""
    if isinstance(value, (ImmutableCaseInsensitiveDict, ImmutableList)):
        return value.raw_view()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON serializable")


_SURROGATE: Final = "\\ud"
_CONTEXT_ENCODER: Final = json.JSONEncoder(allow_nan=False, default=_jsonable)


def _nothing(_: BaseException, __: Standing) -> None:
    return None


def _no_text(_: BaseException, __: Standing) -> str:
    return ""


def _rule_id(_: BaseException, standing: Standing) -> str:
    return standing.rule_id


def _static_severity(_: BaseException, standing: Standing) -> Severity:
    return standing.severity


def _default_dedup(_: BaseException, standing: Standing) -> str:
    return standing.default_dedup


def _repr_context(error: BaseException, _: Standing) -> str:
    return _error_context(shown(repr, error))


OPTIONAL_FUNCTIONS: Final = (
    OptionalFunction("title", _text, _rule_id),
    OptionalFunction("description", _text, _no_text),
    OptionalFunction("reference", _text, _no_text),
    OptionalFunction("severity", _severity, _static_severity),
    OptionalFunction("runbook", _text, _no_text),
    OptionalFunction("destinations", resolved_destinations, _nothing),
    OptionalFunction("dedup", _text, _default_dedup),
    OptionalFunction("alert_context", _context, _repr_context),
    OptionalFunction("unique", _text, _nothing),
)
"""Every optional function, in the order in which Panther calls them."""
