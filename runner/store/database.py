"""The state database as a whole: opening, migrating and refusing it, and its transactions."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from runner.checkpoints import NO_CHECKPOINTS, Checkpoint
from runner.errors import StoreError
from runner.store.schema import REVISION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alembic.config import Config
    from sqlalchemy.engine import URL, Connection, Engine

    from runner.checkpoints import Checkpoints

IN_MEMORY = "sqlite://"
"""A database that lives as long as the program: for dry runs and tests."""

_BUSY_SECONDS = 30.0
_TURN_SECONDS = 600.0
_RETRY_SECONDS = 0.01
_READS_ONLY = "reads_only"
_LOCK_SPACE = 0x72756E  # "run": our advisory locks on a server that others may use too
_SERVER_ARGUMENTS = MappingProxyType(
    {
        # A network that swallows everything is found out within half a minute, by either side.
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
        # A daemon that is stopped or cut off in the middle of a transaction holds locks that all others need.
        "options": (
            "-c idle_in_transaction_session_timeout=30s -c tcp_keepalives_idle=10 "
            "-c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
        ),
    }
)
"""How connections to a server are made, unless the URL says otherwise."""
_PAGE_SIZE = 8_192
"""Bytes, of a new file. A whole row has two or three kilobytes: of SQLite's pages of 4 KiB each would fill one."""
_PRAGMAS = (
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "temp_store=FILE",
    # A commit of many matches touches pages all over the indexes: with SQLite's 2 MB it is half as fast, and with 32 a run
    # of half a million matches still takes a fifth longer.
    "cache_size=-65536",
    "temp.cache_size=-16384",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Migrations:
    """Where the steps of the schema are, and the name of the newest."""

    location: str = "runner:store/migrations"
    newest: str = REVISION


class Database:
    """One state database, opened and at the newest schema.

    A SQLite file is made, with its folder, if it is not there; an older one is copied aside and migrated.
    `busy_seconds` is how long a SQLite writer waits for another. Raises `StoreError` if the database cannot
    be opened, or if its schema is newer than this program.
    """

    def __init__(
        self,
        url: str,
        *,
        busy_seconds: float = _BUSY_SECONDS,
        migrations: Migrations | None = None,
        checkpoints: Checkpoints = NO_CHECKPOINTS,
    ) -> None:
        self._checkpoints = checkpoints
        with _store_errors(url):
            self.engine = _engine(_with_driver(sa.make_url(url)), busy_seconds)
            try:
                self._bring_up_to_date(migrations or Migrations())
            except BaseException:
                self.close()
                raise

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a write transaction; it is committed at the end, or rolled back on any error."""
        with _store_errors(self.engine.url), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection for reading: it waits for no writer, and no writer waits for it."""
        with _store_errors(self.engine.url), self.engine.connect() as connection:
            yield connection.execution_options(**{_READS_ONLY: True})

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _bring_up_to_date(self, migrations: Migrations) -> None:
        with self.reading() as connection:
            found = _revision_of(connection)
        if found == migrations.newest:
            return
        if found is not None:
            _refuse_newer(found, migrations.newest, self.engine.url)
            _back_up(self.engine, f"before-{migrations.newest}-from-{found}")
        self._checkpoints.reached(Checkpoint.MIGRATION_BEGINS)
        migrate(self.engine, migrations, self._checkpoints)


def migrate(engine: Engine, migrations: Migrations, checkpoints: Checkpoints = NO_CHECKPOINTS) -> None:
    """Bring a database to the newest schema, whatever it has now. Raises `StoreError`."""
    from alembic import command  # noqa: PLC0415  Alembic is slow to import, and seldom needed
    from alembic.util import CommandError  # noqa: PLC0415  as above

    try:
        with engine.begin() as connection:
            command.upgrade(_alembic_config(connection, migrations.location), migrations.newest)
            checkpoints.reached(Checkpoint.MIGRATION_UNCOMMITTED)
    except CommandError as error:
        raise StoreError(
            f"the state database {_shown(engine.url)} has a schema that this runner does not know: {error}"
        ) from error


def take_turns(connection: Connection, names: Iterable[str]) -> None:
    """Wait until no other transaction works on the same names, and keep others waiting until the end.

    On SQLite nothing is left to do: it has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        for name in sorted(names):
            lock = sa.func.pg_advisory_xact_lock(_LOCK_SPACE, sa.func.hashtext(name))
            connection.execute(sa.select(lock))


def upsert(connection: Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Begin an insert that may say what happens to rows that are there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert: postgresql.Insert | sqlite.Insert = dialect.insert(table)
    return insert


def _alembic_config(connection: Connection, location: str) -> Config:
    from alembic.config import Config  # noqa: PLC0415  as above

    config = Config()
    config.set_main_option("script_location", location)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _revision_of(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def _refuse_newer(found: str, newest: str, url: URL) -> None:
    if found > newest:
        raise StoreError(
            f"the state database {_shown(url)} has schema {found}, and this runner knows {newest} at most: "
            "use the newer runner that made it, or name another database with --state"
        )


def _back_up(engine: Engine, suffix: str) -> None:
    """Copy a SQLite database aside by its own means: a plain copy would miss what is still in its log."""
    if engine.url.get_backend_name() != "sqlite" or not engine.url.database:
        return
    with (
        closing(sqlite3.connect(engine.url.database)) as source,
        closing(sqlite3.connect(f"{engine.url.database}.{suffix}")) as copy,
    ):
        try:
            source.backup(copy)
        except sqlite3.Error as error:
            raise StoreError(f"the state database {_shown(engine.url)} cannot be copied: {error}") from error


def _with_driver(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _engine(url: URL, busy_seconds: float) -> Engine:
    if url.get_backend_name() != "sqlite":
        given = {name: value for name, value in _SERVER_ARGUMENTS.items() if name not in url.query}
        return sa.create_engine(url, pool_pre_ping=True, connect_args=given)
    if url.database:
        _make_folder(Path(url.database))
        engine = sa.create_engine(url, connect_args={"timeout": busy_seconds})
    else:
        # One connection, which threads take in turns: a second one would be another, empty database.
        only_one = {
            "poolclass": sa.QueuePool,
            "pool_size": 1,
            "max_overflow": 0,
            "pool_timeout": _TURN_SECONDS,
        }
        engine = sa.create_engine(url, connect_args={"check_same_thread": False}, **only_one)

    def configure(connection: sqlite3.Connection, _record: object) -> None:
        _configure_sqlite(connection, busy_seconds)

    sa.event.listen(engine, "connect", configure)
    sa.event.listen(engine, "begin", _begin_immediate)
    return engine


def sqlite_file(state_url: str) -> Path | None:
    """Return the file of a SQLite state database, links followed; None if it is in memory, or another database.

    However many names the file has, there is one answer: what is named after it is the same for everybody who opens it.
    Raises `StoreError` if its links lead round in a circle.
    """
    url = sa.make_url(state_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    try:
        return Path(url.database).resolve()
    except (OSError, RuntimeError) as error:
        raise StoreError(f"the state database {url.database} cannot be found: {error}") from error


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder of the state database {file} cannot be made: {error}") from error


def _configure_sqlite(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Let SQLAlchemy begin transactions itself, and let readers and one writer work side by side."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA page_size={_PAGE_SIZE}")  # before write-ahead logging, which fixes it
    _write_ahead(connection, busy_seconds)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Switch to write-ahead logging. Of two that do so with a new file SQLite lets one fail, not wait."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first could be refused later."""
    reads_only = connection.get_execution_options().get(_READS_ONLY)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


@contextmanager
def _store_errors(url: URL | str) -> Iterator[None]:
    """Turn what the database says into our own words; errors of others pass through."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the state database {_shown(url)} did not do as asked: {error.orig}") from error
    except SQLAlchemyError as error:
        raise StoreError(f"the state database {_shown(url)} cannot be used: {error}") from error


def _shown(url: URL | str) -> str:
    """Return the name of a database without its password."""
    try:
        url = sa.make_url(url)
    except SQLAlchemyError:
        return "with this URL"
    return url.database or "in memory" if url.get_backend_name() == "sqlite" else url.render_as_string()
