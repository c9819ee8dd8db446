"""System errors and pauses: one alert while a fault lasts, on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from state_lab import TEN, match
from state_lab import result as result_of

from runner.alerts.alert import AlertStatus, AlertType
from runner.alerts.system_fault import SystemFaultKind, definition_faulty
from runner.definitions.scheduled_query import Schedule
from runner.errors import StoreError
from runner.lake.freshness import TableAge
from runner.runs.failure_policy import FailurePolicy
from runner.runs.query_run import RunFault, RunKey, RunPurpose, RunState
from runner.schedule.ledger import Epoch, GapReason
from runner.schedule.owed import DuePlan, OwedRun
from runner.store.alert_book import AlertFilter
from runner.store.state import StateStore

LEASE = timedelta(minutes=5)
HOURLY = Schedule(cron=None, rate_minutes=60, timeout_minutes=5)
FOR_GOOD = RunFault(kind="QueryError", message="there is no column acter")
MAY_PASS = RunFault(kind="QueryTimeout", message="too slow", transient=True)


class MovingClock:
    def __init__(self):
        self.time = datetime.now(UTC)  # PostgreSQL rules leases by its own clock

    def now(self):
        return self.time

    def advance(self, **by):
        self.time += timedelta(**by)


@pytest.fixture
def clock():
    return MovingClock()


@pytest.fixture
def store(state_url, clock):
    opened = StateStore(state_url, clock=clock, events_per_alert=3)
    yield opened
    opened.close()


def policy(pause_after=3, fingerprint="one"):
    return FailurePolicy(
        place="queries/a.yml:1:1",
        fingerprint=fingerprint,
        pause_after=pause_after,
        probe_after=timedelta(minutes=60),
    )


def at(hour):
    return TEN + timedelta(hours=hour)


def owe(store, *hours, query="a"):
    store.ledger.begin_epochs({query: Epoch(start=TEN - timedelta(days=1), schedule=HOURLY)})
    runs = tuple(OwedRun(due=at(hour), start_at=at(hour), is_live=True) for hour in hours)
    store.ledger.record_due([DuePlan(query=query, watermark=at(max(hours)), runs=runs, gaps=())])


def fail(store, hour, fault=FOR_GOOD, query="a", **given):
    """Let the run of a due time fail for the last time."""
    owe(store, hour, query=query)
    claim = store.ledger.claim_next("me", LEASE)
    assert claim.key.scheduled_for == at(hour)
    return store.fail(claim, RunState.FAILED, fault, policy=policy(**given))


def succeed(store, hour, query="a", matches=()):
    owe(store, hour, query=query)
    return store.finish(store.ledger.claim_next("me", LEASE), result_of([matches]))


def system_errors(store):
    """Return the system errors by kind and subject: their status and how often they were counted."""
    alerts = store.list_alerts(AlertFilter(), 100)
    return [
        (alert.key.rule_id, alert.key.dedup, alert.status, alert.match_count)
        for alert in sorted(alerts, key=lambda alert: (alert.created_at, alert.key.rule_id))
        if alert.type is AlertType.SYSTEM_ERROR
    ]


def gaps(store):
    return [
        ((due - TEN) // timedelta(hours=1), reason) for _, due, reason in store.ledger.list_gaps(None, 99)
    ]


def test_a_failing_query_is_one_alert_however_often_it_fails(store, clock):
    fail(store, 1)
    clock.advance(hours=1)
    fail(store, 2)

    (alert,) = store.list_alerts(AlertFilter(), 10)
    assert system_errors(store) == [("QUERY_FAILED", "a", AlertStatus.OPEN, 2)]
    assert (alert.severity, alert.last_match_at - alert.first_match_at) == ("CRITICAL", timedelta(hours=1))
    assert alert.description == (
        "queries/a.yml:1:1: the query was not evaluated for 2026-03-01T12:00:00Z: QueryError: there is no column "
        f"acter; since {alert.created_at:%Y-%m-%dT%H:%M:%SZ}. Mend it, then fill its gaps: runner gaps 'a' --fill."
    )
    assert store.events_of(alert, 5) == []


def test_it_is_resolved_by_the_runner_when_the_query_succeeds_and_comes_anew_after(store, clock):
    fail(store, 1)
    succeed(store, 2)
    (alert,) = store.list_alerts(AlertFilter(), 10)
    history = store.history_of(alert)
    clock.advance(hours=1)

    fail(store, 3)

    assert [(entry.actor, entry.status, entry.comment) for entry in history] == [
        ("runner", AlertStatus.RESOLVED, "the query succeeded for 2026-03-01T12:00:00Z")
    ]
    assert system_errors(store) == [
        ("QUERY_FAILED", "a", AlertStatus.RESOLVED, 1),
        ("QUERY_FAILED", "a", AlertStatus.OPEN, 1),
    ]


def test_what_a_person_made_of_it_stays(store, clock):
    fail(store, 1)
    (alert,) = store.list_alerts(AlertFilter(), 10)
    store.change_status([alert], AlertStatus.CLOSED, actor="ann", comment="known")

    fail(store, 2)
    succeed(store, 3)

    assert system_errors(store) == [("QUERY_FAILED", "a", AlertStatus.CLOSED, 2)]
    assert [entry.actor for entry in store.history_of(alert)] == ["ann"]


def test_it_does_not_disturb_the_alerts_of_rules(store):
    fail(store, 1)
    succeed(store, 2, matches=[match("alice", "one"), match("alice", "two")])
    fail(store, 3)

    counts = {alert.key.dedup: alert.match_count for alert in store.list_alerts(AlertFilter(), 10)}
    assert counts == {"alice": 2, "a": 1}


def test_a_failure_that_may_pass_raises_nothing_until_its_attempts_are_used_up(store, clock):
    owe(store, 1)
    store.give_back(store.ledger.claim_next("me", LEASE), MAY_PASS, start_at=clock.now())
    tried_again = system_errors(store)

    store.fail(store.ledger.claim_next("me", LEASE), RunState.TIMED_OUT, MAY_PASS, policy=policy())

    assert tried_again == []
    assert system_errors(store) == [("QUERY_FAILED", "a", AlertStatus.OPEN, 1)]
    assert gaps(store) == [(1, GapReason.TIMED_OUT)]


def test_a_failure_that_may_pass_never_pauses(store):
    for hour in range(1, 6):
        fail(store, hour, MAY_PASS, pause_after=2)

    assert store.health.ailing_queries() == []
    assert system_errors(store) == [("QUERY_FAILED", "a", AlertStatus.OPEN, 5)]


def test_a_manual_run_that_fails_raises_nothing(store):
    claim = store.claim_again(RunKey(query="a", scheduled_for=at(1), purpose=RunPurpose.MANUAL))

    store.fail(claim, RunState.FAILED, FOR_GOOD, policy=policy(pause_after=1))

    assert (system_errors(store), store.health.ailing_queries()) == ([], [])


def test_failures_for_good_pause_a_query_and_its_due_times_become_gaps(store):
    owe(store, 1, 2, 3, 4)
    for _ in range(2):
        claim = store.ledger.claim_next("me", LEASE)
        failed = store.fail(claim, RunState.FAILED, FOR_GOOD, policy=policy(pause_after=2))
    owe(store, 5, 6)

    assert failed.ailing.paused_at is not None
    assert [one.query for one in store.health.paused_queries()] == ["a"]
    assert gaps(store) == [
        (1, GapReason.FAILED),
        (2, GapReason.FAILED),
        *((hour, GapReason.PAUSED) for hour in (3, 4, 5, 6)),
    ]
    assert store.ledger.backlog_size() == 0
    assert ("QUERY_PAUSED", "a", AlertStatus.OPEN, 1) in system_errors(store)


def test_a_success_in_between_begins_the_count_anew(store):
    fail(store, 1, pause_after=2)
    succeed(store, 2)
    fail(store, 3, pause_after=2)

    assert store.health.paused_queries() == []


def test_failures_of_another_definition_do_not_count_together(store):
    fail(store, 1, pause_after=2)
    fail(store, 2, pause_after=2, fingerprint="two")

    assert [one.failures for one in store.health.ailing_queries()] == [1]


def test_without_a_limit_no_query_is_paused(store):
    for hour in range(1, 8):
        fail(store, hour, pause_after=0)

    assert store.health.paused_queries() == []


def test_a_pause_of_one_query_leaves_the_others_alone(store):
    owe(store, 5, query="b")
    claim = store.ledger.claim_next("me", LEASE)
    store.finish(claim, result_of([]))
    fail(store, 1, pause_after=1)

    owe(store, 6, query="b")

    assert store.ledger.claim_next("me", LEASE).key.query == "b"


def test_one_trial_is_made_after_its_time_and_success_ends_the_pause(store, clock):
    fail(store, 1, pause_after=1)
    owe(store, 2)
    clock.advance(minutes=61)
    owe(store, 3, 4)
    owe(store, 5)

    claim = store.ledger.claim_next("me", LEASE)
    finished = store.finish(claim, result_of([]))
    owe(store, 6)

    assert (claim.key.scheduled_for, finished.has_resumed) == (at(4), True)
    assert gaps(store) == [
        (1, GapReason.FAILED),
        *((hour, GapReason.PAUSED) for hour in (2, 3, 5)),
    ]
    assert store.ledger.backlog_size() == 1
    assert {status for *_, status, _ in system_errors(store)} == {AlertStatus.RESOLVED}


def test_a_trial_that_fails_keeps_the_pause_and_waits_again(store, clock):
    fail(store, 1, pause_after=1)
    clock.advance(minutes=61)

    fail(store, 2, pause_after=1)
    owe(store, 3)

    assert store.ledger.backlog_size() == 0
    assert system_errors(store) == [
        ("QUERY_FAILED", "a", AlertStatus.OPEN, 2),
        ("QUERY_PAUSED", "a", AlertStatus.OPEN, 2),
    ]


def test_an_operator_resumes_a_query_and_is_named(store):
    fail(store, 1, pause_after=1)

    was_paused = store.health.resume("a", actor="ann", reason="the table is there now")
    owe(store, 2)

    paused = next(
        alert for alert in store.list_alerts(AlertFilter(), 10) if alert.key.rule_id == "QUERY_PAUSED"
    )
    assert (was_paused, store.ledger.backlog_size()) == (True, 1)
    assert [entry.comment for entry in store.history_of(paused)] == ["resumed by ann: the table is there now"]
    assert store.health.resume("a", actor="ann", reason="") is False


def test_a_gap_that_is_filled_ends_the_pause(store):
    fail(store, 1, pause_after=1)

    filling = store.claim_again(RunKey(query="a", scheduled_for=at(1), purpose=RunPurpose.SCHEDULED))
    finished = store.finish(filling, result_of([]))

    assert (finished.has_resumed, store.health.paused_queries(), gaps(store)) == (True, [], [])


def test_a_due_time_that_waits_for_its_next_attempt_is_not_closed_by_a_pause(store, clock):
    owe(store, 1, 2)
    store.give_back(store.ledger.claim_next("me", LEASE), MAY_PASS, start_at=clock.now() + timedelta(hours=9))
    claim = store.ledger.claim_next("me", LEASE)

    store.fail(claim, RunState.FAILED, FOR_GOOD, policy=policy(pause_after=1))

    assert (store.ledger.backlog_size(), gaps(store)) == (1, [(2, GapReason.FAILED)])


def test_queries_that_do_not_run_any_more_have_nothing_standing_against_them(store):
    fail(store, 1, pause_after=1)

    store.health.keep_only({"b"}.__contains__)

    assert store.health.ailing_queries() == []
    assert {status for *_, status, _ in system_errors(store)} == {AlertStatus.RESOLVED}


def test_faulty_definitions_stand_until_they_are_mended_and_the_same_fault_counts_once(store, clock):
    kind = SystemFaultKind.DEFINITION_FAULTY
    faults = [definition_faulty(path, (f"{path}:3:1: E001 wrong",)) for path in ("a.yml", "b.yml")]
    store.health.set_faults(kind, faults, mended="")
    clock.advance(hours=1)
    store.health.set_faults(kind, faults, mended="")
    clock.advance(hours=1)

    store.health.set_faults(kind, faults[1:], mended="it is sound")

    assert sorted(system_errors(store)) == [
        (kind, "a.yml", AlertStatus.RESOLVED, 1),
        (kind, "b.yml", AlertStatus.OPEN, 1),
    ]
    assert store.health.standing(kind) == ["b.yml"]


def test_a_run_that_cannot_be_written_down_raises_no_alert(store):
    owe(store, 1)
    lost = store.ledger.claim_next("dead", timedelta(seconds=-1))
    store.ledger.claim_next("alive", LEASE)

    with pytest.raises(StoreError, match=r"taken over|has ended"):
        store.fail(lost, RunState.FAILED, FOR_GOOD, policy=policy())

    assert (system_errors(store), gaps(store)) == ([], [])


def table_age(*, is_stale, is_limit_of_query=False):
    newest = at(0) if is_stale else at(99)
    return TableAge(
        table="panther_logs.public.logins",
        newest=newest,
        limit_minutes=60,
        is_limit_of_query=is_limit_of_query,
        is_stale=is_stale,
    )


def run_over(store, hour, query="a", **given):
    owe(store, hour, query=query)
    result = replace(result_of([]), ages=(table_age(**given),))
    return store.finish(store.ledger.claim_next("me", LEASE), result).run


def test_a_stale_table_stands_until_a_later_run_finds_it_fresh(store, clock):
    stale = run_over(store, 1, is_stale=True)
    run_over(store, 2, query="b", is_stale=True)
    while_stale = system_errors(store)
    (alert,) = store.list_alerts(AlertFilter(), 10)

    fresh = run_over(store, 3, is_stale=False)

    subject = "panther_logs.public.logins"
    assert while_stale == [("TABLE_STALE", subject, AlertStatus.OPEN, 2)]
    assert system_errors(store) == [("TABLE_STALE", subject, AlertStatus.RESOLVED, 2)]
    assert (stale.state, fresh.stale) == (RunState.SUCCEEDED, "")
    assert "older than its limit of 60 minutes" in stale.stale
    assert {run.key.scheduled_for: run.stale for run in store.latest_runs(3)}[at(1)] == stale.stale
    assert alert.title == "No new data in panther_logs.public.logins"


def test_what_an_earlier_reference_time_found_says_nothing_about_now(store):
    run_over(store, 3, query="a", is_stale=True)
    run_over(store, 2, query="b", is_stale=False)
    still_stale = system_errors(store)
    run_over(store, 5, query="c", is_stale=False)
    run_over(store, 4, query="d", is_stale=True)

    assert [status for *_, status, _ in still_stale] == [AlertStatus.OPEN]
    assert [status for *_, status, _ in system_errors(store)] == [AlertStatus.RESOLVED]


def test_the_limit_of_one_query_stands_by_itself(store):
    run_over(store, 1, query="strict", is_stale=True, is_limit_of_query=True)
    run_over(store, 2, query="b", is_stale=False)

    assert system_errors(store) == [
        ("TABLE_STALE", "panther_logs.public.logins for strict", AlertStatus.OPEN, 1)
    ]


def test_a_manual_run_over_a_stale_table_raises_nothing_and_says_so_on_its_record(store):
    claim = store.claim_again(RunKey(query="a", scheduled_for=at(1), purpose=RunPurpose.MANUAL))

    run = store.finish(claim, replace(result_of([]), ages=(table_age(is_stale=True),))).run

    assert (system_errors(store), bool(run.stale)) == ([], True)
