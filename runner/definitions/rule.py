"""What all rules have in common, whatever they are put to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.definitions.frozen_mapping import FrozenMapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.definitions.location import Location
    from runner.definitions.severity import Severity
    from runner.definitions.unit_test import UnitTest

DEFAULT_DEDUP_MINUTES = 60
LEAST_DEDUP_MINUTES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule's YAML half, with Panther's defaults where the file is silent."""

    rule_id: str
    enabled: bool
    severity: Severity
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
    """Destinations, by name or id, that are told unless the rule's `destinations` function says otherwise."""
    create_alert: bool = True
    status: str = ""
    created_by: str = ""
    log_types: tuple[str, ...] = ()
    tests: tuple[UnitTest, ...] = ()
