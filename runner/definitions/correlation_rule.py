"""A correlation rule: several rules' matches that belong together. Read and checked; not evaluated yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from runner.definitions.frozen_mapping import FrozenMapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.definitions.location import Location
    from runner.definitions.scheduled_query import Schedule
    from runner.definitions.severity import Severity

DEFAULT_LOOKBACK_MINUTES = 15


class EvaluationOrder(StrEnum):
    """From which end the matches in the window are taken."""

    CHRONOLOGICAL = "Chronological"
    REVERSE_CHRONOLOGICAL = "ReverseChronological"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule whose matches are looked for, or are to be absent."""

    step_id: str
    """What transitions and match criteria call it: `ID`, else the rule's id."""
    rule_id: str
    least: int = 1
    most: int | None = None
    absent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """How one step leads to the next: within some minutes, and with which fields equal."""

    before: str
    after: str
    within_minutes: int | None = None
    """None: the whole look-back window."""
    fields: tuple[tuple[str, str], ...] = ()
    """Pairs of field paths, of the step before and the step after, whose values are to be equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Steps in this order."""

    steps: tuple[Step, ...]
    transitions: tuple[Transition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Steps in any order, tied together by equal values."""

    steps: tuple[Step, ...]
    criteria: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=FrozenMapping)
    """For each criterion, pairs of a step's id and the field path whose value is to be equal."""
    least: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """One sequence or group, with its window."""

    steps: Sequence | Group
    schedule: Schedule
    lookback_minutes: int = DEFAULT_LOOKBACK_MINUTES
    order: EvaluationOrder = EvaluationOrder.CHRONOLOGICAL


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutput:
    """In a test: when a step had matches, for each value of each field, as minutes or as text."""

    step_id: str
    matches: Mapping[str, Mapping[str, tuple[int | float | str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationTest:
    """One test of a correlation rule."""

    name: str
    expected_result: bool
    outputs: tuple[RuleOutput, ...]
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationRule:
    """A rule over the matches of other rules."""

    rule_id: str
    enabled: bool
    severity: Severity
    correlations: tuple[Correlation, ...]
    location: Location
    description: str = ""
    display_name: str = ""
    runbook: str = ""
    reference: str = ""
    tags: tuple[str, ...] = ()
    reports: Mapping[str, tuple[str | int | float, ...]] = field(default_factory=FrozenMapping)
    summary_attributes: tuple[str, ...] = ()
    output_ids: tuple[str, ...] = ()
    create_alert: bool = True
    status: str = ""
    tests: tuple[CorrelationTest, ...] = ()
