"""What it costs to find the files of an hour, in lakes of ever more files, and to read that hour."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from figures import Figure
from stopwatch import cpu_of, medians
from workplace import REFERENCE

from runner.clock import SystemClock
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.lake.index.lake_index import LakeIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workplace import Workplace

SECTION = "lake"
_FILES_AN_HOUR = 12
_ROWS_A_FILE = 50
_QUERY = "SELECT count(*) AS n FROM panther_logs.public.events WHERE p_occurs_since('1 hour')"
_MEMORY = 1_000_000_000
_FLAT = {"must": 2.0, "goal": 1.2}


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeSize:
    """How many files the lakes have, the fewest first; how many rows the large one has; and how often is measured."""

    files: tuple[int, ...]
    globbed: int
    """Up to so many files, the lake is read by a glob as well, for comparison."""
    rows: int
    rounds: int


def figures(workplace: Workplace, size: LakeSize) -> Iterator[Figure]:
    """Measure planning and running, lake by lake."""
    folder = workplace.folder / "lakes"
    lakes = {f"{count:,} files": _lake_of_files(folder / str(count), count) for count in size.files}
    yield from _first_looks(folder, lakes)
    yield from _compared(folder, lakes, size.rounds)
    for name, lake in list(lakes.items())[: sum(count <= size.globbed for count in size.files)]:
        seconds = medians({"glob": partial(cpu_of, partial(_glob, lake))}, 1)["glob"]
        yield Figure(
            section=SECTION, name=f"the same hour by a glob, {name}", measured=seconds * 1000, unit="ms"
        )
    small, large = (_lake_of_rows(folder / f"{rows}-rows", rows) for rows in (size.rows // 100, size.rows))
    yield from _compared(
        folder, {f"{size.rows // 100:,} rows": small, f"{size.rows:,} rows": large}, size.rounds
    )


def _first_looks(folder: Path, lakes: dict[str, Path]) -> Iterator[Figure]:
    """Measure the first query over a lake: the index is empty."""
    for name, lake in lakes.items():
        index = folder / f"index-{lake.name}"
        shutil.rmtree(index, ignore_errors=True)
        engine = _engine(lake, index)
        seconds = cpu_of(partial(_plan, engine))
        engine.close()
        yield Figure(
            section=SECTION, name=f"first plan of an hour, {name}", measured=seconds * 1000, unit="ms"
        )


def _compared(folder: Path, lakes: dict[str, Path], rounds: int) -> Iterator[Figure]:
    engines = {name: _engine(lake, folder / f"index-{lake.name}") for name, lake in lakes.items()}
    for what, call in (("plan", _plan), ("plan and read", _run)):
        turns = {name: partial(cpu_of, partial(call, engine)) for name, engine in engines.items()}
        taken = medians(turns, rounds)
        for name, seconds in taken.items():
            yield Figure(section=SECTION, name=f"{what} an hour, {name}", measured=seconds * 1000, unit="ms")
        first, last = next(iter(taken)), list(taken)[-1]
        ratio = taken[last] / taken[first]
        yield Figure(
            section=SECTION, name=f"{what} an hour, {last} / {first}", measured=ratio, unit="x", **_FLAT
        )
    for engine in engines.values():
        engine.close()


def _engine(lake: Path, index: Path) -> DuckDBEngine:
    limits = EngineLimits(memory=_MEMORY, spill=lake.parent / "spill")
    return DuckDBEngine(lake, limits, LakeIndex(lake, index, SystemClock()))


def _plan(engine: DuckDBEngine) -> None:
    query = engine.compile(_QUERY, dialect="snowflake", reference=REFERENCE)
    snapshot = engine.snapshot(query, REFERENCE)
    (table,) = snapshot.tables.values()
    if not 0 < len(table.files) <= _FILES_AN_HOUR:
        raise ValueError(f"{len(table.files)} files for an hour")


def _run(engine: DuckDBEngine) -> None:
    query = engine.compile(_QUERY, dialect="snowflake", reference=REFERENCE)
    batches = list(engine.run(query, engine.snapshot(query, REFERENCE), REFERENCE))
    if next(iter(batches[0].row(0).values())) == 0:
        raise ValueError("the hour is empty")


def _glob(lake: Path) -> None:
    """Ask DuckDB alone, as it would be asked without an index."""
    end = f"TIMESTAMP '{REFERENCE:%Y-%m-%d %H:%M:%S}'"
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(
            f"SELECT count(*) FROM read_parquet('{lake}/panther_logs/events/*/*.parquet', hive_partitioning=false) "  # noqa: S608  our own path
            f"WHERE p_event_time >= {end} - INTERVAL 1 HOUR AND p_event_time < {end}"
        ).fetchall()


def _lake_of_files(lake: Path, count: int) -> Path:
    """Make a lake of tiny files, twelve for each hour back from the reference time; it is kept for the next time."""
    ready = lake / "ready"
    if ready.exists():
        return lake
    names = pa.array([f"name {number}" for number in range(_ROWS_A_FILE)])
    for number in range(count):
        start = REFERENCE - timedelta(minutes=5 * (number + 1))
        times = [(start + timedelta(seconds=6 * row)).replace(tzinfo=None) for row in range(_ROWS_A_FILE)]
        rows = pa.table({"name": names, "p_event_time": pa.array(times, pa.timestamp("us"))})
        folder = lake / "panther_logs" / "events" / f"p_date={start:%Y-%m-%d}"
        if not number:
            (lake / "panther_logs" / "events").mkdir(parents=True)
            pq.write_table(rows.slice(0, 0), lake / "panther_logs" / "events" / "_schema.parquet")
        folder.mkdir(exist_ok=True)
        pq.write_table(rows, folder / f"{number}.parquet")
    ready.touch()
    return lake


def _lake_of_rows(lake: Path, rows: int) -> Path:
    """Make a lake with a file for each hour , a day for each million rows."""
    ready = lake / "ready"
    if ready.exists():
        return lake
    table = lake / "panther_logs" / "events"
    hours = 24 * max(1, rows // 1_000_000)
    each = rows // hours
    with duckdb.connect(config={"threads": 1}) as connection:
        for hour in range(hours):
            start = REFERENCE - timedelta(hours=hour + 1)
            folder = table / f"p_date={start:%Y-%m-%d}"
            folder.mkdir(parents=True, exist_ok=True)
            moment = f"TIMESTAMP '{start:%Y-%m-%d %H:%M:%S}' + to_milliseconds(i * 3600000 // {each})"
            select = f"SELECT {moment} AS p_event_time, i AS id, 'user ' || (i % 1000) AS name FROM range({each}) t(i)"  # noqa: S608  numbers
            connection.execute(f"COPY ({select}) TO '{folder}/{hour}.parquet' (FORMAT parquet)")
            if not hour:
                connection.execute(f"COPY ({select} LIMIT 0) TO '{table}/_schema.parquet' (FORMAT parquet)")
    ready.touch()
    return lake
