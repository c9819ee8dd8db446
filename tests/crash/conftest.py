"""Crash tests: projects and state databases, made once and copied."""

from __future__ import annotations

import itertools
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from crash_lab import CrashLab
from crash_project import CRON, DAY, QUERIES, fill_lake, write_project
from postgres_server import find_programs, running_server

from runner.clock import SystemClock
from runner.definitions.scheduled_query import Schedule
from runner.schedule.ledger import Epoch
from runner.store.state import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    MakeLab = Callable[..., CrashLab]

BEFORE = DAY - timedelta(minutes=1)


@pytest.fixture(scope="session")
def lake(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    fill_lake(folder)
    return folder


def prepare(url: str) -> None:
    """Make a state database that knows the queries since before the first due time."""
    store = StateStore(url, clock=SystemClock(), events_per_alert=10)
    schedule = Schedule(cron=CRON, rate_minutes=None, timeout_minutes=5)
    store.ledger.begin_epochs({query.name: Epoch(start=BEFORE, schedule=schedule) for query in QUERIES})
    store.close()


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("prepared") / "state.db"
    prepare(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def server() -> Iterator[sa.URL]:
    programs = find_programs()
    if programs is None:
        pytest.skip("NOT TESTED ON POSTGRESQL: no server under /usr/lib/postgresql or on PATH")
    with running_server(programs) as url:
        execute(url, "CREATE DATABASE prepared")
        prepare(url.set(database="prepared").render_as_string())
        yield url


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def make_url(tmp_path, request, numbers) -> Iterator[Callable[..., str]]:
    """Make state databases: of a kind, prepared or not there at all."""
    made: list[str] = []

    def make(kind: str, *, prepared: bool) -> str:
        if kind == "sqlite":
            file = tmp_path / "state.db"
            if prepared:
                shutil.copy(request.getfixturevalue("prepared_file"), file)
            return f"sqlite:///{file}"
        server: sa.URL = request.getfixturevalue("server")
        name = f"crash_{next(numbers)}"
        execute(server, f"CREATE DATABASE {name} TEMPLATE {'prepared' if prepared else 'template1'}")
        made.append(name)
        return server.set(database=name).render_as_string()

    yield make
    for name in made:
        execute(request.getfixturevalue("server"), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def make_lab(tmp_path, lake, make_url) -> Iterator[MakeLab]:
    labs: list[CrashLab] = []

    def make(
        kind: str,
        *,
        prepared: bool = True,
        workers: int = 1,
        lease: float = 3.0,
        drain: float = 30.0,
        rule_takes: float = 0.0,
        **given: object,
    ) -> CrashLab:
        url = make_url(kind, prepared=prepared)
        settings = (
            f'[lake]\nlocation = "{lake}"\n[state]\nurl = "{url}"\n[workers]\ncount = {workers}\n'
            f"[daemon]\nlease_seconds = {lease}\ndrain_seconds = {drain}\nreload_seconds = 0.2\n"
            "[failures]\ngive_up_after = 20\n"  # chance may kill the workers of one run again and again
            "[late_data]\nreopen_hours = 0\n"  # files land in real time, which is long after the daemon's
        )
        write_project(tmp_path / "project", settings, rule_takes=rule_takes)
        labs.append(CrashLab(root=tmp_path / "project", url=url, **given))
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


def execute(url: sa.URL, statement: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
