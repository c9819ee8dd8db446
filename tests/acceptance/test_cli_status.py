"""`runner status`, as it is typed: on a state that this test has written."""

from datetime import UTC, datetime, timedelta

import pytest
from notices import notice_at

from runner.clock import FrozenClock
from runner.definitions.scheduled_query import Schedule
from runner.destinations.delivery import Letter
from runner.destinations.message import MessageKind
from runner.runs.query_run import RunCounts, RunFault, RunState
from runner.schedule.ledger import Epoch
from runner.schedule.owed import DuePlan, OwedRun
from runner.status.daemon_record import DaemonRecord
from runner.store import outbox
from runner.store.state import RunResult, StateStore

HOURLY = Schedule(cron=None, rate_minutes=60, timeout_minutes=5)
QUERY = "Okta Failed Logins"
LEASE = timedelta(hours=1)


@pytest.fixture
def hour():
    """Return the last full hour: the latest time that an hourly query was due."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def store(project, hour):
    """Return the state of a daemon that is alive, and of a query that was first seen three hours ago."""
    opened = StateStore(f"sqlite:///{project}/.runner/state.db", clock=FrozenClock(hour), events_per_alert=10)
    opened.ledger.begin_epochs({QUERY: Epoch(start=hour - timedelta(hours=2, minutes=30), schedule=HOURLY)})
    opened.standing.beat(
        DaemonRecord(
            owner="host/1-a",
            host="host",
            pid=1,
            version="1",
            started_at=hour,
            workers=2,
            busy=1,
            queries=1,
            rules=1,
            definitions_at=hour,
        ),
        timedelta(hours=1),
    )
    yield opened
    opened.close()


def run_all(store, hour, *states):
    """Record the three due times, and run as many of them, oldest first, to these ends."""
    times = [hour - timedelta(hours=back) for back in (2, 1, 0)]
    runs = tuple(OwedRun(due=due, start_at=due, is_live=False) for due in times)
    store.ledger.record_due([DuePlan(query=QUERY, watermark=hour, runs=runs, gaps=())])
    for state in states:
        claim = store.ledger.claim_next("host/1-a", LEASE)
        if state is RunState.SUCCEEDED:
            done = RunResult(
                state=state, counts=RunCounts(), query_hash="q", rule_hashes={}, matches=[], rules={}
            )
            store.finish(claim, done)
        else:
            store.fail(claim, state, RunFault(kind="QueryError", message="no such column"))


def test_all_is_well_when_every_due_time_succeeded(here, project, store, hour):
    run_all(store, hour, *[RunState.SUCCEEDED] * 3)

    ended = here("status", "--check", cwd=project)

    assert (ended.code, ended.out.splitlines()[-1]) == (0, "Nothing is wrong.")
    assert ended.out.startswith("Alive: host/1-a (runner 1), since ")
    assert "1 of 2 workers busy, 1 query and 1 rule" in ended.out
    assert "100%" in ended.out


def test_what_is_wrong_is_an_exit_code_only_if_asked_for(here, project, store, hour):
    run_all(store, hour, RunState.SUCCEEDED, RunState.SUCCEEDED, RunState.FAILED)

    told, checked = here("status", cwd=project), here("status", "--check", cwd=project)

    assert (told.code, checked.code) == (0, 1)
    assert told.out.splitlines()[-1] == f"wrong failing: {QUERY}"


def test_alerts_that_do_not_reach_a_destination_are_wrong(here, project, store, hour):
    run_all(store, hour, *[RunState.SUCCEEDED] * 3)
    notice = notice_at(hour)
    with store._database.transaction() as connection:
        letter = Letter(destination="pager", kind=MessageKind.NEW, notice=notice)
        outbox.put(connection, [letter], hour - timedelta(days=1))

    checked = here("status", "--check", cwd=project)

    assert (checked.code, checked.out.splitlines()[-1]) == (1, "wrong alerts wait too long for: pager")


def test_one_query_is_shown_with_all_about_it(here, project, store, hour):
    run_all(store, hour, RunState.SUCCEEDED, RunState.FAILED)

    lines = here("status", QUERY, cwd=project).out.splitlines()

    shown = {line[:15].strip(): line[15:].strip() for line in lines if line[:15].strip()}
    assert (shown["State"], shown["Schedule"]) == ("enabled", "every 60 minutes")
    assert shown["Owed"] == "1 (0 running)"
    assert shown["Gaps"] == "1 failed"
    assert shown["Last run"].endswith(": no such column")
    # the first due time answers for half an hour only: since the query was first seen
    assert shown["Covered, 24 h"] == "20.00% of 3 due times: 1 succeeded, 1 owed, 1 failed"


def test_every_due_time_of_a_period_is_accounted_for_on_request(here, project, store, hour):
    run_all(store, hour, RunState.SUCCEEDED, RunState.TIMED_OUT, RunState.SUCCEEDED)
    start = (hour - timedelta(hours=1, minutes=30)).isoformat()

    ended = here("status", "--coverage", "--from", start, "--to", hour.isoformat(), cwd=project)

    assert f" 50.00%    2  {QUERY}  1 succeeded, 1 timed out" in ended.out


def test_a_misspelt_query_is_refused_with_the_nearest_one(here, project, store):
    ended = here("status", "Okta Faild Logins", cwd=project)

    assert ended.code == 2
    assert f"no daemon has seen a query 'Okta Faild Logins': did you mean {QUERY!r}?" in ended.err


def test_a_period_that_ends_before_it_begins_is_refused(here, project):
    ended = here("status", "--from", "2026-01-02", "--to", "2026-01-01", cwd=project)

    assert (ended.code, "--from is to be earlier than --to" in ended.err) == (2, True)


def test_without_any_daemon_the_answer_says_so(here, project):
    ended = here("status", "--check", cwd=project)

    assert (ended.code, ended.out.splitlines()[-1]) == (1, "wrong no daemon is alive")
    assert ended.out.startswith("No daemon has ever worked on this state database.")


def test_runs_that_are_not_kept_are_not_spoken_of(here, project, store, hour):
    (project / "runner.toml").write_text("[retention]\nruns_days = 3\n")
    run_all(store, hour, *[RunState.SUCCEEDED] * 3)

    ended = here("status", "--coverage", "--from", (hour - timedelta(days=9)).isoformat(), cwd=project)

    assert "runs are kept for 3 days" in ended.err
    assert "100%    3" in ended.out
