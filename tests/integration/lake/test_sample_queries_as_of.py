"""The sample queries over the sample lake: each sees at a time what a lake holds that was cut at that time."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from runner.definitions.catalogue import read_catalogue
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits

ROOT = Path(__file__, "../../../..").resolve()
LAKE = ROOT / "datalake"
QUERIES = read_catalogue(ROOT / "queries").queries


def moments():
    """Return times within the sample logs: where a third, and two thirds, of them have happened."""
    files = [str(file) for file in sorted(LAKE.rglob("*.parquet")) if not file.name.startswith("_")]
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT quantile_disc(p_event_time, [0.33, 0.66]) FROM read_parquet(?, union_by_name=true)",
            [files],
        ).fetchone()
    return [moment.replace(tzinfo=UTC) for moment in found[0]]


def cut_copy(folder, moment):
    """Copy the sample lake without the rows from a time on."""
    before = f"{moment:%Y-%m-%d %H:%M:%S.%f}"
    with duckdb.connect() as writer:
        for file in LAKE.rglob("*"):
            there = folder / file.relative_to(LAKE)
            if file.is_dir():
                continue
            there.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix == ".parquet" and not file.name.startswith("_"):
                rows = f"SELECT * FROM read_parquet('{file}', hive_partitioning=false) WHERE p_event_time < TIMESTAMP '{before}'"
                writer.execute(f"COPY ({rows}) TO '{there}' (FORMAT parquet)")
            else:
                shutil.copy(file, there)
    return folder


@pytest.fixture(scope="module", params=[0, 1], ids=["a third", "two thirds"])
def lakes(request, tmp_path_factory):
    moment = moments()[request.param]
    folder = tmp_path_factory.mktemp("as-of")
    past = cut_copy(folder / "lake", moment)
    limits = EngineLimits(memory=512_000_000, spill=folder / "spill")
    engines = [DuckDBEngine(LAKE, limits), DuckDBEngine(past, limits)]
    yield *engines, moment
    for engine in engines:
        engine.close()


def answer(engine, query, moment):
    compiled = engine.compile(query.sql.text, dialect="snowflake", reference=moment)
    batches = engine.run(compiled, engine.snapshot(compiled, moment), moment)
    return sorted(str(batch.row(place)) for batch in batches for place in range(batch.length))


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_sample_query_sees_the_lake_as_it_was(lakes, name):
    full, past, moment = lakes

    assert answer(full, QUERIES[name], moment) == answer(past, QUERIES[name], moment)


def test_there_are_rows_to_be_seen_and_rows_to_be_hidden():
    first, second = moments()

    assert datetime(2000, 1, 1, tzinfo=UTC) < first < second
