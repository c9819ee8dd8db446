"""A damaged lake, a full disk, a foreign database: told in one line, with the right exit code."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

AT = "2026-01-15T00:00:00Z"
ONCE = ("once", "--all", "--at", AT)


def lake_file(project):
    (file,) = project.glob("datalake/panther_logs/okta_systemlog/p_date=*/*.parquet")
    return file


def with_file_limit(kibibytes, *arguments, cwd):
    """Run the program where no file may become larger: a full disk, as far as the program can see."""
    # -B: Python does not notice that it cannot write a compiled module whole, and no process could load it any more
    script = f"ulimit -f {kibibytes}; exec {sys.executable} -B -m runner {' '.join(arguments)}"
    return subprocess.run(["bash", "-c", script], cwd=cwd, capture_output=True, text=True, check=False)


def test_a_parquet_file_cut_in_half_fails_the_run_and_names_the_file(project, here):
    file = lake_file(project)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    ended = here(*ONCE, "--format", "json", cwd=project)

    (run,) = ended.document["runs"]
    assert ended.code == 1
    assert (run["state"], run["fault"]["kind"]) == ("failed", "UnreadableLake")
    assert file.name in run["fault"]["message"]


def test_a_full_disk_is_told_by_the_state_database(project):
    ended = with_file_limit(16, *ONCE, cwd=project)

    assert ended.returncode == 3
    assert ended.stderr.startswith("Error: the state database ")
    assert "Traceback" not in ended.stderr


def test_a_full_disk_leaves_nothing_of_an_ingest_in_the_lake(project):
    lines = "".join(f'{{"uuid": "{n}", "published": "2026-01-14T23:00:00Z"}}\n' for n in range(2_000))
    (project / "more.jsonl").write_text(lines)
    before = sorted(project.glob("datalake/**/*.parquet"))

    ended = with_file_limit(8, "ingest", "Okta.SystemLog", "more.jsonl", cwd=project)

    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: ")
    assert "Traceback" not in ended.stderr
    assert sorted(project.glob("datalake/**/*.parquet")) == before


def test_a_state_database_of_a_newer_version_is_refused_untouched(project_with_alert, here):
    file = project_with_alert / ".runner/state.db"
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = file.read_bytes()

    ended = here("alerts", "list", cwd=project_with_alert)

    assert ended.code == 3
    assert "has schema 9999" in ended.err
    assert file.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_untouched(project, here):
    (project / "notes.txt").write_text("Not a database, but somebody's notes.\n" * 100)
    before = (project / "notes.txt").read_bytes()

    ended = here(*ONCE, "--state", "notes.txt", cwd=project)

    assert ended.code == 3
    assert ended.err.startswith("Error: the state database ")
    assert (project / "notes.txt").read_bytes() == before


@pytest.mark.parametrize("url", ["nonsense://somewhere/x", "postgresql://nobody:secret@localhost:1/none"])
def test_a_state_database_that_cannot_be_reached_is_told_without_its_password(project, here, url):
    ended = here("alerts", "list", "--state", url, cwd=project)

    assert ended.code in {2, 3}
    assert ended.err.startswith("Error: ")
    assert "Traceback" not in ended.err
    assert "secret" not in ended.err


def test_a_lake_that_is_not_there_is_told_once(project, here):
    ended = here(*ONCE, "--lake", "nowhere", cwd=project)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"Error: there is no data lake at {project}/nowhere: ingest some logs, or give --lake\n"
    )
    assert not (project / ".runner").exists()


def test_the_help_of_the_program_imports_nothing_heavy():
    heavy = {
        *("alembic", "apscheduler", "croniter", "duckdb", "orjson", "pyarrow", "pydantic"),
        *("rich", "sqlalchemy", "sqlglot", "structlog", "yaml"),
    }
    script = "import sys\nfrom runner.cli.main import cli\ncli.main(['--help'], standalone_mode=False)\nprint(*sys.modules)"

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert heavy & set(ended.stdout.splitlines()[-1].split()) == set()
