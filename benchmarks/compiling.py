"""How long a query takes from Snowflake's SQL to DuckDB's: the sample queries, each compiled anew and again."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import sqlglot
from figures import Figure
from stopwatch import cpu_of, medians

from runner.definitions.catalogue import read_catalogue
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workplace import Workplace

SECTION = "compiling"
ROOT = Path(__file__).parent.parent
_MOST_MILLISECONDS = 30


def figures(workplace: Workplace, rounds: int) -> Iterator[Figure]:
    """Compile each sample query for ever new times, and one time again; CPU time of this process."""
    limits = EngineLimits(memory=512_000_000, spill=workplace.folder / "spill")
    engine = DuckDBEngine(ROOT / "datalake", limits)
    queries = read_catalogue(ROOT / "queries").queries
    anew = {name: _anew(engine, query.sql.text, rounds) for name, query in queries.items()}
    again = [_again(engine, query.sql.text, rounds) for query in queries.values()]
    plain = [_plain(query.sql.text, rounds) for query in queries.values()]
    engine.close()
    slowest = max(anew, key=lambda name: anew[name])
    yield _figure(f"the slowest query ({slowest})", anew[slowest], must=_MOST_MILLISECONDS)
    yield _figure("the middle one", statistics.median(anew.values()))
    yield _figure("the middle one, compiled before", statistics.median(again))
    yield _figure("the middle one, by SQLGlot alone", statistics.median(plain))


def _figure(name: str, seconds: float, must: float | None = None) -> Figure:
    return Figure(section=SECTION, name=name, measured=seconds * 1e3, unit="ms", must=must)


def _anew(engine: DuckDBEngine, text: str, rounds: int) -> float:
    times = iter(range(1_000_000))

    def compile_at_another_time() -> object:
        at = datetime(2026, 1, 15, tzinfo=UTC) + timedelta(seconds=next(times))
        return engine.compile(text, dialect="snowflake", reference=at)

    return medians({text: partial(cpu_of, compile_at_another_time)}, rounds)[text]


def _again(engine: DuckDBEngine, text: str, rounds: int) -> float:
    at = datetime(2026, 1, 15, tzinfo=UTC)
    again = partial(engine.compile, text, dialect="snowflake", reference=at)
    return medians({text: partial(cpu_of, again)}, rounds)[text]


def _plain(text: str, rounds: int) -> float:
    translate = partial(sqlglot.transpile, text, read="snowflake", write="duckdb")
    return medians({text: partial(cpu_of, translate)}, rounds)[text]
