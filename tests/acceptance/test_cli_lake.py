"""`runner lake` on the sample lake, and on one that has faults."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from runner.cli.main import cli

LAKE = Path(__file__).parents[2] / "datalake"


@pytest.fixture
def lake(tmp_path):
    """Copy a part of the sample lake into a project of its own."""
    shutil.copytree(LAKE / "panther_logs" / "aws_vpcdns", tmp_path / "lake" / "panther_logs" / "aws_vpcdns")
    return tmp_path / "lake"


@pytest.fixture
def call(lake, tmp_path):
    """Call `runner lake` with JSON; returns the exit code and what it printed."""

    def call(*arguments):
        where = ["--lake", str(lake), "--project", str(tmp_path)]
        done = CliRunner().invoke(
            cli, ["lake", *arguments, *where, "--format", "json"], standalone_mode=False
        )
        assert done.exception is None, done.output
        return done.return_value, json.loads(done.output)

    return call


def write(lake, select, part):
    path = lake / "panther_logs" / "app" / part
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.connect().execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


def test_tables_are_told_with_their_rows_and_times(call):
    code, (table,) = call("tables")

    assert code == 0
    assert table == {
        "table": "panther_logs.public.aws_vpcdns",
        "time_column": "p_event_time",
        "files": 4,
        "rows": 7262,
        "bytes": table["bytes"],
        "from": "2026-01-11T00:00:39Z",
        "to": "2026-01-14T23:59:40Z",
    }


def test_files_are_told_by_the_name_of_their_table(call):
    code, files = call("files", "aws_vpcdns")

    assert code == 0
    assert sum(file["rows"] for file in files) == 7262
    assert {file["state"] for file in files} == {"read"}


def test_the_lag_is_measured_from_the_event_to_its_ingest(call, lake):
    seconds = "SELECT TIMESTAMP '2026-01-15' + to_minutes(i) AS p_event_time, p_event_time + to_seconds(i) AS p_parse_time"
    write(lake, f"{seconds} FROM range(1, 101) t(i)", "a.parquet")

    code, (lag,) = call("lag", "app", "--until", "2026-01-16")

    assert code == 0
    assert lag == {
        "table": "panther_logs.public.app",
        "rows": 100,
        "seconds": {"p50": 50.0, "p95": 95.0, "p99": 99.0},
    }


def test_the_lag_of_a_time_without_rows_is_not_known(call):
    _, (lag,) = call("lag", "--until", "2020-01-01")

    assert lag["rows"] == 0
    assert lag["seconds"]["p99"] is None


def test_a_sound_lake_has_no_faults(call):
    assert call("verify") == (0, {"files": 4, "faults": []})


def test_files_that_queries_would_miss_or_cannot_read_are_faults(call, lake):
    write(
        lake,
        "SELECT TIMESTAMP '2026-01-15 10:00:00' AS p_event_time",
        "p_date=2026-01-15/p_hour=10/good.parquet",
    )
    moved = write(lake, "SELECT TIMESTAMP '2026-01-15' AS p_event_time", "p_date=2026-01-14/moved.parquet")
    damaged = lake / "panther_logs" / "app" / "damaged.parquet"
    damaged.write_text("no Parquet")

    code, found = call("verify")

    assert code == 1
    assert found["faults"] == [
        {"file": str(damaged), "reason": "no Parquet file, or a damaged one"},
        {"file": str(moved), "reason": "holds rows of other times than its folder says: queries miss them"},
    ]


@pytest.mark.parametrize("command", [["tables"], ["files", "aws_vpcdns"], ["lag"], ["verify"]])
def test_people_see_tables(lake, tmp_path, command):
    where = ["--lake", str(lake), "--project", str(tmp_path)]

    done = CliRunner().invoke(cli, ["lake", *command, *where])

    assert done.exit_code == 0
    assert "aws_vpcdns" in done.output or "4 files looked at, 0 faults." in done.output


def test_a_table_that_is_not_there_is_named(lake, tmp_path):
    done = CliRunner().invoke(
        cli, ["lake", "files", "aws_dns", "--lake", str(lake), "--project", str(tmp_path)]
    )

    assert "there is no table aws_dns in the lake: panther_logs.public.aws_vpcdns" in str(done.exception)


def test_logs_that_come_later_than_a_run_waits_are_told_by_the_check(lake, tmp_path):
    now = datetime.now(UTC)
    late = f"TIMESTAMP '{now - timedelta(hours=2):%Y-%m-%d %H:%M:%S}' + to_seconds(i) AS p_event_time, 'x' AS user"
    write(
        lake,
        f"SELECT {late}, p_event_time + to_seconds(355) AS p_parse_time FROM range(100) t(i)",
        "a.parquet",
    )
    (tmp_path / "query.yml").write_text(
        "AnalysisType: scheduled_query\nQueryName: Late\nEnabled: true\nSchedule:\n  RateMinutes: 30\n"
        "  TimeoutMinutes: 5\nQuery: SELECT * FROM panther_logs.public.app WHERE p_occurs_since('30 minutes')\n"
    )

    told = CliRunner().invoke(cli, ["check", str(tmp_path), "--lake", str(lake)]).output
    (tmp_path / "runner.toml").write_text('[queries."Late"]\nsettle_seconds = 360\n')
    settled = CliRunner().invoke(cli, ["check", str(tmp_path), "--lake", str(lake)]).output

    assert (
        "W509 looks back 30 minutes and runs every 30 minutes; 99 of 100 rows of panther_logs.public.app arrive "
        "within 355 seconds: set schedule.settle_seconds to 360"
    ) in told
    assert "W509" not in settled
