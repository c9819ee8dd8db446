"""Opening a state database: made, migrated, or refused with a sentence that helps."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from state_lab import key, match

from runner.errors import StoreError
from runner.store import schema
from runner.store.database import IN_MEMORY, Database, Migrations

NEXT_STEP = '''
"""A step that only this test knows."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table("news", sa.Column("id", sa.Integer, primary_key=True))
'''


def set_revision(file: Path, revision: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])


@pytest.fixture
def next_migrations(tmp_path) -> Migrations:
    folder = Path(schema.__file__).parent / "migrations"
    ours = shutil.copytree(folder, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (ours / "versions" / "v0002_news.py").write_text(NEXT_STEP)
    return Migrations(location=str(ours), newest="0002")


def test_the_migrations_make_the_schema_that_the_program_uses(state_url):
    engine = sa.create_engine(state_url)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        differences = compare_metadata(context, schema.metadata)

    engine.dispose()
    assert differences == []


def test_ids_of_matches_are_never_used_again(state_file):
    with closing(sqlite3.connect(state_file)) as connection:
        ((statement,),) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'matches'")

    assert "AUTOINCREMENT" in statement


def test_a_new_database_is_made_with_its_folder(tmp_path):
    file = tmp_path / "a" / "b" / "state.db"

    Database(f"sqlite:///{file}").close()

    assert file.is_file()


def test_a_database_is_opened_again(state_file):
    Database(f"sqlite:///{state_file}").close()

    assert list(state_file.parent.glob("*before*")) == []


def test_a_database_of_a_newer_runner_is_refused(state_file):
    set_revision(state_file, "9999")

    with pytest.raises(StoreError, match=rf"{state_file} has schema 9999.*knows {schema.REVISION} at most"):
        Database(f"sqlite:///{state_file}")


def test_an_older_database_is_copied_aside_and_migrated(file_lab, next_migrations):
    file_lab.run(0, match())  # what it wrote is still in the write-ahead log
    file = Path(file_lab.url.removeprefix("sqlite:///"))

    Database(file_lab.url, migrations=next_migrations).close()

    backup = file.with_name("state.db.before-0002-from-0001")
    assert file_lab.number_of("news") == 0
    assert file_lab.number_of("matches") == 1
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT count(*) FROM matches").fetchall() == [(1,)]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(state_file, next_migrations):
    step = Path(next_migrations.location) / "versions" / "v0002_news.py"
    step.write_text(NEXT_STEP + "    op.execute('SELECT news FROM nowhere')\n")

    with pytest.raises(StoreError, match="nowhere"):
        Database(f"sqlite:///{state_file}", migrations=next_migrations)

    with closing(sqlite3.connect(state_file)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'news'").fetchall() == []


def test_a_schema_that_never_was_is_refused(state_file):
    set_revision(state_file, "0000")

    with pytest.raises(StoreError, match=rf"{state_file} has a schema that this runner does not know"):
        Database(f"sqlite:///{state_file}")


def test_a_file_that_is_no_database_is_named(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("not a database\n" * 100)

    with pytest.raises(StoreError, match=r"notes\.txt did not do as asked: file is not a database"):
        Database(f"sqlite:///{file}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "taken").write_text("")

    with pytest.raises(StoreError, match=r"folder of the state database .*taken/state\.db cannot be made"):
        Database(f"sqlite:///{tmp_path / 'taken' / 'state.db'}")


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    with pytest.raises(StoreError, match=f"{tmp_path} did not do as asked: unable to open"):
        Database(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize(
    "url",
    [
        "state.db",  # no URL at all
        "oracle9://host/state",  # no such dialect
    ],
)
def test_a_url_that_is_none_is_a_store_error(url):
    with pytest.raises(StoreError):
        Database(url)


def test_a_database_that_another_writer_keeps_too_long_is_a_store_error(state_file):
    database = Database(f"sqlite:///{state_file}", busy_seconds=0.05)

    with closing(sqlite3.connect(state_file)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked"), database.transaction():
            pass

    with database.transaction() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.runs)) == 0
    database.close()


def test_readers_wait_for_no_writer(file_lab):
    file_lab.run(0, match())

    with file_lab.store._database.transaction() as connection:
        connection.execute(sa.delete(schema.alerts))
        seen = file_lab.counts()

    assert seen == {"alice": 1}


def test_a_database_is_opened_while_another_writes(state_file):
    first = Database(f"sqlite:///{state_file}")

    with first.transaction():
        Database(f"sqlite:///{state_file}", busy_seconds=0.05).close()

    first.close()


def test_a_database_in_memory_lasts_as_long_as_it_is_open():
    database = Database(IN_MEMORY)

    with database.transaction() as connection:
        connection.execute(sa.insert(schema.runs), _run_row())

    with database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.runs)) == 1
    database.close()


def _run_row() -> dict[str, object]:
    one = key(0)
    return {
        "run_id": "x",
        "query": one.query,
        "scheduled_for": one.scheduled_for,
        "purpose": one.purpose.value,
        "revision": 0,
        "state": "running",
        "attempt": 1,
        "started_at": one.scheduled_for,
    }
