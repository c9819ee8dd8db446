"""A lake of small Parquet files, and an engine to ask it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runner.lake.rows import RowBatch

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


class SmallLake:
    """A lake in a folder: `write` adds a file, `ask` answers a query at a reference time."""

    def __init__(self, folder: Path, spill: Path, writer: duckdb.DuckDBPyConnection) -> None:
        self.folder = folder
        self.spill = spill
        self.standing: DuckDBEngine | None = None
        self._engines: list[DuckDBEngine] = []
        self._writer = writer.cursor()
        self._writer.execute("SET TimeZone='UTC'")

    def write(self, select: str, table: str = "panther_logs/app_logs", part: str = "a.parquet") -> Path:
        """Write the rows of a SELECT to a file of a table; returns its path."""
        path = self.folder / table / part
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        return path

    def engine(self, memory: int = 256_000_000) -> DuckDBEngine:
        """Return a new engine over this lake; it is closed with the lake."""
        engine = DuckDBEngine(self.folder, EngineLimits(memory=memory, spill=self.spill))
        self._engines.append(engine)
        return engine

    def close(self) -> None:
        """Give everything back."""
        for engine in self._engines:
            engine.close()
        self._writer.close()

    def batches(
        self, sql: str, *, dialect: str = "duckdb", at: datetime = NOON, engine: DuckDBEngine | None = None
    ) -> Iterator[RowBatch]:
        """Answer a query by the engine given, else by the lake's own, which is made when it is first needed."""
        self.standing = self.standing or (None if engine else self.engine())
        engine = engine or self.standing
        assert engine is not None
        query = engine.compile(sql, dialect=dialect, reference=at)
        yield from engine.run(query, engine.snapshot(query, at), at)

    def ask(self, sql: str, **how: Any) -> list[dict[str, Any]]:
        """Return the rows of a query as dicts."""
        return [batch.row(row) for batch in self.batches(sql, **how) for row in range(len(batch))]

    def values(self, sql: str, **how: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query as tuples."""
        return [tuple(row.values()) for row in self.ask(sql, **how)]


@pytest.fixture(scope="session")
def writer() -> Iterator[duckdb.DuckDBPyConnection]:
    """Have one database that writes the files of all lakes."""
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def make_lake(tmp_path: Path, writer: duckdb.DuckDBPyConnection) -> Iterator[Callable[[str], SmallLake]]:
    made: list[SmallLake] = []

    def make(name: str) -> SmallLake:
        made.append(SmallLake(tmp_path / name, tmp_path / f"{name}-spill", writer))
        return made[-1]

    yield make
    for lake in made:
        lake.close()


@pytest.fixture
def lake(make_lake: Callable[[str], SmallLake]) -> SmallLake:
    return make_lake("lake")


@pytest.fixture
def app_logs(lake: SmallLake) -> SmallLake:
    """Three rows: half an hour before noon, three hours before, and eleven days before."""
    write_app_logs(lake)
    return lake


@pytest.fixture(scope="module")
def make_standing_lake(
    tmp_path_factory: pytest.TempPathFactory, writer: duckdb.DuckDBPyConnection
) -> Iterator[Callable[[str], SmallLake]]:
    """Make lakes for tests that change nothing."""
    made: list[SmallLake] = []

    def make(name: str) -> SmallLake:
        folder = tmp_path_factory.mktemp(name)
        made.append(SmallLake(folder / "lake", folder / "spill", writer))
        return made[-1]

    yield make
    for lake in made:
        lake.close()


@pytest.fixture(scope="module")
def standing_logs(
    tmp_path_factory: pytest.TempPathFactory, writer: duckdb.DuckDBPyConnection
) -> Iterator[SmallLake]:
    """Make a lake of the same rows for tests that change nothing; its `standing` engine answers them all."""
    folder = tmp_path_factory.mktemp("standing")
    lake = SmallLake(folder / "lake", folder / "spill", writer)
    write_app_logs(lake)
    lake.standing = lake.engine()
    yield lake
    lake.close()


def write_app_logs(lake: SmallLake) -> None:
    lake.write(
        """
        SELECT * FROM (VALUES
            (1, 'ann', TIMESTAMP '2026-07-01 11:30:00', TIMESTAMP '2026-07-01 11:59:00'),
            (2, 'bob', TIMESTAMP '2026-07-01 09:00:00', TIMESTAMP '2026-07-01 09:00:00'),
            (3, 'cid', TIMESTAMP '2026-06-20 09:00:00', TIMESTAMP '2026-06-20 09:00:00')
        ) AS t(id, name, p_event_time, p_parse_time)
        """
    )
