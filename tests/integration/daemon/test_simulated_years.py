"""Years of due times on a frozen clock, through outages, clock jumps and edits: none missing, none twice."""

import itertools
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_model import SlowCron, SlowHistory, SlowRate

from runner.clock import FrozenClock
from runner.daemon.planner import Planner
from runner.definitions.location import Location
from runner.definitions.scheduled_query import Dialect, QueryText, Schedule, ScheduledQuery
from runner.runs.query_run import RunCounts, RunFault, RunState
from runner.schedule.due import due_times
from runner.schedule.ledger import window_of
from runner.schedule.timing import QueryTiming
from runner.store.database import IN_MEMORY
from runner.store.state import RunResult, StateStore

START = datetime(2026, 1, 15, 0, 1, 30, tzinfo=UTC)
PLACE = Location(path=Path("q.yml"))
TEXT = QueryText(text="SELECT 1", dialect=Dialect.DUCKDB, location=PLACE)
CRONS = ["30 2 * * *", "0 */8 * * *", "0 0 29 2 *", "15,45 6-8 1,15 * 1", "0 0 * * 0", "5 0 31 1-12/2 *"]
CRONS += ["0 0 */2 * 1", "0 0 1 * */3", "*/7 3 * * 5-7", "0 12 29 2 0,3"]
RATES = [240, 1320, 10_080, 43_200, 9_999]
SCHEDULES = [(Schedule(cron=cron, timeout_minutes=1), SlowCron(cron)) for cron in CRONS] + [
    (Schedule(rate_minutes=rate, timeout_minutes=1), SlowRate(rate)) for rate in RATES
]
LEASE = timedelta(minutes=5)
FAULT = RunFault(kind="QueryError", message="no")
DONE = RunResult(
    state=RunState.SUCCEEDED, counts=RunCounts(), query_hash="", rule_hashes={}, matches=[], rules={}
)


