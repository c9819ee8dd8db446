"""A scheduled rule: what decides about each row of a scheduled query. The YAML half; the Python half is only named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.definitions.rule import Rule

if TYPE_CHECKING:
    from runner.definitions.python_source import PythonSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRule(Rule):
    """A rule over the rows of scheduled queries.

    One that was given `log_types` instead of queries never runs.
    """

    queries: tuple[str, ...]
    python: PythonSource
    inline_filters: tuple[Any, ...] = ()
    """Kept as written; Panther does not apply them to scheduled rules, and neither do we."""
