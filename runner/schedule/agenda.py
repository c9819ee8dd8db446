"""Agenda: which queries fall due next, found without looking at those that do not.

Queries with one schedule share an entry, since they fall due together; a heap has the next moment on top. So
finding what is due costs as much as is due, however many queries there are.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from runner.schedule.due import next_due

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from runner.definitions.scheduled_query import Schedule


class Agenda:
    """The schedules of the queries that run, and when each of them is due next."""

    def __init__(self) -> None:
        self._queries: dict[tuple[str | None, int | None], set[str]] = {}
        self._heap: list[tuple[datetime, str, int, Schedule]] = []

    def set(self, schedules: Mapping[str, Schedule], now: datetime) -> None:
        """Replace everything: each query's schedule, from `now` (aware) on."""
        by_key = {_key(schedule): schedule for schedule in schedules.values()}
        self._queries = {key: set() for key in by_key}
        for query, schedule in schedules.items():
            self._queries[_key(schedule)].add(query)
        self._heap = [_entry(schedule, now) for schedule in by_key.values()]
        heapq.heapify(self._heap)

    def next_moment(self) -> datetime | None:
        """Return when something is due next; None if nothing ever is."""
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: datetime) -> frozenset[str]:
        """Return the queries that have fallen due up to and including `now`, once."""
        found: set[str] = set()
        while self._heap and self._heap[0][0] <= now:
            schedule = self._heap[0][3]
            found |= self._queries[_key(schedule)]
            heapq.heapreplace(self._heap, _entry(schedule, now))
        return frozenset(found)


def _key(schedule: Schedule) -> tuple[str | None, int | None]:
    return schedule.cron, schedule.rate_minutes


def _entry(schedule: Schedule, now: datetime) -> tuple[datetime, str, int, Schedule]:
    """Make a heap entry; cron and rate come before the schedule so that equal times can be compared."""
    return next_due(schedule, now), schedule.cron or "", schedule.rate_minutes or 0, schedule
