"""What is to be recorded when queries have fallen due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.schedule.ledger import GapReason

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class OwedRun:
    """A due time that is to be run, not before `start_at`."""

    due: datetime
    start_at: datetime
    is_live: bool
    """It fell due while the program was awake: it goes before those that are caught up with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DuePlan:
    """What is to be recorded for one query: every due time up to `watermark` is in here or was before."""

    query: str
    watermark: datetime
    runs: tuple[OwedRun, ...]
    gaps: tuple[datetime, ...]
    gap_reason: GapReason = GapReason.NOT_RUNNING
