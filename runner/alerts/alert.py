"""Alert: what a person acts on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from runner.alerts.match import MatchKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class AlertStatus(StrEnum):
    """Panther's statuses; `CLOSED` means a false positive."""

    OPEN = "OPEN"
    TRIAGED = "TRIAGED"
    CLOSED = "CLOSED"
    RESOLVED = "RESOLVED"


class AlertType(StrEnum):
    """Panther's alert types, as far as scheduled rules raise them."""

    SCHEDULED_RULE = "SCHEDULED_RULE"
    SCHEDULED_RULE_ERROR = "SCHEDULED_RULE_ERROR"
    SYSTEM_ERROR = "SYSTEM_ERROR"


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class AlertKey:
    """Matches with one key join one alert, as long as its window is open."""

    rule_id: str
    kind: str
    """A `MatchKind`: a rule's errors have a key space of their own."""
    dedup: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRules:
    """What of a rule's definition decides on its alerts, and what they say where its functions are silent."""

    period_minutes: int
    threshold: int
    create_alert: bool
    counts_unique: bool = False
    """The threshold counts distinct values of the rule's `unique` function instead of matches."""
    description: str = ""
    runbook: str = ""
    reference: str = ""
    log_types: tuple[str, ...] = ()
    """What the query read, for rows that do not say their own log type."""

    def of_kind(self, kind: str) -> AlertRules:
        """Return what holds for a kind of match: errors ignore the threshold, and always alert."""
        if kind == MatchKind.ERROR:
            return replace(self, threshold=1, create_alert=True, counts_unique=False)
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One alert. Times are UTC reference times of runs, except the two that people caused."""

    alert_id: str
    """32 hexadecimal digits; never changes."""
    key: AlertKey
    type: AlertType
    title: str
    severity: str
    status: AlertStatus
    created_at: datetime
    """The reference time at which the threshold was reached."""
    first_match_at: datetime
    last_match_at: datetime
    match_count: int
    description: str
    runbook: str
    reference: str
    context: Mapping[str, object]
    destinations: tuple[str, ...] | None
    """None: routed by the settings. Empty: nobody is told."""
    run_id: str
    """The run that last changed it."""
    merged_into: str | None = None
    """The id of the alert that took its matches over, if late matches joined their windows."""
    assignee: str = ""
    """Who looks after it; empty if nobody does."""
    log_types: tuple[str, ...] = ()
    """That of its first match; if its row has none, what the query read."""
    held_by: str | None = None
    """The id of the alert that stands for it, if its run raised more than the limit."""


def first_status(severity: str) -> AlertStatus:
    """Panther opens alerts of severity INFO as resolved: they are kept, and nobody has to act."""
    return AlertStatus.RESOLVED if severity == "INFO" else AlertStatus.OPEN


def alert_id(key: AlertKey, window_start: datetime, turn: int = 0) -> str:
    """Derive an alert's id from its key and the start of its window (aware, UTC).

    `turn` rises if the id is taken: an alert keeps its id when its window moves, and another window of
    the key may come to start where it once did.
    """
    parts = f"{key.rule_id}\x1f{key.kind}\x1f{key.dedup}\x1f{window_start.isoformat()}"
    if turn:
        parts += f"\x1f{turn}"
    return hashlib.blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
