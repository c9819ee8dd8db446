"""Who is alive, how queries stand, and what became of every due time, asked of real databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from state_lab import QUERY, TEN, after, key, result

from runner.definitions.scheduled_query import Schedule
from runner.runs.query_run import RunFault, RunKey, RunPurpose, RunState
from runner.schedule.ledger import Epoch, GapReason, Interval
from runner.schedule.owed import DuePlan, OwedRun
from runner.status.coverage import Outcome
from runner.status.daemon_record import DaemonRecord
from runner.status.query_status import QueryState, StatusMaker

EVERY_TEN = Schedule(cron=None, rate_minutes=10, timeout_minutes=1)
LEASE = timedelta(minutes=1)
LASTING = timedelta(seconds=60)
HOUR = Interval(start=TEN, end=after(60))
BROKEN = RunFault(kind="QueryError", message="no such column")


def record(owner: str = "host/1-a", **facts: object) -> DaemonRecord:
    given = {
        "host": "host",
        "pid": 1,
        "version": "1",
        "started_at": TEN,
        "workers": 2,
        "busy": 1,
        "queries": 3,
        "rules": 4,
        "definitions_at": TEN,
    }
    return DaemonRecord(owner=owner, **{**given, **facts})


def owe(lab, *minutes: float, query: str = QUERY, gaps: tuple[float, ...] = (), is_live: bool = True) -> None:
    """Have a query owe the due times at these minutes after ten; it was first seen at ten."""
    lab.store.ledger.begin_epochs({query: Epoch(start=TEN, schedule=EVERY_TEN)})
    runs = tuple(OwedRun(due=after(one), start_at=after(one), is_live=is_live) for one in minutes)
    until = max((*minutes, *gaps))
    plan = DuePlan(query=query, watermark=after(until), runs=runs, gaps=tuple(map(after, gaps)))
    lab.store.ledger.record_due([plan])


def run_next(lab, state: RunState = RunState.SUCCEEDED) -> None:
    claim = lab.store.ledger.claim_next("host/1-a", LEASE)
    assert claim is not None
    if state in (RunState.FAILED, RunState.TIMED_OUT):
        lab.store.fail(claim, state, BROKEN)
    else:
        lab.store.finish(claim, result([], state=state))


def status_of(lab, now, query: str = QUERY):
    (facts,) = lab.store.standing.facts(query)
    return StatusMaker(now).status_of(facts)


def covered(lab, period: Interval = HOUR, *, exactly: bool = False):
    return lab.store.standing.coverage(lab.store.standing.facts(), period, exactly=exactly)


def test_a_daemon_is_alive_as_long_as_it_has_promised(lab):
    lab.store.standing.beat(record(), timedelta(hours=1))

    (seen,) = lab.store.standing.daemons()

    assert seen.is_alive
    assert seen.record == record()
    assert seen.silent_seconds < 60


def test_a_daemon_that_is_not_heard_of_any_more_is_dead(lab):
    lab.store.standing.beat(record(), timedelta(seconds=-1))

    assert [seen.is_alive for seen in lab.store.standing.daemons()] == [False]


def test_rules_that_failed_on_every_row_are_remembered_with_the_run_and_gone_with_a_good_one(lab):
    owe(lab, 10, 20, 30)
    lab.clock.advance(timedelta(minutes=35))
    run_next(lab)
    claim = lab.store.ledger.claim_next("host/1-a", LEASE)
    lab.store.finish(claim, replace(result([]), broken_rules=("A.Rule", "B.Rule")))
    broken = status_of(lab, after(35)).broken_rules
    claim = lab.store.ledger.claim_next("host/1-a", LEASE)
    meanwhile = status_of(lab, after(36)).broken_rules
    lab.store.finish(claim, result([]))

    assert broken == meanwhile == ("A.Rule", "B.Rule")
    assert status_of(lab, after(37)).broken_rules == ()


def test_a_daemon_that_stopped_is_not_alive_but_not_dead_either(lab):
    lab.store.standing.beat(record(), LASTING)
    lab.store.standing.daemon_stopped("host/1-a")

    (seen,) = lab.store.standing.daemons()

    assert (seen.is_alive, seen.stopped_at is not None) == (False, True)


def test_a_daemon_says_the_newest_of_itself_and_others_stay_as_they_are(lab):
    lab.store.standing.beat(record("host/1-a"), LASTING)
    lab.store.standing.beat(record("host/2-b"), LASTING)
    lab.store.standing.beat(record("host/1-a", busy=2, troubles=("late",)), LASTING)

    found = {seen.record.owner: seen.record for seen in lab.store.standing.daemons()}

    assert found["host/1-a"] == record("host/1-a", busy=2, troubles=("late",))
    assert found["host/2-b"].busy == 1


def test_daemons_long_gone_are_forgotten(lab):
    lab.store.standing.beat(record("host/1-a"), timedelta(days=-8))

    lab.store.standing.beat(record("host/2-b"), LASTING)

    assert [seen.record.owner for seen in lab.store.standing.daemons()] == ["host/2-b"]


def test_a_query_has_its_latest_run_its_latest_success_and_what_it_owes(lab):
    owe(lab, 10, 20, 30, 40, gaps=(50,))
    lab.clock.advance(timedelta(minutes=41))
    run_next(lab)
    run_next(lab, RunState.FAILED)

    status = status_of(lab, after(41))

    assert status.facts.last_run.key.scheduled_for == after(20)
    assert status.facts.last_success.key.scheduled_for == after(10)
    assert (status.facts.backlog.waiting, status.facts.backlog.running) == (2, 0)
    assert status.facts.gaps == {GapReason.FAILED: 1, GapReason.NOT_RUNNING: 1}
    assert (status.state, status.is_failing) == (QueryState.ENABLED, True)
    assert status.success_age_seconds == 31 * 60
    assert status.overdue_seconds == 11 * 60
    assert status.facts.last_run.lateness_seconds == 21 * 60


def test_a_run_that_is_going_on_is_not_waiting(lab):
    owe(lab, 10)
    lab.clock.advance(timedelta(minutes=15))
    lab.store.ledger.claim_next("host/1-a", timedelta(days=365))

    status = status_of(lab, after(15))

    assert (status.facts.backlog.waiting, status.facts.backlog.running) == (0, 1)
    assert status.overdue_seconds == 0


def test_what_is_caught_up_with_is_owed_but_not_overdue(lab):
    owe(lab, 10, 20, is_live=False)

    status = status_of(lab, after(25))

    assert (status.facts.backlog.waiting, status.overdue_seconds) == (2, 0)


def test_due_times_that_no_daemon_has_seen_are_owed_and_overdue(lab):
    owe(lab, 10)
    lab.clock.advance(timedelta(minutes=10))
    run_next(lab)

    status = status_of(lab, after(45))

    assert (status.unseen, status.facts.backlog.waiting) == (3, 0)
    assert status.overdue_seconds == 25 * 60
    assert status.next_due == after(50)


def test_a_query_that_is_disabled_owes_nothing_more(lab):
    owe(lab, 10)
    lab.store.ledger.begin_epochs({QUERY: Epoch(start=after(15), schedule=None)})

    status = status_of(lab, after(60))

    assert (status.state, status.unseen, status.next_due) == (QueryState.OFF, 0, None)


def test_runs_by_hand_are_no_success_of_the_schedule(lab):
    owe(lab, 10)
    lab.run(10)

    assert status_of(lab, after(15)).facts.last_success is None


@pytest.mark.parametrize("exactly", [False, True])
def test_every_due_time_of_a_period_is_accounted_for(lab, exactly):
    owe(lab, 10, 20, 30, 40, 50, gaps=(5,))  # minute 5 is not of the schedule: nobody asks for it
    lab.clock.advance(timedelta(minutes=60))
    for state in (RunState.SUCCEEDED, RunState.TRUNCATED, RunState.FAILED, RunState.TIMED_OUT):
        run_next(lab, state)

    coverage = covered(lab, exactly=exactly)[QUERY]

    assert coverage.due == 6
    assert coverage.outcomes == {"succeeded": 1, "truncated": 1, "failed": 1, "timed out": 1, "owed": 2}
    assert coverage.share == pytest.approx(1 / 6)
    assert coverage.unaccounted == ()


@pytest.mark.parametrize("exactly", [False, True])
def test_a_gap_that_is_filled_is_covered_and_counts_once(lab, exactly):
    owe(lab, 10, gaps=(20,))
    lab.clock.advance(timedelta(minutes=20))
    run_next(lab)
    filled = RunKey(query=QUERY, scheduled_for=after(20), purpose=RunPurpose.SCHEDULED)
    for _ in range(2):
        lab.store.finish(lab.store.claim_again(filled), result([]))

    coverage = covered(lab, Interval(start=TEN, end=after(20)), exactly=exactly)[QUERY]

    assert (coverage.outcomes, coverage.share) == ({"succeeded": 2}, 1.0)


@pytest.mark.parametrize("exactly", [False, True])
def test_a_due_time_of_which_nothing_is_known_is_named(lab, exactly):
    owe(lab, 10, 30)  # 20 is in neither the backlog, the runs nor the gaps
    lab.clock.advance(timedelta(minutes=30))
    run_next(lab)
    run_next(lab)

    coverage = covered(lab, Interval(start=TEN, end=after(30)), exactly=exactly)[QUERY]

    assert coverage.unaccounted == (after(20),)
    assert coverage.outcomes == {Outcome.SUCCEEDED: 2, Outcome.UNACCOUNTED: 1}


def test_the_outcomes_of_one_query_are_not_those_of_another(lab):
    owe(lab, 10)
    owe(lab, 10, query="Other", gaps=(20,))
    lab.clock.advance(timedelta(minutes=10))
    run_next(lab)

    found = covered(lab, Interval(start=TEN, end=after(20)))

    assert found[QUERY].outcomes == {"succeeded": 1, "owed": 1}
    assert found["Other"].outcomes == {"owed": 1, "not running": 1}


def test_a_run_knows_when_it_might_have_begun_even_if_it_is_tried_again(lab):
    owe(lab, 10)
    lab.clock.advance(timedelta(minutes=11))
    claim = lab.store.ledger.claim_next("host/1-a", LEASE)
    lab.store.give_back(claim, BROKEN, start_at=after(12))
    lab.clock.advance(timedelta(minutes=1))

    again = lab.store.ledger.claim_next("host/1-a", LEASE)
    finished = lab.store.finish(again, result([]))

    assert (claim.start_at, again.start_at) == (after(10), after(10))
    assert finished.run.lateness_seconds == 60


def test_a_run_by_hand_is_never_late(lab):
    assert lab.run(0).run.lateness_seconds is None
    assert lab.store.latest_runs(1)[0].key == key(0)
