"""The whole way of an alert: logs land, the daemon finds it, people are told, it grows, and it is resolved."""

import shutil
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from receivers import Answer, Receiver

from runner import settings
from runner.alerts.alert import AlertStatus
from runner.clock import FrozenClock
from runner.daemon.process import Daemon
from runner.ingest import ingest_records
from runner.store.alert_book import AlertFilter
from runner.store.state import StateStore

TEMPLATE = Path(settings.__file__).parent / "project_template"
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PATIENCE = 60.0

pytestmark = pytest.mark.slow


@pytest.fixture
def hook():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def pager(certificate):
    receiver = Receiver(certificate)
    receiver.takes = b'{"dedup_key": "it"}'
    yield receiver
    receiver.close()


@pytest.fixture
def project(tmp_path, hook, pager, certificate):
    for name in ("queries", "scheduled_rules"):
        shutil.copytree(TEMPLATE / name, tmp_path / name)
    rule = tmp_path / "scheduled_rules" / "okta_failed_logins.yml"
    rule.write_text(rule.read_text().replace("DedupPeriodMinutes: 60", "DedupPeriodMinutes: 180"))
    (tmp_path / "runner.toml").write_text(
        f"""
[workers]
count = 1
[delivery]
retry_seconds = 0.01
[destinations.hook]
kind = "webhook"
url = "{hook.url}"
[destinations.pager]
kind = "pagerduty"
url = "{pager.address}"
ca_file = "{certificate.file}"
routing_key = "{"r" * 32}"
"""
    )
    (tmp_path / "datalake").mkdir()
    return tmp_path


def fail_logins(project, at, count, number=0):
    logins = [
        {
            "uuid": f"{at.isoformat()}-{number + n}",
            "published": (at - timedelta(minutes=1, seconds=n)).isoformat(),
            "eventType": "user.session.start",
            "actor": {"alternateId": "ada@example.com"},
            "client": {"ipAddress": "203.0.113.7"},
            "outcome": {"result": "FAILURE"},
        }
        for n in range(count)
    ]
    ingest_records(
        "Okta.SystemLog",
        logins,
        source_name=f"{at:%H%M}-{number}",
        lake=project / "datalake",
        clock=FrozenClock(at),
    )


class Running:
    """A daemon of this process, whose clock the test moves."""

    def __init__(self, project):
        self.clock = FrozenClock(NOON)
        self.settings = settings.load(project, {})
        self.daemon = Daemon(self.settings, self.clock)
        self.thread = threading.Thread(target=self.daemon.run)
        self.store = StateStore(self.settings.state_url, clock=self.clock, events_per_alert=10)
        self.thread.start()
        self.wait(lambda: bool(self.store.standing.daemons()))

    def wait(self, has_happened):
        deadline = time.monotonic() + PATIENCE
        while not has_happened():
            assert time.monotonic() < deadline
            assert self.thread.is_alive()
            threading.Event().wait(0.05)  # for other processes, not for the clock

    def pass_time(self, by):
        """Move the clock on, and wait until what fell due is done."""
        runs = len(self.store.latest_runs(100))
        self.clock.advance(by)
        self.daemon.tick()
        self.wait(lambda: len(self.store.latest_runs(100)) > runs and not self.store.ledger.backlog_size())

    def stop(self):
        self.daemon.stop()
        self.thread.join(PATIENCE)
        self.store.close()


@pytest.fixture
def running(project):
    running = Running(project)
    yield running
    running.stop()


def test_failed_logins_reach_people_once_grow_and_are_resolved(project, running, hook, pager):
    hook.answers.append(Answer(status=503))
    fail_logins(project, NOON + HOUR, 3)

    running.pass_time(HOUR)
    running.wait(lambda: len(pager.received) == 1)
    running.wait(lambda: running.store.outbox.state_of("hook")[0] == 1)
    running.clock.advance(MINUTE)
    running.wait(lambda: len(hook.received) == 2)

    refused, taken = hook.received
    assert refused.body == taken.body
    assert taken.document["title"] == "New Alert: Failed logins of ada@example.com"
    assert taken.document["severity"] == "MEDIUM"
    assert pager.received[0].document["event_action"] == "trigger"

    fail_logins(project, NOON + 2 * HOUR, 2, number=9)
    running.pass_time(HOUR - MINUTE)
    running.wait(lambda: len(hook.received) == 3 and len(pager.received) == 2)

    grown = hook.received[2].document
    assert (grown["kind"], grown["matchCount"]) == ("update", 5)
    assert grown["alertId"] == taken.document["alertId"]
    assert grown["idempotencyKey"] != taken.document["idempotencyKey"]

    (alert,) = running.store.list_alerts(AlertFilter(), 10)
    running.store.change_status([alert], AlertStatus.RESOLVED, actor="ada", comment="it was me")
    running.wait(lambda: len(hook.received) == 4 and len(pager.received) == 3)

    resolved = hook.received[3].document
    assert (resolved["kind"], resolved["status"]) == ("status", "RESOLVED")
    assert (resolved["actor"], resolved["comment"]) == ("ada", "it was me")
    assert pager.received[2].document == {
        "routing_key": "r" * 32,
        "event_action": "resolve",
        "dedup_key": alert.alert_id,
    }
