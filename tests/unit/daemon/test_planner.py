from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.daemon.planner import Planner
from runner.definitions.location import Location
from runner.definitions.scheduled_query import Dialect, QueryText, Schedule, ScheduledQuery
from runner.errors import StoreError
from runner.schedule.ledger import CatchUp, Epoch, GapReason, Overlap
from runner.schedule.timing import QueryTiming

START = datetime(2026, 1, 15, 0, 1, tzinfo=UTC)
PLACE = Location(path=Path("q.yml"), line=1, column=1)
SCHEDULES = [
    Schedule(cron=None, rate_minutes=60, timeout_minutes=1),
    Schedule(cron=None, rate_minutes=7, timeout_minutes=1),
    Schedule(cron="*/10 * * * *", rate_minutes=None, timeout_minutes=1),
    Schedule(cron="30 2 * * *", rate_minutes=None, timeout_minutes=1),
]
HOURLY = SCHEDULES[0]


class RememberedRuns:
    """What a state database would hold: kept over restarts of the planner."""

    def __init__(self):
        self.remembered_epochs = {}
        self.marks = {}
        self.runs = []
        self.wishes = []
        self.gaps = []
        self.reasons = set()

    def epochs(self):
        return {name: list(epochs) for name, epochs in self.remembered_epochs.items()}

    def watermarks(self):
        return dict(self.marks)

    def begin_epochs(self, epochs):
        for name, epoch in epochs.items():
            self.remembered_epochs.setdefault(name, []).append(epoch)
            self.marks.setdefault(name, epoch.start)

    def record_due(self, plans):
        for plan in plans:
            self.runs += [(plan.query, run.due, run.is_live) for run in plan.runs]
            self.wishes += [(run.due.hour, run.priority, run.may_be_skipped) for run in plan.runs]
            self.gaps += [(plan.query, due) for due in plan.gaps]
            self.reasons |= {plan.gap_reason for _ in plan.gaps}
            self.marks[plan.query] = plan.watermark

    def take_back(self, now):
        self.remembered_epochs = {
            name: kept
            for name, epochs in self.remembered_epochs.items()
            if (kept := [epoch for epoch in epochs if epoch.start <= now])
        }
        before = len(self.runs) + len(self.gaps)
        self.runs = [run for run in self.runs if run[1] <= now]
        self.gaps = [gap for gap in self.gaps if gap[1] <= now]
        self.marks = {name: min(mark, now) for name, mark in self.marks.items()}
        return before - len(self.runs) - len(self.gaps)


def query(name, schedule=HOURLY, *, enabled=True):
    text = QueryText(text="SELECT 1", dialect=Dialect.DUCKDB, location=PLACE)
    return ScheduledQuery(name=name, enabled=enabled, sql=text, schedule=schedule, location=PLACE)


def planner(store, **timing):
    return Planner(store, lambda _: QueryTiming(**timing))


def test_a_new_query_is_not_run_when_it_is_loaded_but_at_its_next_due_time():
    store = RememberedRuns()
    made = planner(store)

    made.load([query("a")], START)
    made.plan(START + timedelta(minutes=58))
    before = list(store.runs)
    made.plan(START + timedelta(minutes=59))

    assert before == []
    assert store.runs == [("a", datetime(2026, 1, 15, 1, tzinfo=UTC), True)]


def test_what_fell_due_during_an_outage_is_run_oldest_first_after_it():
    store = RememberedRuns()
    planner(store).load([query("a")], START)

    planner(store).load([query("a")], START + timedelta(hours=3))

    hours = [datetime(2026, 1, 15, hour, tzinfo=UTC) for hour in (1, 2, 3)]
    assert store.runs == [("a", due, False) for due in hours]


def test_catching_up_with_the_latest_alone_leaves_gaps_that_are_recorded():
    store = RememberedRuns()
    planner(store).load([query("a")], START)

    planner(store, catch_up=CatchUp.LATEST).load([query("a")], START + timedelta(hours=3))

    assert store.runs == [("a", datetime(2026, 1, 15, 3, tzinfo=UTC), False)]
    assert store.gaps == [("a", datetime(2026, 1, 15, hour, tzinfo=UTC)) for hour in (1, 2)]


def test_an_edit_during_an_outage_changes_nothing_that_was_owed_before_it():
    store = RememberedRuns()
    planner(store).load([query("a")], START)

    planner(store).load([query("a", SCHEDULES[3])], START + timedelta(hours=2))

    assert [due for _, due, _ in store.runs] == [datetime(2026, 1, 15, hour, tzinfo=UTC) for hour in (1, 2)]


