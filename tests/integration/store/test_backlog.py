"""The backlog: who runs what next, on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from state_lab import TEN

from runner.definitions.scheduled_query import Schedule
from runner.errors import ClaimLost, SlotTaken, StoreError
from runner.runs.query_run import RunCounts, RunFault, RunKey, RunPurpose, RunState
from runner.schedule.ledger import Epoch, GapReason
from runner.schedule.owed import DuePlan, OwedRun
from runner.store.state import RunResult, StateStore

LEASE = timedelta(minutes=5)
HOURLY = Schedule(cron=None, rate_minutes=60, timeout_minutes=5)
FAULT = RunFault(kind="QueryTimeout", message="too slow", transient=True)


class MovingClock:
    def __init__(self):
        self.time = datetime.now(UTC) - timedelta(days=1)  # not ahead of PostgreSQL's, or that would rule

    def now(self):
        return self.time

    def advance(self, by):
        self.time += by


@pytest.fixture
def clock():
    return MovingClock()


@pytest.fixture
def store(state_url, clock):
    opened = StateStore(state_url, clock=clock, events_per_alert=3)
    yield opened
    opened.close()


def owe(store, query, hours, *, live=(), start_after=timedelta(0), gaps=()):
    """Record that a query owes the due times of these hours after ten."""
    ledger = store.ledger
    ledger.begin_epochs({query: Epoch(start=TEN - timedelta(days=1), schedule=HOURLY)})
    runs = tuple(
        OwedRun(due=at(hour), start_at=at(hour) + start_after, is_live=hour in live) for hour in sorted(hours)
    )
    last = max([at(hour) for hour in (*hours, *gaps)])
    ledger.record_due([DuePlan(query=query, watermark=last, runs=runs, gaps=tuple(map(at, gaps)))])


def at(hour):
    return TEN + timedelta(hours=hour)


def claimed(store, owner="me", count=1):
    """Claim so many due times, and say which: the query's name and the hour after ten."""
    claims = [store.ledger.claim_next(owner, LEASE) for _ in range(count)]
    return [
        claim and (claim.key.query, (claim.key.scheduled_for - TEN) // timedelta(hours=1)) for claim in claims
    ]


def result(**counts):
    return RunResult(
        state=RunState.SUCCEEDED,
        counts=RunCounts(**counts),
        query_hash="",
        rule_hashes={},
        matches=[],
        rules={},
    )


def test_live_due_times_go_before_those_that_are_caught_up_with(store):
    owe(store, "a", {1, 2})
    owe(store, "b", {3}, live={3})

    assert claimed(store, count=2) == [("b", 3), ("a", 1)]


def test_two_runs_of_one_query_never_overlap(store):
    owe(store, "a", {1, 2})

    assert claimed(store, count=2) == [("a", 1), None]


def test_the_next_due_time_of_a_query_comes_when_the_one_before_has_ended(store):
    owe(store, "a", {1, 2})
    first = store.ledger.claim_next("me", LEASE)

    store.finish(first, result())

    assert claimed(store) == [("a", 2)]


def test_a_run_does_not_start_before_its_time(store, clock):
    owe(store, "a", {1}, start_after=clock.now() + timedelta(minutes=7) - at(1))

    early = claimed(store)
    clock.advance(timedelta(minutes=8))

    assert (early, claimed(store)) == ([None], [("a", 1)])


def test_what_was_recorded_once_is_not_recorded_again(store):
    owe(store, "a", {1, 2})
    owe(store, "a", {1, 2})

    assert store.ledger.backlog_size() == 2


def test_a_finished_due_time_is_not_owed_again_by_a_planner_that_is_behind(store):
    owe(store, "a", {1})
    store.finish(store.ledger.claim_next("me", LEASE), result())

    owe(store, "a", {1})

    assert store.ledger.backlog_size() == 0


def test_a_lost_lease_lets_another_take_over_and_the_first_stores_nothing(store):
    owe(store, "a", {1})
    lost = store.ledger.claim_next("dead", timedelta(seconds=-1))

    taken = store.ledger.claim_next("alive", LEASE)
    with pytest.raises(StoreError, match=r"taken over|has ended"):
        store.finish(lost, result(rows=1))
    finished = store.finish(taken, result(rows=2))

    assert (lost.run_id, lost.attempt, taken.attempt) == (taken.run_id, 1, 2)
    assert finished.run.counts.rows == 2
    assert store.ledger.backlog_size() == 0


def test_a_lease_that_is_extended_is_not_taken_over(store):
    owe(store, "a", {1})
    claim = store.ledger.claim_next("me", timedelta(seconds=30))

    store.ledger.extend_leases("me", [claim.run_id], LEASE)

    assert claimed(store, owner="other") == [None]


def test_only_the_leases_of_runs_that_are_worked_on_are_extended(store):
    owe(store, "a", {1})
    owe(store, "b", {1})
    forgotten = store.ledger.claim_next("me", timedelta(seconds=0.2))
    going_on = store.ledger.claim_next("me", timedelta(seconds=0.2))

    store.ledger.extend_leases("me", [going_on.run_id], LEASE)
    while (taken := store.ledger.claim_next("other", LEASE)) is None:
        pass

    assert taken.run_id == forgotten.run_id
    assert claimed(store, owner="other") == [None]


def test_a_clock_that_is_ahead_of_the_servers_starts_nothing_early(store, clock, state_url):
    owe(store, "a", {1}, start_after=clock.now() + timedelta(days=2) - at(1))

    clock.advance(timedelta(days=3))

    ahead_counts = state_url.startswith("sqlite")  # a file has no clock of its own
    assert claimed(store) == [("a", 1) if ahead_counts else None]


def test_a_gap_that_was_filled_is_not_filled_again(store):
    owe(store, "a", {2}, gaps={1})
    store.finish(store.claim_gap(gap_at(1)), result())

    with pytest.raises(SlotTaken, match="is a gap no longer"):
        store.claim_gap(gap_at(1))

    assert store.ledger.list_gaps(None, 10) == []


def test_of_two_that_fill_one_gap_the_newer_counts_and_the_one_cut_off_is_ended(store):
    owe(store, "a", {2}, gaps={1})
    cut_off = store.claim_gap(gap_at(1))

    newer = store.claim_gap(gap_at(1))
    with pytest.raises(ClaimLost):
        store.finish(cut_off, result(rows=1))
    store.finish(newer, result(rows=2))

    states = {run.key.revision: run.state for run in store.latest_runs(5)}
    assert states == {0: RunState.INTERRUPTED, 1: RunState.SUCCEEDED}
    assert store.ledger.list_gaps(None, 10) == []


def gap_at(hour):
    return RunKey(query="a", scheduled_for=at(hour), purpose=RunPurpose.SCHEDULED)


def test_a_daemon_that_lost_its_lease_cannot_extend_it(store):
    owe(store, "a", {1})
    claim = store.ledger.claim_next("slow", timedelta(seconds=-1))

    store.ledger.extend_leases("slow", [claim.run_id], LEASE)

    assert claimed(store, owner="other") == [("a", 1)]


def test_a_run_that_is_given_back_is_tried_again_later_as_the_same_run(store, clock):
    owe(store, "a", {1})
    first = store.ledger.claim_next("me", LEASE)

    store.give_back(first, FAULT, start_at=clock.now() + timedelta(minutes=1))
    early = store.ledger.claim_next("me", LEASE)
    clock.advance(timedelta(minutes=2))
    second = store.ledger.claim_next("me", LEASE)
    run = store.finish(second, result()).run

    assert early is None
    assert (second.run_id, second.attempt, run.state) == (first.run_id, 2, RunState.SUCCEEDED)


def test_a_run_that_failed_for_good_is_a_gap_until_it_is_filled(store):
    owe(store, "a", {1})
    store.fail(store.ledger.claim_next("me", LEASE), RunState.TIMED_OUT, FAULT)

    gaps = store.ledger.list_gaps(None, 10)

    filling = store.claim_again(RunKey(query="a", scheduled_for=at(1), purpose=RunPurpose.SCHEDULED))
    store.finish(filling, result())

    assert gaps == [("a", at(1), GapReason.TIMED_OUT)]
    assert store.ledger.list_gaps(None, 10) == []


def test_due_times_that_are_not_caught_up_with_are_gaps(store):
    owe(store, "a", {3}, gaps={1, 2})

    assert store.ledger.list_gaps("a", 10) == [
        ("a", at(1), GapReason.NOT_RUNNING),
        ("a", at(2), GapReason.NOT_RUNNING),
    ]
    assert store.ledger.list_gaps("b", 10) == []


def test_attempts_that_were_lost_or_interrupted_are_no_failures_of_the_query(store, clock):
    owe(store, "a", {0})
    counted = []
    for kind in ("QueryTimeout", "RunInterrupted", None, "QueryTimeout"):
        claim = store.ledger.claim_next("me", LEASE if kind else timedelta(seconds=-1))
        if kind:
            store.give_back(claim, RunFault(kind=kind, message="", transient=True), start_at=clock.now())
        counted.append(claim.failures)
    last = store.ledger.claim_next("me", LEASE)

    assert (counted, last.failures, last.attempt) == ([0, 1, 1, 1], 2, 5)


def test_what_was_recorded_for_years_to_come_is_taken_back_and_owed_again(store):
    years = 100_000
    owe(store, "a", {1, years}, gaps={years + 1})
    store.ledger.begin_epochs(
        {"a": Epoch(start=at(years), schedule=None), "b": Epoch(start=at(years), schedule=HOURLY)}
    )

    taken = store.ledger.take_back(at(1))
    watermark = store.ledger.watermarks()["a"]
    owe(store, "a", {years})

    assert (taken, store.ledger.backlog_size(), store.ledger.list_gaps(None, 10)) == (4, 2, [])
    assert at(1) <= watermark < at(years)
    assert {name: len(epochs) for name, epochs in store.ledger.epochs().items()} == {"a": 1}
    assert list(store.ledger.watermarks()) == ["a"]


def test_what_was_begun_before_the_clock_was_set_right_is_gone_on_with_and_not_begun_anew(file_lab):
    store = file_lab.store  # on a server, nothing is begun before the server's own time has come
    owe(store, "a", {0})
    begun = store.ledger.claim_next("dead", LEASE)
    store.ledger.release_all()

    taken = store.ledger.take_back(at(-1))
    owe(store, "a", {0})
    again = store.ledger.claim_next("alive", LEASE)

    assert taken == 0
    assert (again.run_id, again.attempt) == (begun.run_id, begun.attempt + 1)


def test_epochs_and_watermarks_are_remembered(store):
    owe(store, "a", {2})
    store.ledger.begin_epochs({"a": Epoch(start=at(5), schedule=None)})

    assert [epoch.schedule for epoch in store.ledger.epochs()["a"]] == [HOURLY, None]
    assert store.ledger.watermarks() == {"a": at(2)}


def test_a_claim_reads_the_backlog_in_its_order_and_sorts_nothing(state_file, clock):
    store = StateStore(f"sqlite:///{state_file}", clock=clock, events_per_alert=3)
    owe(store, "a", {1, 2})
    plans = []

    def explain(_connection, cursor, statement, parameters, _context, _many):
        if statement.startswith("SELECT backlog"):
            explained = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(detail for _, _, _, detail in explained)

    sa.event.listen(store._database.engine, "before_cursor_execute", explain)
    store.ledger.claim_next("me", LEASE)
    store.close()

    assert any("USING INDEX ix_backlog_is_live_rank_due_query" in plan for plan in plans), plans
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]


