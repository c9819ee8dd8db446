"""The daemon as a process: it catches up, is killed, goes on, and stops in good order."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner import settings
from runner.clock import SystemClock
from runner.definitions.scheduled_query import Schedule
from runner.ingest import ingest_records
from runner.runs.query_run import RunState
from runner.schedule.ledger import Epoch
from runner.store.alert_book import AlertFilter
from runner.store.state import StateStore

TEMPLATE = Path(settings.__file__).parent / "project_template"
HOURLY = Schedule(cron=None, rate_minutes=60, timeout_minutes=5)
QUERY = "Okta Failed Logins"
PATIENCE = 60.0

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path):
    """Make a project with failed logins in each of the last hours, whose query was first seen before them."""
    for name in ("queries", "scheduled_rules"):
        shutil.copytree(TEMPLATE / name, tmp_path / name)
    (tmp_path / "runner.toml").write_text("[workers]\ncount = 1\n[limits]\nrows = 1000\n")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    logins = [
        {
            "uuid": f"{back}-{number}",
            "published": (hour - timedelta(hours=back, minutes=10 + number)).isoformat(),
            "eventType": "user.session.start",
            "actor": {"alternateId": f"user{back}@example.com"},
            "client": {"ipAddress": f"203.0.113.{back}"},
            "outcome": {"result": "FAILURE"},
        }
        for back in range(4)
        for number in range(3)
    ]
    ingest_records(
        "Okta.SystemLog", logins, source_name="logins", lake=tmp_path / "datalake", clock=SystemClock()
    )
    store = open_store(tmp_path)
    store.ledger.begin_epochs({QUERY: Epoch(start=hour - timedelta(hours=3, minutes=30), schedule=HOURLY)})
    store.close()
    return tmp_path


def open_store(project):
    url = settings.load(project, {}).state_url
    return StateStore(url, clock=SystemClock(), events_per_alert=10)


def start_daemon(project):
    return subprocess.Popen(
        [sys.executable, "-m", "runner", "daemon", "--project", str(project)],
        stderr=subprocess.PIPE,
        text=True,
    )


def lines_until(daemon, event, count=1):
    """Read the daemon's log until an event has come this often; it ends by itself if that never happens."""
    lines, deadline = [], time.monotonic() + PATIENCE
    os.set_blocking(daemon.stderr.fileno(), True)
    while count and time.monotonic() < deadline:
        line = daemon.stderr.readline()
        if not line:
            break
        lines.append(json.loads(line))
        count -= lines[-1]["event"] == event
    assert count == 0, lines
    return lines


def stop(daemon):
    daemon.send_signal(signal.SIGTERM)
    rest = daemon.communicate(timeout=PATIENCE)[1]
    return daemon.returncode, [json.loads(line) for line in rest.splitlines()]


def test_missed_due_times_are_caught_up_with_one_by_one_each_with_its_own_window(project):
    daemon = start_daemon(project)
    lines = lines_until(daemon, "query_run_finished", count=4)
    code, rest = stop(daemon)

    store = open_store(project)
    finished = [line for line in lines if line["event"] == "query_run_finished"]
    titles = sorted(alert.title for alert in store.list_alerts(AlertFilter(rule_id="Okta.FailedLogins"), 10))
    assert [line["matches"] for line in finished] == [3, 3, 3, 3]
    assert [line["scheduled_for"] for line in finished] == sorted(line["scheduled_for"] for line in finished)
    assert titles == [f"Failed logins of user{back}@example.com" for back in range(4)]
    assert (code, rest[-1]["event"]) == (0, "daemon_stopped")
    assert store.ledger.backlog_size() == 0
    store.close()


def test_a_daemon_that_is_killed_loses_nothing_and_doubles_nothing(project):
    killed = start_daemon(project)
    lines_until(killed, "query_run_finished", count=1)
    killed.kill()
    killed.communicate(timeout=PATIENCE)

    again = start_daemon(project)
    store = open_store(project)
    deadline = time.monotonic() + PATIENCE
    while store.ledger.backlog_size() and time.monotonic() < deadline:
        again.stderr.readline()
    stop(again)

    runs = store.latest_runs(20)
    counts = [alert.match_count for alert in store.list_alerts(AlertFilter(rule_id="Okta.FailedLogins"), 10)]
    assert sorted(run.key.scheduled_for for run in runs) == sorted({run.key.scheduled_for for run in runs})
    assert {run.state for run in runs} == {RunState.SUCCEEDED}
    assert (len(runs), counts) == (4, [3, 3, 3, 3])
    store.close()


def test_a_run_that_does_not_end_in_time_is_given_back_and_run_by_the_next_daemon(project):
    rule = project / "scheduled_rules" / "okta_failed_logins.py"
    quick = rule.read_text()
    rule.write_text(
        "import time\n"
        + quick.replace("return event.deep_get", "time.sleep(3)\n    return event.deep_get", 1)
    )
    (project / "runner.toml").write_text("[workers]\ncount = 1\n[daemon]\ndrain_seconds = 0.2\n")
    slow = start_daemon(project)
    lines_until(slow, "daemon_started")
    wait_until_running(project)

    code, lines = stop(slow)
    store = open_store(project)
    given_back = [run.state for run in store.latest_runs(5)]
    rule.write_text(quick)
    quick_daemon = start_daemon(project)
    log = lines_until(quick_daemon, "query_run_finished", count=4)
    stop(quick_daemon)

    events = [line["event"] for line in lines]
    assert (code, given_back) == (0, [RunState.WAITING])
    assert "query_run_given_back" in events
    assert sorted(run.attempt for run in store.latest_runs(10)) == [1, 1, 1, 2], log
    assert [
        alert.match_count for alert in store.list_alerts(AlertFilter(rule_id="Okta.FailedLogins"), 10)
    ] == [3, 3, 3, 3]
    store.close()


def wait_until_running(project):
    """Look at the state database until a run has begun; every look takes some milliseconds."""
    deadline, store = time.monotonic() + PATIENCE, open_store(project)
    while not store.latest_runs(1):
        assert time.monotonic() < deadline
    store.close()


def test_windows_that_a_broken_file_cost_are_gaps_and_can_be_filled_once_it_is_mended(project):
    file = project / "queries" / "okta_failed_logins.yml"
    sound = file.read_text()
    file.write_text(sound + "\n  broken: [\n")
    daemon = start_daemon(project)
    store = open_store(project)
    deadline = time.monotonic() + PATIENCE
    while len(store.ledger.list_gaps(None, 10)) < 4:
        assert time.monotonic() < deadline
    stop(daemon)
    file.write_text(sound)

    filled = subprocess.run(
        [sys.executable, "-m", "runner", "gaps", "--fill", "--project", str(project)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (filled.returncode, filled.stdout.splitlines()[-1]) == (0, "4 gaps filled, 0 left.")
    assert store.ledger.list_gaps(None, 10) == []
    assert [
        alert.match_count for alert in store.list_alerts(AlertFilter(rule_id="Okta.FailedLogins"), 10)
    ] == [3, 3, 3, 3]
    store.close()


def test_a_second_daemon_on_one_sqlite_database_refuses(project):
    first = start_daemon(project)
    lines_until(first, "daemon_started")

    second = subprocess.run(
        [sys.executable, "-m", "runner", "daemon", "--project", str(project)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    stop(first)

    assert second.returncode == 3
    assert "another daemon works on this state database" in second.stderr