class Simulation:
    """A daemon's planner and backlog over a real state database, beside the slow model of what is owed."""

    def __init__(self):
        self.clock = FrozenClock(START)
        self.store = StateStore(IN_MEMORY, clock=self.clock, events_per_alert=1)
        self.histories = {}
        self.defined = {"a": 0, "b": 6}
        self.disabled = set()
        self.furthest = START
        self.outcomes = itertools.cycle(["succeed", "succeed", "fail", "succeed", "give back", "die"])
        self.start()

    @property
    def now(self):
        return self.clock.now()

    def start(self):
        self.make_planner()
        self.load()

    def make_planner(self):
        self.store.ledger.release_all()
        self.planner = Planner(self.store.ledger, lambda _: QueryTiming(catch_up_limit=5))

    def load(self):
        self.take_in()
        self.tell()

    def take_in(self):
        queries = [
            ScheduledQuery(
                name=name,
                enabled=name not in self.disabled,
                sql=TEXT,
                schedule=SCHEDULES[number][0],
                location=PLACE,
            )
            for name, number in self.defined.items()
        ]
        self.planner.load(queries, self.now)

    def tell(self):
        """Tell the model what is defined now."""
        self.furthest = max(self.furthest, self.now)
        for name in {*self.histories, *self.defined}:
            is_running = name in self.defined and name not in self.disabled
            schedule = SCHEDULES[self.defined[name]][1] if is_running else None
            self.histories.setdefault(name, SlowHistory()).tell(self.now, schedule)

    def step(self, kind, number):
        getattr(self, kind)(number)

    def wait(self, minutes):
        """Let the alarm ring as it does: at each next moment, and at the end."""
        end = self.now + timedelta(minutes=minutes)
        for _ in range(20):
            moment = self.planner.next_moment()
            if moment is None or moment > end:
                break
            self.clock.advance(moment - self.now)
            self.planner.plan(self.now)
            self.work(1)
        self.late_alarm((end - self.now) // timedelta(minutes=1))

    def late_alarm(self, minutes):
        """Let the alarm ring once, however late."""
        self.clock.advance(timedelta(minutes=minutes))
        self.planner.plan(self.now)

    def outage(self, minutes):
        self.clock.advance(timedelta(minutes=minutes))
        self.start()

    def clock_goes_ahead_and_back(self, minutes):
        """Set the clock wrong, have something done by it, and set it right again."""
        ahead = timedelta(minutes=minutes + 2)
        self.clock.advance(ahead)
        self.planner.plan(self.now)
        self.defined["a"] = minutes % len(SCHEDULES)
        self.load()
        self.clock.advance(-ahead)
        self.furthest = self.now
        for history in self.histories.values():
            history.clock_was_ahead(self.now)
        self.planner.plan(self.now)
        self.load()

    def clock_is_behind_at_start_and_then_right(self, minutes):
        """Start with a clock that is far behind, work by it, edit and start again, and set it right: that is one outage."""
        self.furthest = max(self.furthest, self.now)
        right = self.furthest + timedelta(minutes=minutes % 1440)
        self.clock.advance(START - timedelta(minutes=minutes) - self.now)
        for _ in range(2):
            self.make_planner()
            self.take_in()
            self.clock.advance(timedelta(seconds=30))
            self.planner.plan(self.now)
            assert self.store.ledger.claim_next("me", LEASE) is None
            self.defined["a"] = minutes % len(SCHEDULES)
            self.take_in()
        self.clock.advance(right - self.now)
        self.planner.plan(self.now)
        self.tell()

    def clock_goes_back_a_little(self, seconds):
        """Go back by less than a minute in all: by more, it would not be a little."""
        self.furthest = max(self.furthest, self.now)
        back = timedelta(seconds=min(seconds, 50))
        if self.furthest - self.now + back < timedelta(minutes=1):
            self.clock.advance(-back)
        self.planner.plan(self.now)

    def edit(self, number):
        self.defined["a"] = number % len(SCHEDULES)
        self.load()

    def switch(self, number):
        self.disabled ^= {"ab"[number % 2]}
        self.load()

    def delete(self, _):
        self.defined.pop("b", None)
        self.load()

    def write_anew(self, number):
        self.defined["b"] = number % len(SCHEDULES)
        self.load()

    def work(self, count):
        """Have some due times run, each with another end."""
        for _ in range(min(count, 12)):
            claim = self.store.ledger.claim_next("me", LEASE)
            if claim is None:
                return
            outcome = next(self.outcomes)
            if outcome == "succeed":
                self.store.finish(claim, DONE)
            elif outcome == "fail":
                self.store.fail(claim, RunState.FAILED, FAULT)
            elif outcome == "give back":
                self.store.give_back(claim, FAULT, start_at=self.now)
            else:
                self.start()

    def recorded(self):
        """Return every due time as often as it stands somewhere: in the backlog, as a run, as a gap without one."""
        engine = self.store._database.engine
        with engine.connect() as connection:
            rows = connection.execute(
                sa.text(
                    "SELECT query, due FROM backlog UNION ALL SELECT query, due FROM gaps "
                    "UNION ALL SELECT query, scheduled_for FROM runs WHERE state IN ('succeeded')"
                )
            )
            return Counter((row.query, datetime.fromisoformat(row.due).replace(tzinfo=UTC)) for row in rows)

    def owed(self):
        return Counter(
            (name, due) for name, history in self.histories.items() for due in history.owed(self.now)
        )


KINDS = {
    "wait": st.integers(0, 30 * 1440),
    "late_alarm": st.integers(0, 5_000),
    "outage": st.integers(0, 800 * 1440),
    "clock_goes_ahead_and_back": st.integers(1, 3000 * 1440),
    "clock_is_behind_at_start_and_then_right": st.integers(2, 3000 * 1440),
    "clock_goes_back_a_little": st.integers(0, 49),
    "edit": st.integers(0, 100),
    "switch": st.integers(0, 1),
    "delete": st.just(0),
    "write_anew": st.integers(0, 100),
    "work": st.integers(1, 12),
}
STEPS = st.lists(
    st.sampled_from(sorted(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), KINDS[kind])), max_size=20
)


@settings(max_examples=20)
@given(STEPS)
def test_every_due_time_of_years_is_recorded_exactly_once_whatever_happens(steps):
    simulation = Simulation()
    with closing(simulation.store):
        for kind, number in steps:
            simulation.step(kind, number)
        simulation.outage(60)  # a last start records what is missing, if anything is

        assert simulation.recorded() == simulation.owed()


@pytest.mark.slow
@settings(max_examples=500)
@given(STEPS)
def test_every_due_time_of_years_is_recorded_exactly_once_in_many_more_lives(steps):
    test_every_due_time_of_years_is_recorded_exactly_once_whatever_happens.hypothesis.inner_test(steps)


@pytest.mark.slow  # a walk over every minute of sixteen years, for each schedule
@pytest.mark.parametrize(("schedule", "slow"), SCHEDULES, ids=CRONS + [str(rate) for rate in RATES])
def test_due_times_of_sixteen_years_are_those_of_the_slow_model_and_their_windows_tile_the_time(
    schedule, slow
):
    start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)

    due = list(due_times(schedule, after=start, until=end))

    windows = [window_of(schedule, moment) for moment in due]
    assert due == list(slow.due(start, end))
    assert all(one.end == following.start for one, following in itertools.pairwise(windows))