def owe_run(store, query, hour, *, is_live=True, **wishes):
    store.ledger.begin_epochs({query: Epoch(start=TEN - timedelta(days=1), schedule=HOURLY)})
    run = OwedRun(due=at(hour), start_at=at(hour), is_live=is_live, **wishes)
    store.ledger.record_due([DuePlan(query=query, watermark=at(hour), runs=(run,), gaps=())])


def test_the_higher_priority_goes_first_and_live_before_what_is_caught_up_with(store):
    owe_run(store, "missed", 1, is_live=False, priority=9)
    owe_run(store, "missed too", 0, is_live=False)
    owe_run(store, "least", 1, priority=-1)
    owe_run(store, "usual", 2)
    owe_run(store, "usual too", 3)
    owe_run(store, "first", 4, priority=1)

    order = [store.ledger.claim_next("me", LEASE).key.query for _ in range(6)]

    assert order == ["first", "usual", "usual too", "least", "missed", "missed too"]


@pytest.mark.parametrize("end", [RunState.SUCCEEDED, RunState.FAILED])
def test_what_came_while_the_one_before_ran_is_skipped_if_it_may_be(store, clock, end):
    clock.time = at(0)
    owe_run(store, "a", 0, may_be_skipped=True)
    first = store.ledger.claim_next("me", LEASE)
    for hour in (1, 2, 3):
        owe_run(store, "a", hour, may_be_skipped=True)
    owe_run(store, "patient", 0)
    patient = store.ledger.claim_next("me", LEASE)
    owe_run(store, "patient", 1)
    clock.time = at(2.5)
    store.finish(patient, result())
    if end is RunState.SUCCEEDED:
        store.finish(first, result())
    else:
        store.fail(first, end, FAULT)
    clock.time = at(4)

    claims = [store.ledger.claim_next("me", LEASE) for _ in range(3)]

    gaps = [gap for gap in store.ledger.list_gaps("a", 9) if gap[2] is GapReason.OVERLAP]
    assert [(claim.key.query, claim.key.scheduled_for) for claim in claims if claim] == [
        ("patient", at(1)),
        ("a", at(3)),
    ]
    assert gaps == [("a", at(1), GapReason.OVERLAP), ("a", at(2), GapReason.OVERLAP)]
    assert store.ledger.list_gaps("patient", 9) == []


