"""The daemon as a process takes in what changes: told by the file system, asked by SIGHUP, or by looking."""

import json
import signal
import subprocess
import sys
import threading

import pytest

QUERY = """\
AnalysisType: scheduled_query
QueryName: {name}
Enabled: true
Query: SELECT 1
Schedule:
  RateMinutes: {rate}
  TimeoutMinutes: 5
"""
PATIENCE = 30.0

pytestmark = pytest.mark.slow


class RunningDaemon:
    """A daemon that is ended, come what may, by the one who started it."""

    def __init__(self, root, reload_seconds):
        (root / "runner.toml").write_text(
            f"[workers]\ncount = 1\n[daemon]\nreload_seconds = {reload_seconds}\n"
        )
        (root / "datalake").mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runner", "daemon", "--project", str(root)],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._killer = threading.Timer(PATIENCE, self.process.kill)
        self._killer.start()
        self.line("daemon_started")

    def line(self, event):
        """Read the log until this event comes."""
        for line in self.process.stderr:
            found = json.loads(line)
            if found["event"] == event:
                return found
        raise AssertionError(event)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()
        self._killer.cancel()


def write(file, name="A", rate=60):
    file.write_text(QUERY.format(name=name, rate=rate))


def test_what_the_file_system_tells_of_is_taken_in_at_once_in_new_folders_too(tmp_path):
    write(tmp_path / "a.yml")
    with RunningDaemon(tmp_path, reload_seconds=3600) as daemon:
        (tmp_path / "queries").mkdir()
        write(tmp_path / "queries" / "b.yml", "B")
        first = daemon.line("definitions_loaded")
        write(tmp_path / "queries" / "c.yml", "C")
        second = daemon.line("definitions_loaded")

    assert [first["queries"], second["queries"]] == [2, 3]


def test_what_it_does_not_tell_of_is_found_by_looking(tmp_path):
    outside = tmp_path / "outside.txt"
    write(outside)
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.yml").symlink_to(outside)
    with RunningDaemon(root, reload_seconds=0.1) as daemon:
        outside.write_text("AnalysisType: scheduled_query\nQueryName: [\n")
        broken = daemon.line("definition_broken")

    assert broken["kept"] == ["A"]


def test_sighup_has_it_looked_for_now(tmp_path):
    outside = tmp_path / "outside.txt"
    write(outside)
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.yml").symlink_to(outside)
    with RunningDaemon(root, reload_seconds=3600) as daemon:
        write(outside, rate=5)
        daemon.process.send_signal(signal.SIGHUP)

        assert daemon.line("definitions_loaded")["queries"] == 1
