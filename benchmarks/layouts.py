"""The sample queries over the sample logs, whose objects lie as STRUCT, as JSON and as VARIANT."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from figures import Figure
from stopwatch import cpu_of, medians

from runner.definitions.catalogue import read_catalogue
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workplace import Workplace

    from runner.definitions.scheduled_query import ScheduledQuery

SECTION = "layouts"
ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "datalake"
LAYOUTS = ("STRUCT", "JSON", "VARIANT")
_END = datetime(2100, 1, 1, tzinfo=UTC)
_MEMORY = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutsSize:
    """How many copies of the sample logs the lakes hold, and how often each query is measured."""

    copies: int
    rounds: int


def figures(workplace: Workplace, size: LayoutsSize) -> Iterator[Figure]:
    """Measure all sample queries together on each layout; their answers have to have as many rows."""
    folder = workplace.folder / "layouts"
    lakes = {layout: _lake_of(folder / f"{layout}-{size.copies}", layout, size.copies) for layout in LAYOUTS}
    limits = EngineLimits(memory=_MEMORY, spill=folder / "spill")
    engines = {layout: DuckDBEngine(lake, limits) for layout, lake in lakes.items()}
    queries = read_catalogue(ROOT / "queries").queries
    end = _last_moment()
    _compare(engines, queries, end)
    turns = {
        layout: partial(cpu_of, partial(_run_all, engine, queries, end)) for layout, engine in engines.items()
    }
    for layout, seconds in medians(turns, size.rounds).items():
        yield Figure(
            section=SECTION, name=f"the sample queries over {layout}", measured=seconds * 1e3, unit="ms"
        )
    for engine in engines.values():
        engine.close()


def _lake_of(lake: Path, layout: str, copies: int) -> Path:
    """Copy the sample logs, with every object in one layout; it is kept for the next time."""
    ready = lake / "ready"
    if ready.exists():
        return lake
    with duckdb.connect() as connection:
        for table in sorted((SAMPLE / "panther_logs").iterdir()):
            folder = lake / "panther_logs" / table.name
            folder.mkdir(parents=True, exist_ok=True)
            source = f"read_parquet('{table}/**/*.parquet', union_by_name=true, hive_partitioning=false)"
            columns = connection.sql(f"FROM {source}")
            outputs = ", ".join(
                _output(name, str(type_), layout)
                for name, type_ in zip(columns.columns, columns.types, strict=True)
            )
            connection.execute(
                f"COPY (SELECT {outputs} FROM {source}, range({copies}) ORDER BY p_event_time) "  # noqa: S608  our own names
                f"TO '{folder}/all.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )
    ready.touch()
    return lake


def _output(name: str, type_: str, layout: str) -> str:
    if type_.startswith("STRUCT") and layout != "STRUCT":
        return f'CAST(to_json("{name}") AS {layout}) AS "{name}"'
    return f'"{name}"'


def _last_moment() -> datetime:
    with duckdb.connect() as connection:
        files = f"read_parquet('{SAMPLE}/panther_logs/*/p_date=*/*.parquet', union_by_name=true)"
        found = connection.execute(f"SELECT max(p_event_time) FROM {files}").fetchone()  # noqa: S608  our own path
    last: datetime = found[0] if found else _END
    return last.replace(tzinfo=UTC)


def _run_all(engine: DuckDBEngine, queries: Mapping[str, ScheduledQuery], at: datetime) -> None:
    for query in queries.values():
        _rows(engine, query, at)


def _rows(engine: DuckDBEngine, query: ScheduledQuery, at: datetime) -> int:
    compiled = engine.compile(query.sql.text, dialect="snowflake", reference=at)
    return sum(batch.length for batch in engine.run(compiled, engine.snapshot(compiled, at), at))


def _compare(
    engines: Mapping[str, DuckDBEngine], queries: Mapping[str, ScheduledQuery], at: datetime
) -> None:
    for name, query in queries.items():
        counts = {layout: _rows(engine, query, at) for layout, engine in engines.items()}
        if len(set(counts.values())) > 1:
            raise ValueError(f"{name} has other rows on another layout: {counts}")
