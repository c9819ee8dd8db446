"""A process that is killed by SIGKILL between sending a message and writing down that it was taken."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing

import pytest
import sqlalchemy as sa
from receivers import Receiver

pytestmark = pytest.mark.crash

AT = "2026-01-15T00:00:00Z"
PATIENCE = 120
SETTINGS = """
[workers]
count = 1
[delivery]
page_max_age_hours = 1000000
[destinations.hook]
kind = "webhook"
url = "{url}"
timeout_seconds = 300
"""
"""What the dead has claimed stays so for longer than any test has patience."""


class DeadlyReceiver(Receiver):
    """Takes messages, and kills whoever brings one: before it answers, or when it has answered."""

    victim = None
    answers_first = False

    def take(self, handler):
        if self.victim is None or self.answers_first:
            super().take(handler)
        else:
            self.received.append(handler.rfile.read(int(handler.headers["Content-Length"])))
            handler.close_connection = True
        if self.victim is not None:
            os.kill(self.victim.pid, signal.SIGKILL)


@pytest.fixture
def receiver():
    receiver = DeadlyReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def project(tmp_path, receiver):
    subprocess.run([sys.executable, "-m", "runner", "init", "project"], cwd=tmp_path, check=True, timeout=60)
    (tmp_path / "project" / "runner.toml").write_text(SETTINGS.format(url=receiver.url))
    return tmp_path / "project"


def start(project):
    arguments = [sys.executable, "-m", "runner", "once", "--all", "--at", AT, "--notify"]
    return subprocess.Popen(arguments, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def deliver(project, count):
    """Start a daemon, as whoever finds the other one dead does, and end it when it has delivered so many messages."""
    command = [sys.executable, "-m", "runner", "daemon"]
    process = subprocess.Popen(
        command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    guard = threading.Timer(PATIENCE, process.kill)
    guard.start()
    delivered, is_ready = 0, False
    for line in process.stderr:
        is_ready |= '"daemon_started"' in line
        delivered += '"alert_delivered"' in line
        if is_ready and delivered == count:
            break
    process.terminate()
    process.communicate()
    guard.cancel()
    return process.returncode


def execute(project, statement):
    engine = sa.create_engine(f"sqlite:///{project / '.runner' / 'state.db'}")
    with closing(engine.raw_connection()) as connection:
        found = connection.cursor().execute(statement).fetchall()
        connection.commit()
    engine.dispose()
    return found


def states(project):
    return [state for (state,) in execute(project, "SELECT state FROM deliveries")]


@pytest.mark.parametrize("answers_first", [False, True], ids=["before the answer", "after the answer"])
def test_killed_when_the_message_had_arrived_it_is_sent_again_with_the_same_key(
    project, receiver, answers_first
):
    receiver.answers_first = answers_first
    process = receiver.victim = start(project)
    try:
        ended = process.wait(PATIENCE)
    finally:
        process.kill()
    receiver.victim = None
    after_death = states(project)

    again = deliver(project, after_death.count("waiting"))

    bodies = [getattr(one, "body", one) for one in receiver.received]
    assert (ended, again) == (-signal.SIGKILL, 0)
    assert answers_first or after_death == ["waiting"]
    assert states(project) == ["sent"]
    assert len(set(bodies)) == 1
    assert len(bodies) == 1 + (after_death == ["waiting"])


def test_killed_at_its_first_message_it_has_lost_none_of_the_others(project, receiver):
    rule = project / "scheduled_rules" / "okta_failed_logins.yml"
    rule.write_text(rule.read_text().replace("Threshold: 3", "Threshold: 1"))
    python = project / "scheduled_rules" / "okta_failed_logins.py"
    python.write_text(
        "def rule(event):\n    return True\n\n\ndef dedup(event):\n    return event['p_row_id']\n"
    )
    process = receiver.victim = start(project)
    try:
        process.wait(PATIENCE)
    finally:
        process.kill()
    receiver.victim = None
    ((alerts,),) = execute(project, "SELECT count(*) FROM alerts")

    deliver(project, alerts)

    bodies = [getattr(one, "body", one) for one in receiver.received]
    assert alerts > 1
    assert states(project) == ["sent"] * alerts
    assert (len(set(bodies)), len(bodies)) == (alerts, alerts + 1)
