"""A daemon whose queries and definitions fail: what stands, what is paused, and how it ends."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner import settings
from runner.alerts.alert import AlertStatus
from runner.clock import SystemClock
from runner.definitions.scheduled_query import Schedule
from runner.ingest import ingest_records
from runner.runs.query_run import RunState
from runner.schedule.ledger import Epoch, GapReason
from runner.store.alert_book import AlertFilter
from runner.store.state import StateStore

TEMPLATE = Path(settings.__file__).parent / "project_template"
QUERY = "Okta Failed Logins"
PATIENCE = 60.0
SETTINGS = """
[workers]
count = 1
memory = "1GiB"
[failures]
pause_after = 2
[daemon]
reload_seconds = 0.3
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path):
    """Make a project whose query owes four due times when the daemon starts."""
    for name in ("queries", "scheduled_rules"):
        shutil.copytree(TEMPLATE / name, tmp_path / name)
    (tmp_path / "runner.toml").write_text(SETTINGS)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    login = {
        "uuid": "1",
        "published": (hour - timedelta(minutes=10)).isoformat(),
        "eventType": "user.session.start",
        "actor": {"alternateId": "ann@example.com"},
        "client": {"ipAddress": "203.0.113.1"},
        "outcome": {"result": "FAILURE"},
    }
    ingest_records(
        "Okta.SystemLog", [login], source_name="logins", lake=tmp_path / "datalake", clock=SystemClock()
    )
    hourly = Schedule(cron=None, rate_minutes=60, timeout_minutes=5)
    store = open_store(tmp_path)
    store.ledger.begin_epochs({QUERY: Epoch(start=hour - timedelta(hours=3, minutes=30), schedule=hourly)})
    store.close()
    return tmp_path


@pytest.fixture
def start():
    """Start daemons; what still runs at the end, or after too long, is killed."""
    started, watchdogs = [], []

    def start(project):
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "runner", "daemon", "--project", str(project)],
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        watchdogs.append(threading.Timer(PATIENCE, started[-1].kill))
        watchdogs[-1].start()
        return started[-1]

    yield start
    for watchdog in watchdogs:
        watchdog.cancel()
    for daemon in started:
        daemon.kill()
        daemon.communicate(timeout=PATIENCE)


def open_store(project):
    url = settings.load(project, {}).state_url
    return StateStore(url, clock=SystemClock(), events_per_alert=10)


def lines_until(daemon, event):
    """Read the daemon's log until an event has come."""
    lines = []
    while line := daemon.stderr.readline():
        lines.append(json.loads(line))
        if lines[-1]["event"] == event:
            return lines
    raise AssertionError(lines)


def stop(daemon):
    daemon.send_signal(signal.SIGTERM)
    daemon.communicate(timeout=PATIENCE)


def standing(project):
    store = open_store(project)
    found = [
        (alert.key.rule_id, alert.key.dedup, alert.match_count)
        for alert in store.list_alerts(AlertFilter(statuses=(AlertStatus.OPEN,)), 20)
        if alert.key.kind == "system"
    ]
    store.close()
    return sorted(found)


def gap_reasons(project):
    store = open_store(project)
    found = [reason for _, _, reason in store.ledger.list_gaps(None, 20)]
    store.close()
    return found


def test_a_query_that_fails_for_good_is_paused_and_goes_on_once_it_is_mended(project, start):
    file = project / "queries" / "okta_failed_logins.yml"
    sound = file.read_text()
    file.write_text(sound.replace("SELECT", "SELECT no_such_column,", 1))
    daemon = start(project)

    lines = lines_until(daemon, "query_paused")
    while_paused, reasons = standing(project), gap_reasons(project)
    file.write_text(sound)
    resumed = lines_until(daemon, "query_resumed")[-1]
    stop(daemon)

    failed = [line for line in lines if line["event"] == "query_run_finished"]
    assert [(line["state"], line["fault_kind"], line["transient"]) for line in failed] == [
        ("failed", "UnknownColumn", False)
    ] * 2
    assert while_paused == [("QUERY_FAILED", QUERY, 2), ("QUERY_PAUSED", QUERY, 1)]
    assert reasons == [GapReason.FAILED] * 2 + [GapReason.PAUSED] * 2
    assert (resumed["query"], "definition" in resumed["reason"]) == (QUERY, True)
    assert standing(project) == [("QUERY_FAILED", QUERY, 2)]  # it has not succeeded yet

    filled = subprocess.run(
        [sys.executable, "-m", "runner", "gaps", "--fill", "--project", str(project)],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (filled.returncode, standing(project), gap_reasons(project)) == (0, [], [])


def test_a_broken_definition_stands_until_it_is_mended(project, start):
    file = project / "queries" / "okta_failed_logins.yml"
    sound = file.read_text()
    daemon = start(project)
    lines_until(daemon, "daemon_started")

    file.write_text(sound + "\n  broken: [\n")
    deadline = time.monotonic() + PATIENCE
    while not (broken := standing(project)):
        assert time.monotonic() < deadline
    file.write_text(sound)
    while standing(project):
        assert time.monotonic() < deadline
    stop(daemon)

    assert broken == [("DEFINITION_FAULTY", "queries/okta_failed_logins.yml", 1)]


def test_runs_that_succeed_raise_nothing(project, start):
    daemon = start(project)

    store = open_store(project)
    deadline = time.monotonic() + PATIENCE
    while len(store.latest_runs(10)) < 4 or store.ledger.backlog_size():
        assert time.monotonic() < deadline
    stop(daemon)

    assert {run.state for run in store.latest_runs(10)} == {RunState.SUCCEEDED}
    assert (standing(project), gap_reasons(project)) == ([], [])
    store.close()
