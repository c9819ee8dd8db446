"""The state database as a whole: opening, migrating and refusing it, and its transactions."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError, SQLAlchemyError

from runner.errors import StoreError
from runner.store.schema import REVISION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config
    from sqlalchemy.engine import URL, Connection, Engine

IN_MEMORY = "sqlite://"
"""A database that lives as long as the program: for dry runs and tests."""

_BUSY_SECONDS = 30
_READS_ONLY = "reads_only"


class Database:
    """One state database, opened and at the newest schema.

    A SQLite file is made, with its folder, if it is not there; an older one is copied aside and migrated.
    Raises `StoreError` if it cannot be opened, or if its schema is newer than this program.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(sa.make_url(url))
        with _store_errors(url):
            self._bring_up_to_date()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a write transaction; it is committed at the end, or rolled back on any error."""
        with _store_errors(str(self.engine.url)), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection for reading: it waits for no writer, and no writer waits for it."""
        with _store_errors(str(self.engine.url)), self.engine.connect() as connection:
            yield connection.execution_options(**{_READS_ONLY: True})

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _bring_up_to_date(self) -> None:
        with self.engine.connect() as connection:
            found = _revision_of(connection)
        if found == REVISION:
            return
        if found is not None:
            _refuse_newer(found, self.engine)
            _back_up(self.engine.url, found)
        migrate(self.engine)


def migrate(engine: Engine) -> None:
    """Bring a database to the newest schema, whatever it has now."""
    from alembic import command  # noqa: PLC0415  Alembic is slow to import, and seldom needed

    with engine.begin() as connection:
        command.upgrade(_alembic_config(connection), "head")


def _alembic_config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415  as above

    config = Config()
    config.set_main_option("script_location", "runner:store/migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _revision_of(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def _refuse_newer(found: str, engine: Engine) -> None:
    if found > REVISION:
        raise StoreError(
            f"the state database {_shown(engine.url)} has schema {found}, and this runner knows {REVISION} at most: "
            "use the newer runner that made it, or name another database with --state"
        )


def _back_up(url: URL, found: str) -> None:
    if url.get_backend_name() == "sqlite" and url.database:
        shutil.copy2(url.database, f"{url.database}.before-{REVISION}-from-{found}")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    if not url.database:
        engine = sa.create_engine(url, poolclass=sa.StaticPool, connect_args={"check_same_thread": False})
    else:
        _make_folder(Path(url.database))
        engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
    sa.event.listen(engine, "connect", _configure_sqlite)
    sa.event.listen(engine, "begin", _begin_immediate)
    return engine


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder of the state database {file} cannot be made: {error}") from error


def _configure_sqlite(connection: object, _record: object) -> None:
    """Let SQLAlchemy begin transactions itself, and let readers and one writer work side by side."""
    connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3's connection
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=FILE"):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first could be refused later."""
    reads_only = connection.get_execution_options().get(_READS_ONLY)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


@contextmanager
def _store_errors(url: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except (OperationalError, DatabaseError) as error:
        raise StoreError(
            f"the state database {_shown(sa.make_url(url))} did not do as asked: {error.orig}"
        ) from error
    except SQLAlchemyError as error:
        raise StoreError(f"the state database {_shown(sa.make_url(url))}: {error}") from error


def _shown(url: URL) -> str:
    return url.database or "in memory" if url.get_backend_name() == "sqlite" else url.render_as_string()
