"""State databases to work with: migrated once, and copied for each test."""

from __future__ import annotations

import itertools
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from postgres_server import find_programs, running_server
from state_lab import EVENTS_PER_ALERT, TEN, StateLab

from runner.clock import FrozenClock
from runner.store.database import Database
from runner.store.state import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    MakeUrl = Callable[[], str]


@pytest.fixture
def state_file(migrated_file, tmp_path) -> Path:
    return shutil.copy(migrated_file, tmp_path / "state.db")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[sa.URL]:
    programs = find_programs()
    if programs is None or find_spec("psycopg") is None:
        pytest.skip("NOT TESTED ON POSTGRESQL: no server under /usr/lib/postgresql or on PATH, or no psycopg")
    with running_server(programs) as url:
        _execute(url, "CREATE DATABASE migrated")
        Database(url.set(database="migrated").render_as_string()).close()
        yield url


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def state_url(request) -> Iterator[str]:
    """Make a database for each test."""
    if request.param == "sqlite":
        yield f"sqlite:///{request.getfixturevalue('state_file')}"
        return
    server, number = request.getfixturevalue("postgres_url"), next(request.getfixturevalue("numbers"))
    _execute(server, f"CREATE DATABASE test_{number} TEMPLATE migrated")
    yield server.set(database=f"test_{number}").render_as_string()
    _execute(server, f"DROP DATABASE test_{number} WITH (FORCE)")


@pytest.fixture
def lab(state_url) -> Iterator[StateLab]:
    clock = FrozenClock(TEN)
    store = StateStore(state_url, clock=clock, events_per_alert=EVENTS_PER_ALERT)
    yield StateLab(url=state_url, store=store, clock=clock)
    store.close()


@pytest.fixture
def file_lab(state_file) -> Iterator[StateLab]:
    """Make a lab on SQLite only: for what other databases do not have."""
    clock = FrozenClock(TEN)
    url = f"sqlite:///{state_file}"
    store = StateStore(url, clock=clock, events_per_alert=EVENTS_PER_ALERT)
    yield StateLab(url=url, store=store, clock=clock)
    store.close()


def _execute(url: sa.URL, statement: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
