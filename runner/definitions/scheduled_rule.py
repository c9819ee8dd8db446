"""A scheduled rule: what decides about each row of a scheduled query. The YAML half; the Python half is only named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.definitions.frozen_mapping import FrozenMapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.definitions.location import Location
    from runner.definitions.python_source import PythonSource
    from runner.definitions.severity import Severity

DEFAULT_DEDUP_MINUTES = 60
LEAST_DEDUP_MINUTES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Mock:
    """A name of the rule's module that is replaced, during one test, by a call that returns `return_value`."""

    object_name: str
    return_value: str | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTest:
    """One test of a rule: a row, and whether the rule should match it.

    `log` is the row as the file writes it: a mapping, unless the author made a mistake that the test then shows.
    It is shared and must not be changed. `expected_destinations` is None when the test says nothing about them.
    """

    name: str
    expected_result: bool
    log: Any
    location: Location
    mocks: tuple[Mock, ...] = ()
    expected_destinations: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRule:
    """A rule over the rows of scheduled queries, with Panther's defaults where the file is silent."""

    rule_id: str
    enabled: bool
    queries: tuple[str, ...]
    severity: Severity
    python: PythonSource
    location: Location
    description: str = ""
    display_name: str = ""
    runbook: str = ""
    reference: str = ""
    tags: tuple[str, ...] = ()
    reports: Mapping[str, tuple[str | int | float, ...]] = field(default_factory=FrozenMapping)
    dedup_period_minutes: int = DEFAULT_DEDUP_MINUTES
    """How long an alert takes in further matches, in minutes; at least 5."""
    threshold: int = 1
    """How many matches within one period make an alert; at least 1."""
    summary_attributes: tuple[str, ...] = ()
    output_ids: tuple[str, ...] = ()
    create_alert: bool = True
    status: str = ""
    created_by: str = ""
    inline_filters: tuple[Any, ...] = ()
    """Kept as written; Panther does not apply them to scheduled rules, and neither do we."""
    log_types: tuple[str, ...] = ()
    """Only of a rule that was given log types instead of queries; such a rule never runs."""
    tests: tuple[UnitTest, ...] = ()
