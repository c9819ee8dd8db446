"""Logs that come after their window was evaluated: found, and evaluated once more."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from runner import late_data
from runner.cli.main import cli
from runner.clock import SystemClock
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
LAST_HOUR = "SELECT * FROM panther_logs.public.logins WHERE p_occurs_since('1 hour')"


@pytest.fixture
def evaluated(project):
    """Evaluate the windows before 09:00 and before 06:00; files land by the machine's clock, so runs go by it too."""
    project.clock = SystemClock()
    project.write_query(LAST_HOUR)
    project.add_logins(-0.5, -3.5)
    with project.open() as parts:
        for hours in (0, -3):
            run_late(parts, AT + timedelta(hours=hours))
    return project


def run_late(parts, due):
    query = parts.catalogue.queries["Failed Logins"]
    return parts.pipeline.run_late(query, due, parts.catalogue.rules_for(query.name))


def late(project):
    """Return the due times, in hours from 09:00, of windows with late files, and how many files each has."""
    with project.open() as parts:
        engine = DuckDBEngine(
            parts.settings.lake, EngineLimits(memory=256_000_000, spill=project.root / "spill")
        )
        runs = parts.store.evaluated_runs(since=AT - timedelta(days=1))
        found = list(late_data.find(runs, parts.catalogue, engine, plain_dialect="snowflake"))
        engine.close()
    return [((one.due - AT) / timedelta(hours=1), len(one.files)) for one in found]


def test_a_window_without_new_files_is_not_late(evaluated):
    assert late(evaluated) == []


def test_only_the_windows_that_a_file_lands_in_are_late(evaluated):
    evaluated.add_logins(-0.25)
    first = late(evaluated)
    evaluated.add_logins(-9)
    evaluated.add_logins(1)

    assert first == [(0.0, 1)]
    assert late(evaluated) == first


def test_a_late_window_is_run_as_its_next_revision_and_counts_only_what_is_new(evaluated):
    evaluated.add_logins(-0.25)

    with evaluated.open() as parts:
        report = run_late(parts, AT)

    assert report.run.key.revision == 1
    assert report.run.counts.matches == 2
    assert sum(alert.match_count for alert in evaluated.alerts()) == 3
    assert late(evaluated) == []


def test_a_query_that_is_gone_has_no_late_windows(evaluated):
    evaluated.add_logins(-0.25)
    for file in (evaluated.root / "queries").iterdir():
        file.write_text(file.read_text().replace("Enabled: true", "Enabled: false"))

    assert late(evaluated) == []


def test_the_command_lists_late_windows_and_runs_them_again(evaluated):
    evaluated.add_logins(-0.25)
    where = ["--project", str(evaluated.root), "--days", "3000"]

    listed = CliRunner().invoke(cli, ["late", *where, "--format", "json"], standalone_mode=False)
    again = CliRunner().invoke(cli, ["late", "--run", *where], standalone_mode=False)
    after = CliRunner().invoke(cli, ["late", *where], standalone_mode=False)

    (found,) = json.loads(listed.output)
    assert (found["due"], found["revision"], len(found["files"])) == ("2026-01-15T09:00:00Z", 0, 1)
    assert "1 window run again, 0 failed." in again.output
    assert "No window got logs after it was evaluated." in after.output
