"""Due times: pure functions of a schedule and the time.

A cron schedule is read in UTC by Vixie's rules: either of day of month and day of week is enough if both are set;
one that begins with `*`, also as `*/2`, does not count as set, and then both have to fit. A rate is due at the multiples of its period since the Unix epoch, so restarts do not shift it.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from croniter import croniter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.scheduled_query import Schedule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def due_times(schedule: Schedule, *, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the due times in `(after, until]`, in order, aware and in UTC."""
    due = next_due(schedule, after)
    if schedule.cron is None:
        period = timedelta(minutes=schedule.rate_minutes or 0)
        while due <= until:
            yield due
            due += period
        return
    times = _cron(schedule.cron, due)
    while due <= until:
        yield due
        due = times.get_next(datetime)


def next_due(schedule: Schedule, after: datetime) -> datetime:
    """Return the first due time later than `after` (aware), in UTC."""
    moment = after.astimezone(UTC)
    if schedule.cron is not None:
        found: datetime = _cron(schedule.cron, moment).get_next(datetime)
        return found
    period = timedelta(minutes=schedule.rate_minutes or 0)
    return _EPOCH + ((moment - _EPOCH) // period + 1) * period


def last_due(schedule: Schedule, until: datetime) -> datetime:
    """Return the last due time that is not later than `until` (aware), in UTC."""
    moment = until.astimezone(UTC)
    if schedule.cron is None:
        period = timedelta(minutes=schedule.rate_minutes or 0)
        return _EPOCH + ((moment - _EPOCH) // period) * period
    found: datetime = _cron(schedule.cron, moment + timedelta(microseconds=1)).get_prev(datetime)
    return found


def longest_interval(schedule: Schedule, after: datetime) -> timedelta:
    """Return the longest time between two due times: the rate, or the longest among the next ones of a cron schedule."""
    if schedule.cron is None:
        return timedelta(minutes=schedule.rate_minutes or 0)
    times = _cron(schedule.cron, after.astimezone(UTC))
    due: list[datetime] = [times.get_next(datetime) for _ in range(_LOOKED_AT)]
    return max(later - earlier for earlier, later in itertools.pairwise(due))


_LOOKED_AT = 200
"""How many due times of a cron schedule show its longest interval: more than a week of hourly ones."""


def _cron(expression: str, start: datetime) -> croniter:
    # the library calls Vixie's reading of `*/2` in a field of days a bug, and has it only if asked for
    return croniter(expression, start, implement_cron_bug=True)
