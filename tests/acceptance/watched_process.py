"""A process of the program, watched from outside: what it has started, and what it has written down."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running(*arguments, cwd):
    """Have a command run as a process, and kill it if it has not ended by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(condition, seconds=60.0):
    """Look again and again, without a fixed wait; fail when it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.02)


def only_column(project, sql):
    with sqlite3.connect(f"file:{project}/.runner/state.db?mode=ro", uri=True) as connection:
        found = [value for (value,) in connection.execute(sql)]
    connection.close()
    return found


def states(project):
    try:
        return only_column(project, "SELECT state FROM runs")
    except sqlite3.OperationalError:
        return []  # not there yet


def descendants(pid):
    """Return the processes that a process started, and those that these started."""
    children = [child for child in processes() if parent_of(child) == pid]
    return [*children, *(pid for child in children for pid in descendants(child))]


def processes():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def status_of(pid):
    """Return the state letter and the parent of a process; a zombie counts as gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "Z", 0
    return fields[0], int(fields[1])


def parent_of(pid):
    return status_of(pid)[1]


def is_alive(pid):
    return status_of(pid)[0] not in "ZX"
