"""A daemon stops in good order when it is told to, at once when it is told again, and leaves nobody behind."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from crash_lab import PATIENCE

pytestmark = pytest.mark.crash

LONG = 50.0


def descendants(pid):
    """Return the ids of all processes that a process has started, and they in turn."""
    children = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found, new = [], [pid]
    while new:
        new = [child for parent in new for child in children.get(parent, [])]
        found += new
    return found


def ends(pid):
    """Wait for the end of a process that is not ours; return whether it came."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], PATIENCE)[0])
    finally:
        os.close(handle)


def test_a_second_sigterm_does_not_wait_for_runs_to_end(make_lab):
    lab = make_lab("sqlite", drain=LONG, rule_takes=LONG)
    daemon = lab.start()
    lab.until_running(daemon)

    daemon.signal(signal.SIGTERM)
    daemon.until("daemon_stopping")
    daemon.signal(signal.SIGTERM)
    code = daemon.end(LONG / 2)

    assert code == 0, lab.story()
    assert lab.rows("SELECT DISTINCT state FROM runs") == [("waiting",)]
    assert lab.number("SELECT count(*) FROM backlog WHERE owner IS NOT NULL") == 0


def test_sigterm_lets_runs_end_and_begins_no_other(make_lab):
    lab = make_lab("sqlite", drain=LONG, rule_takes=0.5)
    daemon = lab.start()
    lab.until_running(daemon)

    code = daemon.stop()

    assert (code, lab.rows("SELECT DISTINCT state FROM runs WHERE query = 'Tiles'")) in [
        (0, [("succeeded",)]),
        (0, []),
    ]
    assert lab.number("SELECT count(*) FROM runs WHERE state IN ('running', 'waiting')") == 0
    assert lab.number("SELECT count(*) FROM backlog") > 0


def test_no_process_outlives_a_daemon_that_is_killed(make_lab):
    lab = make_lab("sqlite", workers=2, rule_takes=LONG)
    daemon = lab.start()
    lab.until_running(daemon)
    while (
        len(processes := descendants(daemon.pid)) < 3
    ):  # what workers are forked from, what tidies up, a worker
        assert daemon.look(0.05), lab.story()

    daemon.signal(signal.SIGKILL)
    daemon.end()

    assert [pid for pid in processes if not ends(pid)] == []


def test_a_standby_takes_over_from_a_daemon_that_is_killed(make_lab):
    lab = make_lab("sqlite")
    first = lab.start(until=None)
    first.until("query_run_finished", 2)
    standby = lab.start(standby=True)
    standby.until("daemon_standing_by")

    first.signal(signal.SIGKILL)
    standby.until("daemon_started")
    lab.until_caught_up([standby])
    code = standby.stop()

    assert lab.problems() == [], lab.story()
    assert code == 0


def test_a_standby_can_be_stopped_while_it_waits(make_lab):
    lab = make_lab("sqlite", rule_takes=LONG)
    lab.start().until("daemon_started")
    standby = lab.start(standby=True)
    standby.until("daemon_standing_by")

    code = standby.stop()

    assert (code, standby.events()["daemon_started"]) == (0, 0)


def test_what_killed_workers_have_spilled_is_removed_at_the_next_start(make_lab):
    lab = make_lab("sqlite")
    ended = lab.start()
    ended.until("daemon_started")
    ended.stop()
    spill = lab.root / ".runner" / "spill"
    (spill / str(ended.pid)).mkdir(parents=True)
    (spill / str(os.getpid())).mkdir()

    lab.start().until("daemon_started")

    assert [folder.name for folder in spill.iterdir()] == [str(os.getpid())]
