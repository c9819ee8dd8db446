"""Planner: turns the passing of time into runs that are owed, each recorded once.

It never asks a timer what is due. Whenever it is woken, early or late, it records every due time since the last
one it has recorded; so a timer that fires late, twice or not at all loses nothing.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from runner.daemon.sure_time import SET_BACK, SureTime
from runner.schedule.agenda import Agenda
from runner.schedule.ledger import CatchUp, Epoch, GapReason, Overlap, catch_up, owed
from runner.schedule.owed import DuePlan, OwedRun, in_portions
from runner.schedule.timing import QueryTiming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

        def take_back(self, now: datetime) -> int:
            """Forget epochs and due times that lie in the future; return how many."""
            ...


_log = structlog.get_logger(__name__)

_DEFAULT_TIMING = QueryTiming()
_LIVE_WITHIN = timedelta(minutes=10)
"""A due time recorded later than that was missed, though the program was there: the machine was suspended."""
_PORTION = 5_000
"""About so many due times are recorded in one transaction: others get their turn in between, and so does SIGTERM."""
_INSTANT = timedelta(microseconds=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Planner:
    """Records the due times of all enabled queries.

    `timing_of` says what the settings hold for a query; `steady` tells seconds that never go back. `goes_on` is asked
    before each portion that is recorded: once it says no, the rest is left for the next start.
    """

    def __init__(
        self,
        store: PlannerStore,
        timing_of: Callable[[ScheduledQuery], QueryTiming],
        *,
        goes_on: Callable[[], bool] = lambda: True,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._timing_of = timing_of
        self._goes_on = goes_on
        self._agenda = Agenda()
        self._epochs = store.epochs()
        self._watermarks = store.watermarks()
        self._timings: dict[str, QueryTiming] = {}
        self._awake_since: datetime | None = None
        self._queries: Mapping[str, ScheduledQuery] = {}
        self._may_exist: Callable[[str], bool] = lambda _: False
        self._latest = max(
            [*self._watermarks.values(), *map(_start_of, self._epochs.values())], default=_LONG_AGO
        )
        self._sure = SureTime(self._latest, steady)
        self._behind: timedelta | None = None
        self._is_taken_in = True
        self._unrecorded: frozenset[str] = frozenset()

    @property
    def waits_for_clock(self) -> timedelta | None:
        """By how much the clock was behind at the last look, so that nothing is recorded; None if it was right."""
        return self._behind

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
        that it may be in a file that cannot be read goes on to owe what it did. While the clock is behind, it waits:
        then the change counts from when the clock is right.
        """
        self._queries, self._may_exist = {query.name: query for query in queries}, may_exist
        self._timings |= {name: self._timing_of(query) for name, query in self._queries.items()}
        self._is_taken_in = False
        if self._is_clock_right(now):
            self._take_back(now)
            self._take_in(now)

    def plan(self, now: datetime) -> int:
        """Record what has fallen due up to `now`; return how many due times that were.

        If the store fails, it is recorded the next time: the agenda names a query only once. A clock that is behind
        is waited for: nothing is recorded by it, and nothing forgotten.
        """
        if not self._is_clock_right(now):
            return 0
        self._take_back(now)
        if not self._is_taken_in:
            self._take_in(now)
        return self._record_due(now)

    def next_moment(self) -> datetime | None:
        """Return when something falls due next."""
        return self._agenda.next_moment()

    def _take_in(self, now: datetime) -> None:
        """Record what was due by the schedules that held up to now, and let those of the definitions hold."""
        if self._awake_since is None:
            self._unrecorded = self._running()
        self._record_due(now)
        if self._unrecorded:
            return
        wanted = self._wanted()
        begun = {
            name: Epoch(start=self._start_of_epoch(name, now), schedule=wanted.get(name))
            for name in {*wanted, *self._epochs}
            if not self._holds(name, wanted.get(name))
        }
        self._store.begin_epochs(begun)
        for name, epoch in begun.items():
            self._epochs.setdefault(name, []).append(epoch)
            self._watermarks.setdefault(name, epoch.start)
        self._agenda.set({name: schedule for name, schedule in wanted.items() if schedule is not None}, now)
        self._awake_since = self._awake_since or now
        self._is_taken_in = True

    def _record_due(self, now: datetime) -> int:
        """Record what is owed up to `now`, a portion at a time, unless told to stop; return how many due times."""
        self._unrecorded |= self._agenda.take_due(now)
        recorded = 0
        for portion in in_portions(self._plans(self._unrecorded, now), _PORTION):
            if not self._goes_on():
                return recorded
            self._store.record_due(portion)
            for plan in portion:
                self._watermarks[plan.query] = plan.watermark
                recorded += plan.size
        self._unrecorded = frozenset()
        return recorded

    def _is_clock_right(self, now: datetime) -> bool:
        """Return whether the clock stands where time has surely come, and say so when that changes."""
        before, self._behind = self._behind, self._sure.behind(now)
        if self._behind is not None and before is None:
            _log.error("clock_behind", seconds=self._behind.total_seconds(), now=now.isoformat())
        if self._behind is None and before is not None:
            _log.info("clock_right_again", now=now.isoformat())
        return self._behind is None

    def _take_back(self, now: datetime) -> None:
        """If the clock was ahead, forget what was recorded for times that have not come.

        Else these windows would count as seen to, though their data was not there yet, and edits made meanwhile
        would hold only from that future on.
        """
        if now + SET_BACK >= self._latest:
            self._latest = max(self._latest, now)
            return
        count = self._store.take_back(now)
        _log.warning("clock_set_back", seconds=(self._latest - now).total_seconds(), taken_back=count)
        self._epochs, self._watermarks = self._store.epochs(), self._store.watermarks()
        self._latest, self._unrecorded = now, self._running()
        self._is_taken_in = False

    def _wanted(self) -> dict[str, Schedule | None]:
        """Return each known query's schedule, None for those that are not to run."""
        wanted = {name: query.schedule if query.enabled else None for name, query in self._queries.items()}
        return wanted | {
            name: epochs[-1].schedule
            for name, epochs in self._epochs.items()
            if name not in wanted and self._may_exist(name)
        }

    def _start_of_epoch(self, name: str, now: datetime) -> datetime:
        """Return `now`, or a moment after the epoch before: epochs are in order whatever the clock does."""
        epochs = self._epochs.get(name)
        return max(now, epochs[-1].start + _INSTANT) if epochs else now

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

    def _plans(self, names: Iterable[str], now: datetime) -> Iterator[DuePlan]:
        for name in sorted(names):
            yield from self._plans_of(name, now)

    def _plans_of(self, name: str, now: datetime) -> Iterator[DuePlan]:
        """Part what one query owes into gaps, a portion of them at a time, and then what is run, all at once."""
        epochs, watermark = self._epochs[name], self._watermarks[name]
        timing = self._timings.get(name, _DEFAULT_TIMING)  # a query that is gone still owes what was due
        reason = GapReason.LIMIT if timing.catch_up is CatchUp.ALL else GapReason.NOT_RUNNING
        asleep_until = min(now, max(self._awake_since or now, now - _LIVE_WITHIN - _INSTANT))
        missed = owed(epochs, after=watermark, until=asleep_until)
        gaps: list[datetime] = []
        runs: list[OwedRun] = []
        for due, is_run in catch_up(missed, timing.catch_up, timing.catch_up_limit):
            if is_run:
                runs.append(_owed_run(name, timing, due, is_live=False))
                continue
            gaps.append(due)
            if len(gaps) == _PORTION:
                yield DuePlan(query=name, watermark=due, runs=(), gaps=tuple(gaps), gap_reason=reason)
                gaps.clear()
        runs += [
            _owed_run(name, timing, due, is_live=True)
            for due in owed(epochs, after=max(watermark, asleep_until), until=now)
        ]
        if runs or gaps:
            last = runs[-1].due if runs else gaps[-1]
            yield DuePlan(query=name, watermark=last, runs=tuple(runs), gaps=tuple(gaps), gap_reason=reason)


def _owed_run(name: str, timing: QueryTiming, due: datetime, *, is_live: bool) -> OwedRun:
    return OwedRun(
        due=due,
        start_at=timing.start_of(name, due),
        is_live=is_live,
        priority=timing.priority,
        may_be_skipped=is_live and timing.overlap is Overlap.SKIP,
    )


def _start_of(epochs: Sequence[Epoch]) -> datetime:
    return epochs[-1].start
