"""The ledger: which due times a query owes, which were seen to, and what share of a period was covered.

Pure. A query's history is a row of epochs, each of which says since when a schedule held, or that the query
was disabled. The due times it owes follow from the epochs alone; the runs that are remembered are what was paid.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from runner.schedule.due import due_times, last_due, next_due

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from runner.definitions.scheduled_query import Schedule


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """Since `start` (aware, UTC) this schedule holds; None means that the query does not run."""

    start: datetime
    schedule: Schedule | None


class CatchUp(StrEnum):
    """What happens to due times that were missed."""

    ALL = "all"
    LATEST = "latest"
    NONE = "none"


class Overlap(StrEnum):
    """What happens to a due time that comes while the one before still runs; two runs of a query never overlap."""

    WAIT = "wait"
    SKIP = "skip"


class GapReason(StrEnum):
    """Why a due time was not evaluated."""

    NOT_RUNNING = "not running"
    DISABLED = "disabled"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    LIMIT = "limit"
    PAUSED = "paused"
    OVERLAP = "overlap"


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Interval:
    """A stretch of time: after `start`, up to and including `end`."""

    start: datetime
    end: datetime


def owed(epochs: Sequence[Epoch], *, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the due times in `(after, until]` of a query, given its epochs in order of time.

    An epoch holds for the due times later than its start; a due time at the very moment of an edit still
    belongs to the epoch before. So the first due time is the first after the query was first seen.
    """
    for epoch, end in _spans(epochs, until):
        if epoch.schedule is not None and end > after:
            yield from due_times(epoch.schedule, after=max(after, epoch.start), until=min(end, until))


@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveStretch:
    """A stretch in which one schedule held: after `start`, up to and including `end`."""

    schedule: Schedule
    start: datetime
    end: datetime
    reached: datetime
    """Up to when the windows before it reach: what is later has to be in its own."""
    ran_since: datetime
    """Since when the query ran, by this schedule or others before it; no window reaches further back."""
    is_over: bool
    """Another epoch follows."""


def active_stretches(epochs: Sequence[Epoch], *, until: datetime) -> Iterator[ActiveStretch]:
    """Yield the stretches up to `until` in which the query ran, in order of time."""
    reached = ran_since = None
    for epoch, following in _spans(epochs, until):
        if epoch.start >= until:
            return
        schedule, start, end = epoch.schedule, epoch.start, min(following, until)
        if schedule is None:
            reached = ran_since = None
        elif start < end:
            reached, ran_since = reached or start, ran_since or start
            yield ActiveStretch(
                schedule=schedule,
                start=start,
                end=end,
                reached=reached,
                ran_since=ran_since,
                is_over=following < until,
            )
            last = last_due(schedule, end)
            reached = last if last > start else reached


def between_schedules(epochs: Sequence[Epoch], *, after: datetime, until: datetime) -> list[Interval]:
    """Return the stretches of `(after, until]` that are in no window, because the schedule was edited.

    The last window before an edit ends at the last due time of the schedule before it. The first window of the new one is as
    long as all of its windows, for that is how far its query looks back; what lies between them no query reads.
    """
    holes: list[Interval] = []
    for one in active_stretches(epochs, until=until):
        if one.is_over and next_due(one.schedule, one.start) > one.end:
            continue  # it was edited again before anything was due
        first = last_due(one.schedule, one.start)
        reads_from = max(first, one.ran_since)  # a longer window reads what was in none before it
        holes = [Interval(start=hole.start, end=min(hole.end, reads_from)) for hole in holes]
        holes.append(Interval(start=one.reached, end=first))
    clipped = (Interval(start=max(hole.start, after), end=min(hole.end, until)) for hole in holes)
    return [hole for hole in clipped if hole.start < hole.end]


def disabled(epochs: Sequence[Epoch], *, after: datetime, until: datetime) -> list[Interval]:
    """Return the stretches of `(after, until]` in which the query was disabled: gaps that nobody fills."""
    spans = [
        Interval(start=max(after, epoch.start), end=min(end, until))
        for epoch, end in _spans(epochs, until)
        if epoch.schedule is None
    ]
    return [span for span in spans if span.start < span.end]


def catch_up(missed: Iterable[datetime], policy: CatchUp, limit: int) -> Iterator[tuple[datetime, bool]]:
    """Yield missed due times in their order, and whether each is run: at most `limit` are, the newest ones.

    The others become gaps. No more than `limit` of them are held at a time, however many there are.
    """
    most = {CatchUp.ALL: limit, CatchUp.LATEST: min(1, limit), CatchUp.NONE: 0}[policy]
    newest: deque[datetime] = deque()
    for due in missed:
        newest.append(due)
        if len(newest) > most:
            yield newest.popleft(), False
    yield from ((due, True) for due in newest)


def window_of(schedule: Schedule, due: datetime) -> Interval:
    """Return the stretch that a due time answers for: since the due time before it."""
    return Interval(start=last_due(schedule, due - timedelta(microseconds=1)), end=due)


def _spans(epochs: Sequence[Epoch], until: datetime) -> Iterator[tuple[Epoch, datetime]]:
    """Yield each epoch with its end: the start of the next one, or `until`."""
    yield from ((epoch, following.start) for epoch, following in pairwise(epochs))
    if epochs and epochs[-1].start < until:
        yield epochs[-1], until
