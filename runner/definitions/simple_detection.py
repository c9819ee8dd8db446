"""A simple detection: a rule written as YAML conditions instead of Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.definitions.match_expression import Combination, Target
    from runner.definitions.severity import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicSeverity:
    """Another severity, if an event fulfils conditions of its own; of several, the first that fits counts."""

    severity: Severity
    conditions: Combination


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpleDetection:
    """What decides about an event, and what makes the alert's parts."""

    detection: Combination
    alert_title: str = ""
    """The title, with the event's values put in for `{key.path}`; empty if the rule has none."""
    alert_context: tuple[tuple[str, Target], ...] = ()
    group_by: tuple[Target, ...] = ()
    """The values that make the dedup string."""
    dynamic_severities: tuple[DynamicSeverity, ...] = ()
