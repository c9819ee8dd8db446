from datetime import UTC, datetime, timedelta

from runner.definitions.scheduled_query import Schedule
from runner.runs.query_run import QueryRun, RunKey, RunPurpose, RunState
from runner.schedule.ledger import Epoch
from runner.status.daemon_record import DaemonRecord, SeenDaemon
from runner.status.health import DeliveryHealth, chain_troubles, delivery_health, fleet_health, what_is_wrong
from runner.status.query_status import Backlog, QueryFacts, StatusMaker

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
HOURLY = Schedule(cron=None, rate_minutes=60, timeout_minutes=1)


def status(
    name="q", state=None, *, waits=0.0, schedule=HOURLY, is_paused=False, stale="", broken=(), before=()
):
    """Return the status of a query whose latest run ended so, and that waits for another for so many seconds."""
    key = RunKey(query=name, scheduled_for=NOW, purpose=RunPurpose.SCHEDULED)
    run = (
        QueryRun(
            run_id="r", key=key, state=state, attempt=1, started_at=NOW, stale=stale, broken_rules=broken
        )
        if state
        else None
    )
    good = QueryRun(
        run_id="g", key=key, state=RunState.SUCCEEDED, attempt=1, started_at=NOW, broken_rules=before
    )
    live_since = NOW - timedelta(seconds=waits) if waits else None
    facts = QueryFacts(
        query=name,
        epochs=(Epoch(start=NOW, schedule=schedule),),
        recorded_until=NOW,
        backlog=Backlog(live_since=live_since),
        last_run=run,
        last_success=good,
        is_paused=is_paused,
    )
    return StatusMaker(NOW).status_of(facts)


def daemon(*, is_alive=True, troubles=()):
    record = DaemonRecord(
        owner="host/1",
        host="host",
        pid=1,
        version="1",
        started_at=NOW,
        workers=1,
        busy=0,
        queries=1,
        rules=1,
        definitions_at=NOW,
        troubles=troubles,
    )
    return SeenDaemon(record=record, beat_at=NOW, silent_seconds=1, stopped_at=None, is_alive=is_alive)


ALL_TAKEN = DeliveryHealth()


def troubles(*statuses, deliveries=ALL_TAKEN):
    return list(chain_troubles(fleet_health(statuses, overdue_limit=60), deliveries))


def wrong(*statuses, daemons=(), faults=(), deliveries=ALL_TAKEN):
    return what_is_wrong(daemons or [daemon()], faults, statuses, deliveries, overdue_limit=60)


def test_the_chain_works_if_nothing_has_run_yet():
    assert troubles(status()) == []


def test_one_query_that_fails_does_not_break_the_chain():
    assert troubles(status("a", RunState.FAILED), status("b", RunState.SUCCEEDED)) == []


def test_the_chain_is_broken_when_every_query_fails():
    assert troubles(status("a", RunState.FAILED), status("b", RunState.TIMED_OUT)) == [
        "no query succeeds: a, b"
    ]


def test_the_chain_is_broken_when_a_query_waits_too_long():
    assert troubles(status("a", RunState.SUCCEEDED, waits=61)) == ["overdue: a"]
    assert troubles(status("a", RunState.SUCCEEDED, waits=60)) == []


def test_a_query_that_does_not_run_is_neither_overdue_nor_failing():
    assert troubles(status("a", RunState.FAILED, waits=999, schedule=None)) == []


def test_a_run_that_waits_for_another_attempt_has_not_failed():
    assert wrong(status("a", RunState.WAITING)) == []


def test_all_that_is_wrong_is_told():
    found = wrong(
        status("failing", RunState.FAILED),
        status("late", waits=99),
        status("paused", is_paused=True),
        status("stale", RunState.SUCCEEDED, stale="the newest data of a table is old"),
        daemons=[daemon(is_alive=False)],
        faults=["faulty: a.yml:1:1"],
    )

    assert found == [
        "no daemon is alive",
        "faulty: a.yml:1:1",
        "overdue: late",
        "failing: failing",
        "paused: paused",
        "over tables without new data: stale",
    ]


def test_the_chain_is_broken_while_a_rule_fails_on_every_row_of_the_newest_run():
    broken = status("a", RunState.SUCCEEDED, broken=("R", "S"), before=("old",))
    too = status("b", RunState.TRUNCATED, broken=("R",))

    assert troubles(broken, too) == ["rules fail on every row: R, S"]
    assert wrong(broken, too) == ["rules fail on every row: R, S"]
    assert troubles(status("a", RunState.SUCCEEDED, before=("R",))) == []


def test_a_broken_rule_stays_one_while_the_next_run_goes_on():
    for state in (RunState.RUNNING, RunState.WAITING):
        assert troubles(status("a", state, before=("R",))) == ["rules fail on every row: R"]


def test_a_rule_of_a_query_that_does_not_run_breaks_nothing():
    assert troubles(status("a", RunState.SUCCEEDED, broken=("R",), schedule=None)) == []


def test_the_chain_is_broken_when_a_destination_takes_nothing_for_too_long():
    waiting = {"pager": (1, 1801.0), "chat": (900, 1800.0), "mail": (2, 9999.0)}
    deliveries = delivery_health(waiting, [], 1800.0)

    assert troubles(deliveries=deliveries) == ["alerts wait too long for: mail, pager"]
    assert wrong(deliveries=deliveries) == ["alerts wait too long for: mail, pager"]


def test_the_chain_is_broken_while_a_destination_misses_an_alert_for_good():
    deliveries = delivery_health({}, ["pager", "chat"], 1800.0)

    assert troubles(deliveries=deliveries) == ["alerts were not taken by: chat, pager"]
    assert wrong(deliveries=deliveries) == ["alerts were not taken by: chat, pager"]


def test_what_an_alive_daemon_says_of_itself_is_told():
    assert wrong(daemons=[daemon(troubles=("the planner is late",))]) == ["host/1: the planner is late"]


def test_of_many_queries_a_few_are_named():
    found = wrong(*(status(f"q{number}", RunState.FAILED) for number in range(5)))

    assert found == ["failing: q0, q1, q2 and 2 more"]
