"""Planner: turns the passing of time into runs that are owed, each recorded once.

It never asks a timer what is due. Whenever it is woken, early or late, it records every due time since the last
one it has recorded; so a timer that fires late, twice or not at all loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.schedule.agenda import Agenda
from runner.schedule.ledger import Epoch, catch_up, owed
from runner.schedule.owed import DuePlan, OwedRun
from runner.schedule.timing import QueryTiming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Protocol

    from runner.definitions.scheduled_query import Schedule, ScheduledQuery

    class PlannerStore(Protocol):
        """What the planner asks of the state database."""

        def epochs(self) -> dict[str, list[Epoch]]:
            """Return every query's epochs, in order of time."""
            ...

        def watermarks(self) -> dict[str, datetime]:
            """Return up to when each query's due times are recorded."""
            ...

        def begin_epochs(self, epochs: Mapping[str, Epoch]) -> None:
            """Remember that new schedules hold for some queries."""
            ...

        def record_due(self, plans: Sequence[DuePlan]) -> None:
            """Record due times and move the watermarks, in one transaction; what is there already stays."""
            ...


_DEFAULT_TIMING = QueryTiming()


class Planner:
    """Records the due times of all enabled queries.

    `timing_of` says what the settings hold for a query.
    """

    def __init__(self, store: PlannerStore, timing_of: Callable[[ScheduledQuery], QueryTiming]) -> None:
        self._store = store
        self._timing_of = timing_of
        self._agenda = Agenda()
        self._epochs = store.epochs()
        self._watermarks = store.watermarks()
        self._timings: dict[str, QueryTiming] = {}
        self._awake_since: datetime | None = None
        self._unrecorded: frozenset[str] = frozenset()

    def load(
        self,
        queries: Iterable[ScheduledQuery],
        now: datetime,
        *,
        may_exist: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Take in the queries as they are defined now: what has changed begins a new epoch at this moment.

        Due times before it follow the schedule before it, so an edit during an outage changes nothing that
        was owed. A query that is gone or disabled owes nothing from now on; but one of which `may_exist` says
        that it may be in a file that cannot be read goes on to owe what it did.
        """
        by_name = {query.name: query for query in queries}
        self._timings |= {name: self._timing_of(query) for name, query in by_name.items()}
        self._record(self._running(), now)
        wanted = {name: query.schedule if query.enabled else None for name, query in by_name.items()}
        wanted |= {
            name: epochs[-1].schedule
            for name, epochs in self._epochs.items()
            if name not in wanted and may_exist(name)
        }
        begun = {
            name: Epoch(start=now, schedule=wanted.get(name))
            for name in {*wanted, *self._epochs}
            if not self._holds(name, wanted.get(name))
        }
        self._store.begin_epochs(begun)
        for name, epoch in begun.items():
            self._epochs.setdefault(name, []).append(epoch)
            self._watermarks.setdefault(name, now)
        schedules = {name: schedule for name, schedule in wanted.items() if schedule is not None}
        self._agenda.set(schedules, now)
        self._awake_since = self._awake_since or now

    def plan(self, now: datetime) -> int:
        """Record what has fallen due up to `now`; return how many due times that were.

        If the store fails, it is recorded the next time: the agenda names a query only once.
        """
        self._unrecorded |= self._agenda.take_due(now)
        recorded = self._record(self._unrecorded, now)
        self._unrecorded = frozenset()
        return recorded

    def next_moment(self) -> datetime | None:
        """Return when something falls due next."""
        return self._agenda.next_moment()

    def _running(self) -> frozenset[str]:
        return frozenset(name for name, epochs in self._epochs.items() if epochs[-1].schedule is not None)

    def _holds(self, name: str, schedule: Schedule | None) -> bool:
        """Whether the query's last epoch says the same; a query never seen that does not run needs none."""
        epochs = self._epochs.get(name)
        if not epochs:
            return schedule is None
        last = epochs[-1].schedule
        if last is None or schedule is None:
            return last is schedule
        return (last.cron, last.rate_minutes) == (schedule.cron, schedule.rate_minutes)

    def _record(self, names: Iterable[str], now: datetime) -> int:
        plans = [plan for name in sorted(names) if (plan := self._plan_of(name, now)) is not None]
        if plans:
            self._store.record_due(plans)
        for plan in plans:
            self._watermarks[plan.query] = plan.watermark
        return sum(len(plan.runs) + len(plan.gaps) for plan in plans)

    def _plan_of(self, name: str, now: datetime) -> DuePlan | None:
        """Part what one query owes into live runs, runs to catch up with, and gaps."""
        watermark = self._watermarks[name]
        times = list(owed(self._epochs[name], after=watermark, until=now))
        if not times:
            return None
        timing = self._timings.get(name, _DEFAULT_TIMING)  # a query that is gone still owes what was due
        asleep_until = self._awake_since or now
        missed = [due for due in times if due <= asleep_until]
        live = times[len(missed) :]
        plan = catch_up(missed, timing.catch_up, timing.catch_up_limit)
        runs = [OwedRun(due=due, start_at=timing.start_of(name, due), is_live=False) for due in plan.run]
        runs += [OwedRun(due=due, start_at=timing.start_of(name, due), is_live=True) for due in live]
        return DuePlan(query=name, watermark=times[-1], runs=tuple(runs), gaps=plan.gaps)
