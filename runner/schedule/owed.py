"""What is to be recorded when queries have fallen due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.schedule.ledger import GapReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class OwedRun:
    """A due time that is to be run, not before `start_at`."""

    due: datetime
    start_at: datetime
    is_live: bool
    """It fell due while the program was awake: it goes before those that are caught up with."""
    priority: int = 0
    """Of those that are live, or that are not, the highest goes first."""
    may_be_skipped: bool = False
    """It is a gap if the run of the due time before still ran when it was to start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DuePlan:
    """What is to be recorded for one query: every due time up to `watermark` is in here or was before."""

    query: str
    watermark: datetime
    runs: tuple[OwedRun, ...]
    gaps: tuple[datetime, ...]
    gap_reason: GapReason = GapReason.NOT_RUNNING

    @property
    def size(self) -> int:
        """How many due times are in here."""
        return len(self.runs) + len(self.gaps)


def in_portions(plans: Iterable[DuePlan], size: int) -> Iterator[list[DuePlan]]:
    """Yield plans in their order, as many at a time as have `size` due times together; the last ones have fewer."""
    portion: list[DuePlan] = []
    filled = 0
    for plan in plans:
        portion.append(plan)
        filled += plan.size
        if filled >= size:
            yield portion
            portion, filled = [], 0
    if portion:
        yield portion
