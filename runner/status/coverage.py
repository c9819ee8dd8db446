"""Coverage: what became of every due time of a period, and which share of the period was evaluated. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from runner.schedule.due import due_times, last_due
from runner.schedule.ledger import active_stretches, between_schedules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from runner.definitions.scheduled_query import Schedule
    from runner.schedule.ledger import Epoch, Interval


class Outcome(StrEnum):
    """What became of a due time; a gap is told by its reason instead."""

    SUCCEEDED = "succeeded"
    TRUNCATED = "truncated"
    OWED = "owed"
    """It is still to be run, or is running."""
    UNACCOUNTED = "unaccounted"
    """Nothing is known of it, though it should be: a fault of the program, or its record was removed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """The account of one query over one period."""

    due: int
    """How many due times the query had. Time in which it was disabled has none."""
    outcomes: Mapping[str, int]
    """How many of them ended how: an `Outcome`, or the reason of a gap. They add up to `due`."""
    share: float | None
    """Which share of the time was evaluated with success, from 0 to 1: each due time weighs as much as the
    time since the one before it, and what is in no window counts as not evaluated. None if there was neither."""
    unaccounted: tuple[datetime, ...] = ()
    unread: tuple[Interval, ...] = ()
    """Stretches that are in no window, because the schedule was edited: no due time answers for them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What the state database holds for one query and period."""

    succeeded: int = 0
    """How many due times were evaluated with success."""
    others: Mapping[datetime, str] = field(default_factory=dict)
    """What became of the other ones: an `Outcome`, or the reason of a gap."""


class DueWindows:
    """The due times of queries in one period (after its start, up to its end), with the seconds each answers for.

    Queries that share a schedule share the work.
    """

    def __init__(self, period: Interval) -> None:
        self._period = period
        self._known: dict[tuple[object, ...], dict[datetime, float]] = {}

    def of(self, epochs: Sequence[Epoch], *, after: datetime | None = None) -> dict[datetime, float]:
        """Return a query's due times, in order; if asked, only those later than `after`."""
        start = self._period.start if after is None else max(after, self._period.start)
        found: dict[datetime, float] = {}
        for one in active_stretches(epochs, until=self._period.end):
            if one.end > start:
                part = self._part(one.schedule, one.reached, max(one.start, start), one.end)
                found = {**found, **part} if found else part
        return found

    def unread(self, epochs: Sequence[Epoch]) -> tuple[Interval, ...]:
        """Return the stretches of the period that are in no window, though the query ran."""
        if len(epochs) <= 1:
            return ()
        return tuple(between_schedules(epochs, after=self._period.start, until=self._period.end))

    def _part(
        self, schedule: Schedule, reached: datetime, after: datetime, until: datetime
    ) -> dict[datetime, float]:
        before = max(last_due(schedule, after), reached)
        key = (schedule.cron, schedule.rate_minutes, before, after, until)
        if key not in self._known:
            self._known[key] = _lengths(schedule, before, after, until)
        return self._known[key]


def account(
    windows: Mapping[datetime, float],
    recorded: Recorded,
    recorded_until: datetime,
    unread: Sequence[Interval] = (),
) -> Coverage | None:
    """Account for due times without knowing which of them succeeded, only how many.

    Returns None if that does not add up: then `account_exactly` is to be asked. A due time later than
    `recorded_until` is owed, whether or not a daemon has seen it yet.
    """
    others = {due: outcome for due, outcome in recorded.others.items() if due in windows}
    others |= {due: Outcome.OWED for due in _later(windows, recorded_until) if due not in others}
    if recorded.succeeded + len(others) != len(windows):
        return None
    return _coverage(windows, others, recorded.succeeded, unread)


def account_exactly(
    windows: Mapping[datetime, float],
    outcomes: Mapping[datetime, str],
    recorded_until: datetime,
    unread: Sequence[Interval] = (),
) -> Coverage:
    """Account for every due time by its own outcome; one without is owed if it is later than `recorded_until`."""
    others: dict[datetime, str] = {}
    for due in windows:
        missing = Outcome.OWED if due > recorded_until else Outcome.UNACCOUNTED
        outcome = outcomes.get(due, missing)
        if outcome != Outcome.SUCCEEDED:
            others[due] = outcome
    return _coverage(windows, others, len(windows) - len(others), unread)


def _coverage(
    windows: Mapping[datetime, float],
    others: Mapping[datetime, str],
    succeeded: int,
    unread: Sequence[Interval],
) -> Coverage:
    counts: dict[str, int] = {Outcome.SUCCEEDED.value: succeeded} if succeeded else {}
    for outcome in others.values():
        counts[str(outcome)] = counts.get(str(outcome), 0) + 1
    return Coverage(
        due=len(windows),
        outcomes=counts,
        share=_share(windows, others, unread),
        unaccounted=tuple(due for due, outcome in others.items() if outcome == Outcome.UNACCOUNTED),
        unread=tuple(unread),
    )


def _share(
    windows: Mapping[datetime, float], others: Mapping[datetime, str], unread: Sequence[Interval]
) -> float | None:
    if not windows and not unread:
        return None
    if not others and not unread:
        return 1.0
    if len(others) == len(windows):
        return 0.0
    in_no_window = sum((one.end - one.start).total_seconds() for one in unread)
    whole = sum(windows.values()) + in_no_window
    return 1.0 - (sum(windows[due] for due in others) + in_no_window) / whole


def _later(windows: Mapping[datetime, float], moment: datetime) -> list[datetime]:
    later = []
    for due in reversed(tuple(windows)):
        if due <= moment:
            break
        later.append(due)
    return later


def _lengths(schedule: Schedule, before: datetime, after: datetime, until: datetime) -> dict[datetime, float]:
    found: dict[datetime, float] = {}
    for due in due_times(schedule, after=after, until=until):
        found[due] = (due - before).total_seconds()
        before = due
    return found
