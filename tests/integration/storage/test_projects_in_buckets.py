"""The program as a process, with its lake and its sources in a bucket, and keys that it never shows."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

QUERY = """
AnalysisType: scheduled_query
QueryName: Things
Enabled: true
Query: SELECT n, who FROM panther_logs.public.custom_thing WHERE p_occurs_since('1 day')
Schedule: {RateMinutes: 60, TimeoutMinutes: 5}
"""
RULE = """
AnalysisType: scheduled_rule
RuleID: Custom.Thing
Filename: thing.py
Enabled: true
Severity: High
ScheduledQueries: [Things]
"""


@pytest.fixture
def project(tmp_path, place):
    (tmp_path / "queries").mkdir()
    (tmp_path / "rules").mkdir()
    (tmp_path / "queries" / "things.yml").write_text(QUERY)
    (tmp_path / "rules" / "thing.yml").write_text(RULE)
    (tmp_path / "rules" / "thing.py").write_text("def rule(event):\n    return event.get('n') == 2\n")
    (tmp_path / "runner.toml").write_text(
        f"""
[lake]
location = "{place / "lake"}"

[storage]
endpoint = "{place.store.endpoint}"
region = "us-east-1"
access_key = "${{env:STORE_KEY}}"
secret_key = "${{env:STORE_SECRET}}"
"""
    )
    return tmp_path


@pytest.fixture
def run(project, place):
    def run(*arguments, secret=place.store.secret_key):
        keys = {"STORE_KEY": place.store.access_key, "STORE_SECRET": secret}
        return subprocess.run(
            [sys.executable, "-m", "runner", *arguments],
            cwd=project,
            env={**os.environ, "RUNNER_WORKERS_COUNT": "1", **keys},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_from_logs_in_a_bucket_to_an_alert(place, run):
    events = [{"time": f"2026-01-15T10:00:0{n}Z", "n": n, "who": "alex"} for n in range(3)]
    (place / "in/2026/a.jsonl").write_bytes("\n".join(map(json.dumps, events)).encode())

    taken = run("ingest", "Custom.Thing", f"{place}/in", "--format", "json")
    again = run("ingest", "Custom.Thing", f"{place}/in/**/*.jsonl", "--format", "json")
    once = run("once", "Things", "--at", "2026-01-15T12:00:00Z", "--format", "json")
    tables = run("lake", "tables", "--format", "json")

    assert (taken.returncode, json.loads(taken.stdout)["rows"]) == (0, 3), taken.stderr
    assert json.loads(again.stdout)["already_there"] == 1
    assert once.returncode == 0, once.stderr
    assert '"Custom.Thing"' in once.stdout
    assert "panther_logs.public.custom_thing" in tables.stdout


def test_wrong_keys_are_told_without_telling_them(place, run):
    done = run("ingest", "Custom.Thing", f"{place}/in", secret="a-wrong-secret")

    assert done.returncode in (1, 2)
    assert "bucket cannot be reached" in done.stderr
    assert "a-wrong-secret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_without_anything_is_told(place, run):
    done = run("ingest", "Custom.Thing", f"{place}/nothing")

    assert done.returncode == 2
    assert f"there is nothing at {place}/nothing" in done.stderr
