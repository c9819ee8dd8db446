"""QueryStatus: how one scheduled query stands, made from what the state database holds. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from runner.runs.query_run import RunState
from runner.schedule.due import next_due
from runner.schedule.ledger import Interval
from runner.status.coverage import DueWindows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from runner.definitions.scheduled_query import Schedule
    from runner.runs.query_run import QueryRun
    from runner.schedule.ledger import Epoch


class QueryState(StrEnum):
    """Whether a query runs."""

    ENABLED = "enabled"
    PAUSED = "paused"
    OFF = "off"
    """It is disabled, or its definition is gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """What a query still owes."""

    waiting: int = 0
    """Due times that nobody has claimed."""
    running: int = 0
    live_since: datetime | None = None
    """When the oldest of them might have begun that is not caught up with, and is not running."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryFacts:
    """What the state database holds of one query."""

    query: str
    epochs: tuple[Epoch, ...]
    recorded_until: datetime
    backlog: Backlog
    last_run: QueryRun | None = None
    """The run of the latest due time."""
    last_success: QueryRun | None = None
    """The run of the latest due time that was evaluated."""
    gaps: Mapping[str, int] = field(default_factory=dict)
    """How many gaps there are, by reason."""
    is_paused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryStatus:
    """How one query stands at a moment."""

    facts: QueryFacts
    state: QueryState
    schedule: Schedule | None
    next_due: datetime | None
    unseen: int
    """Due times that no daemon has recorded yet: none was awake."""
    success_age_seconds: float | None
    """How long ago the latest evaluated due time was; None if there is none."""
    overdue_seconds: float
    """How long it waits for a run that should have begun; what is caught up with does not count."""

    @property
    def is_failing(self) -> bool:
        """Whether it runs, and the run of its latest due time ended without success."""
        run = self.facts.last_run
        return self.state is QueryState.ENABLED and run is not None and run.state in _FAILED

    @property
    def broken_rules(self) -> tuple[str, ...]:
        """If it runs, the rules that failed on every row of its newest evaluation, or could not be loaded."""
        run = self.facts.last_run
        if run is None or run.state not in _EVALUATED:
            run = self.facts.last_success  # until the run that is going on has ended
        return run.broken_rules if run is not None and self.state is QueryState.ENABLED else ()

    @property
    def is_stale(self) -> bool:
        """Whether it runs, and the run of its latest due time found a table without new data."""
        run = self.facts.last_run
        return self.state is QueryState.ENABLED and run is not None and bool(run.stale)


_EVALUATED = (RunState.SUCCEEDED, RunState.TRUNCATED)
_FAILED = (RunState.FAILED, RunState.TIMED_OUT, RunState.INTERRUPTED)
"""How runs end that have not answered. A run that waits for another attempt has not ended."""


class StatusMaker:
    """Makes the status of queries at one moment (aware); those that share a schedule share the work."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._next: dict[tuple[object, ...], datetime] = {}
        self._windows: dict[datetime, DueWindows] = {}

    def status_of(self, facts: QueryFacts) -> QueryStatus:
        """Return how a query stands."""
        schedule = facts.epochs[-1].schedule if facts.epochs else None
        unseen = self._unseen(facts)
        success = facts.last_success
        return QueryStatus(
            facts=facts,
            state=_state(facts, schedule),
            schedule=schedule,
            next_due=self._next_due(schedule) if schedule else None,
            unseen=len(unseen),
            success_age_seconds=_seconds(self._now - success.key.scheduled_for) if success else None,
            overdue_seconds=self._overdue(facts, unseen),
        )

    def _unseen(self, facts: QueryFacts) -> Mapping[datetime, float]:
        period = Interval(start=facts.recorded_until, end=self._now)
        if period.start >= period.end:
            return {}
        return self._windows.setdefault(period.start, DueWindows(period)).of(facts.epochs)

    def _overdue(self, facts: QueryFacts, unseen: Mapping[datetime, float]) -> float:
        since = [
            moment for moment in (facts.backlog.live_since, next(iter(unseen), None)) if moment is not None
        ]
        return max((0.0, *(_seconds(self._now - moment) for moment in since)))

    def _next_due(self, schedule: Schedule) -> datetime:
        key = (schedule.cron, schedule.rate_minutes)
        if key not in self._next:
            self._next[key] = next_due(schedule, self._now)
        return self._next[key]


def _state(facts: QueryFacts, schedule: Schedule | None) -> QueryState:
    if schedule is None:
        return QueryState.OFF
    return QueryState.PAUSED if facts.is_paused else QueryState.ENABLED


def _seconds(length: timedelta) -> float:
    return length.total_seconds()
