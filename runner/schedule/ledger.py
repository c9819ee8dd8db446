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

from runner.schedule.due import due_times, last_due

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
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


class GapReason(StrEnum):
    """Why a due time was not evaluated."""

    NOT_RUNNING = "not running"
    DISABLED = "disabled"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    LIMIT = "limit"
    PAUSED = "paused"


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


def active_epochs(
    epochs: Sequence[Epoch], after: datetime, until: datetime
) -> Iterator[tuple[Schedule, datetime, datetime]]:
    """Yield the stretches within `(after, until]` in which the query ran: its schedule, since when, until when.

    The beginning is that of the epoch, so it may be earlier than `after`.
    """
    for epoch, end in _spans(epochs, until):
        if epoch.schedule is not None and max(epoch.start, after) < min(end, until):
            yield epoch.schedule, epoch.start, min(end, until)


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


def covered_share(covered: Iterable[Interval], period: Interval) -> float:
    """Return which share of a period, from 0 to 1, the given stretches cover; overlaps count once."""
    length = (period.end - period.start).total_seconds()
    if length <= 0:
        return 1.0
    clipped = [Interval(start=max(one.start, period.start), end=min(one.end, period.end)) for one in covered]
    return sum((one.end - one.start).total_seconds() for one in merged(clipped)) / length


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Join stretches that touch or overlap; empty ones vanish."""
    result: list[Interval] = []
    for one in sorted(interval for interval in intervals if interval.start < interval.end):
        if result and one.start <= result[-1].end:
            result[-1] = Interval(start=result[-1].start, end=max(result[-1].end, one.end))
        else:
            result.append(one)
    return result


def missing(expected: Iterable[datetime], recorded: Collection[datetime]) -> list[datetime]:
    """Return the owed due times that nothing was recorded for, in order."""
    return [due for due in expected if due not in recorded]


def _spans(epochs: Sequence[Epoch], until: datetime) -> Iterator[tuple[Epoch, datetime]]:
    """Yield each epoch with its end: the start of the next one, or `until`."""
    yield from ((epoch, following.start) for epoch, following in pairwise(epochs))
    if epochs and epochs[-1].start < until:
        yield epochs[-1], until