def test_a_due_time_that_waits_for_a_worker_is_not_skipped(store, clock):
    clock.time = at(0)
    owe_run(store, "a", 0, may_be_skipped=True)
    store.finish(store.ledger.claim_next("me", LEASE), result())
    owe_run(store, "a", 1, may_be_skipped=True)
    clock.time = at(9)

    claim = store.ledger.claim_next("me", LEASE)

    assert (claim.key.scheduled_for, store.ledger.list_gaps(None, 9)) == (at(1), [])


def test_a_due_time_that_was_evaluated_is_opened_again_once_and_its_run_is_late(store):
    owe(store, "a", {1})
    first = store.finish(store.ledger.claim_next("me", LEASE), replace(result(), reads={"t": [[1, 2]]}))
    again = [("a", at(1), at(1))]

    opened = [store.ledger.reopen(again) for _ in range(2)]
    claim = store.ledger.claim_next("me", LEASE)
    while_it_runs = store.ledger.reopen(again)
    second = store.finish(claim, result())

    assert (opened, while_it_runs) == ([1, 0], 0)
    assert [(one.run.key.revision, one.run.is_late) for one in (first, second)] == [(0, False), (1, True)]
    assert store.newest_evaluations()["a"].key.revision == 1
    assert store.ledger.backlog_size() == 0
