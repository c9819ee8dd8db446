"""A rule over the events of log types: what Panther calls a rule, and we a stream rule where both kinds are meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.definitions.rule import Rule

if TYPE_CHECKING:
    from runner.definitions.match_expression import Expression
    from runner.definitions.python_source import PythonSource
    from runner.definitions.simple_detection import SimpleDetection


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRule(Rule):
    """A rule over the events of its `log_types`; of `python` and `simple`, exactly one is there."""

    python: PythonSource | None = None
    simple: SimpleDetection | None = None
    """The rule as YAML conditions instead of Python."""
    inline_filters: tuple[Expression, ...] = ()
    """What an event has to fulfil, all of it, before the rule is asked."""
    base_id: str = ""
    """Of a derived detection: the rule whose logic this one has."""
