"""`runner ingest` over folders and globs, and as a process that watches one."""

import json
import os
import signal
import subprocess
import sys
import threading

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from runner.cli.main import cli

PATIENCE = 60.0


@pytest.fixture
def arriving(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def write(path, *numbers):
    unfinished = path.with_suffix(".part")
    unfinished.write_text("".join(f'{{"n": {n}, "time": "2026-07-01T00:00:00Z"}}\n' for n in numbers))
    unfinished.rename(path)


def rows_of(lake):
    files = (lake / "panther_logs").glob("my_app/p_date=*/*.parquet")
    return sorted(n for file in files for n in pq.ParquetFile(file).read(["n"])["n"].to_pylist())


def call(tmp_path, *arguments):
    where = ["--lake", str(tmp_path / "lake"), "--project", str(tmp_path)]
    return CliRunner().invoke(cli, ["ingest", *arguments, *where])


def test_folders_and_globs_are_taken_in(tmp_path, arriving):
    write(arriving / "a.jsonl", 1)
    write(arriving / "b.log", 2)
    (arriving / "below").mkdir()
    write(arriving / "below" / "c.jsonl", 3)

    by_glob = call(tmp_path, "My.App", f"{arriving}/*.jsonl")
    first = rows_of(tmp_path / "lake")
    by_folder = call(tmp_path, "My.App", str(arriving))

    assert "1 row from 1 file" in by_glob.output
    assert first == [1]
    assert "2 rows from 2 files" in by_folder.output
    assert rows_of(tmp_path / "lake") == [1, 2, 3]


@pytest.mark.parametrize(
    ("log_type", "place", "reason"),
    [
        ("../evil", ".", "'../evil' is not a log type"),
        ("My.App", "nowhere.json", "'nowhere.json' does not exist"),
    ],
)
def test_wrong_usage_ends_with_2(tmp_path, log_type, place, reason):
    done = call(tmp_path, log_type, place)

    assert done.exit_code == 2
    assert reason in done.output


def test_what_arrives_is_taken_in_until_the_process_is_told_to_stop(tmp_path, arriving):
    write(arriving / "a.jsonl", 1)
    command = [
        sys.executable,
        "-m",
        "runner",
        "ingest",
        "My.App",
        str(arriving),
        "--watch",
        "--format",
        "json",
    ]
    watcher = subprocess.Popen(
        [*command, "--lake", str(tmp_path / "lake"), "--project", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    patience = threading.Timer(PATIENCE, watcher.kill)  # then the next line is empty
    patience.start()
    try:
        first = json.loads(watcher.stdout.readline())
        write(arriving / "b.jsonl", 2, 3)
        (arriving / "c.jsonl").write_text('{"n": 4, "time": "2026-07-01"}\nno record\n')
        rows = 0
        while rows < 3:
            rows += json.loads(watcher.stdout.readline())["rows"]
        os.kill(watcher.pid, signal.SIGTERM)
        code = watcher.wait(PATIENCE)
    finally:
        patience.cancel()
        watcher.kill()
        watcher.communicate()

    assert first["rows"] == 1
    assert rows_of(tmp_path / "lake") == [1, 2, 3, 4]
    assert code == 1  # a line was no record


def test_a_schema_of_the_project_says_what_the_columns_are(tmp_path, arriving):
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "app.yml").write_text(
        "schema: My.App\nfields:\n  - {name: n, type: double}\n  - {name: user, type: string, indicators: [username]}\n"
    )
    write(arriving / "a.json", 1)

    done = call(tmp_path, "My.App", str(arriving / "a.json"))

    (file,) = (tmp_path / "lake" / "panther_logs").glob("my_app/p_date=*/*.parquet")
    columns = pq.read_schema(file)
    assert done.exit_code == 0
    assert str(columns.field("n").type) == "double"
    assert "p_any_usernames" in columns.names