def test_a_query_that_is_disabled_and_enabled_again_owes_nothing_for_the_time_between():
    store = RememberedRuns()
    made = planner(store)

    made.load([query("a")], START)
    made.load([query("a", enabled=False)], START + timedelta(minutes=90))
    made.plan(START + timedelta(hours=4))
    made.load([query("a")], START + timedelta(hours=4))
    made.plan(START + timedelta(hours=5))

    assert [due for _, due, _ in store.runs] == [datetime(2026, 1, 15, hour, tzinfo=UTC) for hour in (1, 5)]


def test_a_deleted_query_stops_and_a_renamed_one_is_new():
    store = RememberedRuns()
    made = planner(store)

    made.load([query("old name")], START)
    made.load([query("new name")], START + timedelta(minutes=90))
    made.plan(START + timedelta(hours=3))

    assert [(name, due.hour) for name, due, _ in store.runs] == [
        ("old name", 1),
        ("new name", 2),
        ("new name", 3),
    ]


def test_a_query_in_a_file_that_cannot_be_read_goes_on_to_owe_its_due_times():
    """Else a restart beside a broken file would lose windows without a trace."""
    store = RememberedRuns()
    planner(store).load([query("a"), query("b")], START)

    restarted = planner(store)
    restarted.load([query("b")], START + timedelta(minutes=10), may_exist=lambda name: name == "a")
    restarted.plan(START + timedelta(minutes=59))

    assert sorted(name for name, _, _ in store.runs) == ["a", "b"]


def test_what_fell_due_while_the_machine_slept_was_missed_though_the_daemon_was_there():
    store = RememberedRuns()
    made = planner(store, catch_up=CatchUp.LATEST)
    made.load([query("a")], START)

    made.plan(START + timedelta(hours=3, minutes=15))

    assert store.runs == [("a", datetime(2026, 1, 15, 3, tzinfo=UTC), False)]
    assert len(store.gaps) == 2


def test_what_was_recorded_by_a_clock_that_was_ahead_is_taken_back():
    store = RememberedRuns()
    made = planner(store)
    made.load([query("a")], START)

    made.plan(START + timedelta(days=2000))
    made.plan(START)
    after = list(store.runs)
    made.plan(START + timedelta(minutes=59))

    assert (after, store.gaps) == ([], [])
    assert store.runs == [("a", datetime(2026, 1, 15, 1, tzinfo=UTC), True)]


def test_a_clock_that_is_behind_at_the_start_is_waited_for_and_nothing_is_forgotten():
    store = RememberedRuns()
    planner(store).load([query("a")], START)
    first_seen = store.remembered_epochs["a"][0].start

    restarted = planner(store)
    restarted.load([query("a"), query("b")], START - timedelta(days=3650))
    recorded = restarted.plan(START - timedelta(days=3650, minutes=-1))
    waits = restarted.waits_for_clock
    restarted.plan(START + timedelta(minutes=30))
    restarted.plan(START + timedelta(minutes=59))

    assert (recorded, waits) == (0, timedelta(days=3650, minutes=-1))
    assert restarted.waits_for_clock is None
    assert store.remembered_epochs["a"] == [Epoch(start=first_seen, schedule=HOURLY)]
    assert store.remembered_epochs["b"][0].start == START + timedelta(minutes=30)
    assert [(name, due.hour) for name, due, _ in store.runs] == [("a", 1), ("b", 1)]


def test_a_clock_that_goes_far_back_after_an_hour_in_step_is_the_one_that_is_wrong():
    store = RememberedRuns()
    passed = iter([0, 3540, 3600])
    made = Planner(store, lambda _: QueryTiming(), steady=lambda: next(passed))
    for seconds in (0, 3540, 3600):
        made.load([query("a")], START + timedelta(seconds=seconds))

    made.load([query("a"), query("b")], START - timedelta(days=10))

    assert made.waits_for_clock == timedelta(days=10, hours=1)
    assert list(store.remembered_epochs) == ["a"]
    assert store.runs == [("a", datetime(2026, 1, 15, 1, tzinfo=UTC), True)]


def test_an_edit_made_by_a_clock_that_was_ahead_holds_from_now_on():
    store = RememberedRuns()
    made = planner(store)
    made.load([query("a")], START)

    made.load([query("a", SCHEDULES[2])], START + timedelta(days=2000))
    made.plan(START + timedelta(minutes=5))
    made.plan(START + timedelta(minutes=9))

    assert store.runs == [("a", datetime(2026, 1, 15, 0, 10, tzinfo=UTC), True)]


