"""The daemon as a process, seen by those who are not inside it: probes, scrapes, status, heartbeat, systemd."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runner import settings
from runner.clock import SystemClock
from runner.definitions.scheduled_query import Schedule
from runner.ingest import ingest_records
from runner.schedule.ledger import Epoch
from runner.store.state import StateStore

TEMPLATE = Path(settings.__file__).parent / "project_template"
QUERY = "Okta Failed Logins"
PATIENCE = 60.0

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path):
    """Make a project whose query owes the last three hours, and that listens on a free port of loopback."""
    for name in ("queries", "scheduled_rules"):
        shutil.copytree(TEMPLATE / name, tmp_path / name)
    (tmp_path / "runner.toml").write_text(
        '[workers]\ncount = 1\n[http]\nlisten = "127.0.0.1:0"\n'
        '[heartbeat]\nurl = "${env:HEARTBEAT}"\nseconds = 0.2\n'
    )
    now = datetime.now(UTC)
    login = {
        "uuid": "1",
        "published": (now - timedelta(minutes=90)).isoformat(),
        "eventType": "user.session.start",
        "actor": {"alternateId": "a@example.com"},
        "outcome": {"result": "FAILURE"},
    }
    ingest_records(
        "Okta.SystemLog", [login], source_name="l", lake=tmp_path / "datalake", clock=SystemClock()
    )
    store = StateStore(
        settings.load(tmp_path, {"HEARTBEAT": "off"}).state_url, clock=SystemClock(), events_per_alert=10
    )
    hour = now.replace(minute=0, second=0, microsecond=0)
    hourly = Schedule(cron=None, rate_minutes=60, timeout_minutes=5)
    store.ledger.begin_epochs({QUERY: Epoch(start=hour - timedelta(hours=2, minutes=30), schedule=hourly)})
    store.close()
    return tmp_path


class Running:
    """A daemon that runs; what it logs is read in a thread, so that it never waits for us."""

    def __init__(self, project, **variables):
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runner", "daemon", "--project", str(project)],
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": "/usr/bin:/bin", **variables},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        with self.process.stderr as log:
            for line in log:
                self.lines.append(json.loads(line) if line.startswith("{") else {"event": line})

    def events(self, name):
        return [line for line in self.lines if line["event"] == name]

    def wait_for(self, name, count=1):
        until(lambda: len(self.events(name)) >= count or self.process.poll() is not None)
        assert len(self.events(name)) >= count, self.lines
        return self.events(name)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


def until(is_so):
    deadline = time.monotonic() + PATIENCE
    while not is_so() and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert is_so()


@contextmanager
def receiver():
    """Receive heartbeats on loopback; yields the URL, and the paths that were called."""
    called = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            called.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/t0ken", called
        server.shutdown()
        thread.join()


def ask(address, path):
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def samples(text):
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def status(project, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "runner", "status", "--project", str(project), "--format", "json", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HEARTBEAT": "off"},
    )
    return done.returncode, json.loads(done.stdout)


def test_a_daemon_is_seen_while_it_runs_and_missed_after_it_was_killed(project):
    with receiver() as (url, called):
        daemon = Running(project, HEARTBEAT=url)
        (listening,) = daemon.wait_for("http_listening")
        daemon.wait_for("query_run_finished", count=3)
        until(lambda: called)

        health, ready = ask(listening["address"], "/healthz"), ask(listening["address"], "/readyz")
        scraped = samples(ask(listening["address"], "/metrics")[1])
        code, alive = status(project, "--check")
        daemon.end(signal.SIGKILL)
        late = len(called)

    store = StateStore(
        settings.load(project, {"HEARTBEAT": "off"}).state_url, clock=SystemClock(), events_per_alert=10
    )
    (seen,) = store.standing.daemons()
    store.standing.beat(seen.record, timedelta(seconds=-1))  # as it is when it was not heard of for a minute
    store.close()
    code_after, dead = status(project, "--check")

    assert (health, ready) == ((200, "ok\n"), (200, "ok\n"))
    assert scraped["runner_runs_total", "succeeded"] == 3
    assert scraped["runner_matches_total",] == 1
    assert scraped["runner_claims_total",] == 3
    assert scraped["runner_query_overdue_seconds", QUERY] == 0
    assert (code, alive["wrong"]) == (0, [])
    assert [one["is_alive"] for one in alive["daemons"]] == [True]
    (query,) = alive["queries"]
    assert (query["query"], query["coverage"]["24 h"]["outcomes"]) == (QUERY, {"succeeded": 3})
    assert query["coverage"]["24 h"]["share"] == 1.0
    assert late > 0
    assert (code_after, dead["wrong"]) == (1, ["no daemon is alive"])
    assert dead["queries"][0]["last_success"] == query["last_success"]


def test_each_line_of_a_run_says_how_late_it_was_and_how_long_it_took_and_no_line_has_a_secret(project):
    with receiver() as (url, called):
        daemon = Running(project, HEARTBEAT=url + "/more")
        runs = daemon.wait_for("query_run_finished", count=3)
        until(lambda: called)
        daemon.end()

    for run in runs:
        assert {"query", "run", "scheduled_for", "lateness_seconds", "duration_seconds"} <= run.keys()
        assert 0 < run["duration_seconds"] < PATIENCE
    assert "t0ken" not in json.dumps(daemon.lines)


def test_the_heartbeat_stops_when_a_definition_has_no_sound_version(project):
    (project / "queries" / "new.yml").write_text("AnalysisType: scheduled_query\nQueryName: New\n")

    with receiver() as (url, called):
        daemon = Running(project, HEARTBEAT=url)
        (withheld,) = daemon.wait_for("heartbeat_withheld")
        daemon.end()

    assert called == []
    assert "queries/new.yml" in withheld["reasons"][0]


def test_systemd_hears_of_the_start_of_a_reload_and_of_the_end_and_the_watchdog_is_fed(project, tmp_path):
    heard, address = [], str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(PATIENCE)
        daemon = Running(project, HEARTBEAT="off", NOTIFY_SOCKET=address, WATCHDOG_USEC="600000")

        def hear_until(word):
            while not any(message.startswith(word) for message in heard):
                heard.append(manager.recv(4096).decode())
            return heard.copy()

        hear_until("READY=1")
        hear_until("WATCHDOG=1")
        heard.clear()
        daemon.process.send_signal(signal.SIGHUP)
        hear_until("RELOADING=1")
        hear_until("READY=1")
        daemon.process.send_signal(signal.SIGTERM)
        hear_until("STOPPING=1")
        code = daemon.end()

    assert code == 0


def test_a_daemon_whose_clock_is_behind_says_so_and_forgets_nothing_until_it_is_right(project):
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    url = settings.load(project, {"HEARTBEAT": "off"}).state_url
    store = StateStore(url, clock=SystemClock(), events_per_alert=10)
    store.ledger.begin_epochs({"Recorded Tomorrow": Epoch(start=tomorrow, schedule=None)})
    before = store.ledger.epochs()

    with receiver() as (heartbeat, called):
        daemon = Running(project, HEARTBEAT=heartbeat)
        (listening,) = daemon.wait_for("http_listening")
        daemon.wait_for("daemon_started")
        until(lambda: daemon.events("heartbeat_withheld"))
        health, ready = ask(listening["address"], "/healthz"), ask(listening["address"], "/readyz")
        code = daemon.end()

    after = store.ledger.epochs()
    store.close()
    assert [event["level"] for event in daemon.events("clock_behind")] == ["error"]
    assert (health, ready[0]) == ((200, "ok\n"), 503)
    assert "behind what is recorded already" in ready[1]
    assert (code, called, after) == (0, [], before)