def test_a_clock_that_goes_back_a_little_leaves_epochs_in_order():
    store = RememberedRuns()
    made = planner(store)
    made.load([query("a")], START)

    made.load([query("a", SCHEDULES[2])], START - timedelta(seconds=30))

    starts = [epoch.start for epoch in store.remembered_epochs["a"]]
    assert starts == sorted(starts)
    assert store.remembered_epochs["a"][-1].schedule == SCHEDULES[2]


def test_what_is_beyond_the_limit_of_catching_up_is_a_gap_for_that_reason():
    store = RememberedRuns()
    planner(store).load([query("a")], START)

    planner(store, catch_up_limit=1).load([query("a")], START + timedelta(hours=3))

    assert (len(store.runs), len(store.gaps), store.reasons) == (1, 2, {GapReason.LIMIT})


EVERY_MINUTE = Schedule(cron="* * * * *", rate_minutes=None, timeout_minutes=1)
OUTAGE = timedelta(days=10)
OWED = 10 * 24 * 60


class Portions(RememberedRuns):
    """It remembers too how much it was given at a time, and fails or has the planner stop when it has some."""

    def __init__(self, most=99):
        super().__init__()
        self.most = most
        self.sizes = []

    def record_due(self, plans):
        if len(self.sizes) == self.most:
            raise StoreError("the disk is full")
        super().record_due(plans)
        self.sizes.append(sum(plan.size for plan in plans))

    def goes_on(self):
        return len(self.sizes) < self.most

    @property
    def dues(self):
        return sorted([due for _, due, _ in self.runs] + [due for _, due in self.gaps])


def every_minute_of_the_outage():
    return [START + timedelta(minutes=count) for count in range(1, OWED + 1)]


def test_a_long_outage_is_recorded_in_portions_and_the_newest_are_run():
    store = Portions()
    planner(store).load([query("a", EVERY_MINUTE)], START)

    planner(store, catch_up_limit=100).load([query("a", EVERY_MINUTE)], START + OUTAGE)

    assert store.sizes == [5_000, 5_000, OWED - 10_000]
    assert store.dues == every_minute_of_the_outage()
    assert [due for _, due, _ in store.runs] == every_minute_of_the_outage()[-100:]
    assert store.reasons == {GapReason.LIMIT}


def test_many_queries_are_recorded_in_portions_too():
    store = Portions()
    queries = [query(f"q{number}", SCHEDULES[1]) for number in range(300)]
    planner(store).load(queries, START)

    planner(store).load(queries, START + timedelta(hours=10))

    due_each = 85
    assert len(store.runs) == len({(name, due) for name, due, _ in store.runs}) == 300 * due_each
    assert max(store.sizes) < 5_000 + due_each
    assert len(store.sizes) == 6


def test_a_daemon_that_stops_while_it_records_an_outage_leaves_the_rest_to_the_next_start():
    """And an edit made meanwhile counts from when all that was owed before it is recorded."""
    store = Portions(most=1)
    planner(store).load([query("a", EVERY_MINUTE)], START)

    stopped = Planner(store, lambda _: QueryTiming(), goes_on=store.goes_on)
    stopped.load([query("a")], START + OUTAGE)
    at_stop, epochs_at_stop = list(store.sizes), len(store.remembered_epochs["a"])
    store.most = 99
    planner(store).load([query("a")], START + OUTAGE)

    assert (at_stop, epochs_at_stop) == ([5_000], 1)
    assert store.dues == every_minute_of_the_outage()
    assert [epoch.schedule for epoch in store.remembered_epochs["a"]] == [EVERY_MINUTE, HOURLY]


def test_a_state_database_that_fails_between_two_portions_is_given_the_others_later():
    store = Portions(most=2)
    planner(store).load([query("a", EVERY_MINUTE)], START)

    failing = planner(store)
    with pytest.raises(StoreError):
        failing.load([query("a", EVERY_MINUTE)], START + OUTAGE)
    store.most = 99
    failing.plan(START + OUTAGE)

    assert store.sizes == [5_000, 5_000, OWED - 10_000]
    assert store.dues == every_minute_of_the_outage()


def test_priority_goes_with_every_run_and_only_what_falls_due_now_may_be_skipped():
    store = RememberedRuns()
    planner(store).load([query("a")], START)

    made = planner(store, overlap=Overlap.SKIP, priority=3)
    made.load([query("a")], START + timedelta(hours=1))
    made.plan(START + timedelta(minutes=119))

    assert store.wishes == [(1, 3, False), (2, 3, True)]
