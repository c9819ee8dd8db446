"""A query over the files that may matter answers as it does over all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from thoroughness import examples

from runner.clock import SystemClock
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.lake.index.lake_index import LakeIndex
from runner.lake.snapshot import Snapshot
from runner.lake.table import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 7, 1, tzinfo=UTC)
NOON = START + timedelta(days=2, hours=12)
HOURS = 72


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> Iterator[DuckDBEngine]:
    """Ask a lake of two tables, one by days and hours and one without folders: a row each half hour for three days."""
    import duckdb  # noqa: PLC0415  only to write

    folder = tmp_path_factory.mktemp("pruned")
    writer = duckdb.connect()
    for table in ("by_hour", "flat"):
        for hour in range(HOURS):
            at = START + timedelta(hours=hour)
            within = f"p_date={at:%Y-%m-%d}/p_hour={at:%H}" if table == "by_hour" else "."
            path = folder / "lake" / "logs" / table / within
            path.mkdir(parents=True, exist_ok=True)
            extra = ", 'late' AS later" if hour > HOURS // 2 else ""
            writer.execute(
                f"COPY (SELECT {hour} * 2 + i AS id, id % 7 AS k, TIMESTAMP '{at:%Y-%m-%d %H:00}' + to_minutes(i * 30) "
                f"AS p_event_time{extra} FROM range(2) t(i)) TO '{path}/{hour}.parquet'"
            )
    index = LakeIndex(folder / "lake", folder / "index", SystemClock())
    engine = DuckDBEngine(folder / "lake", EngineLimits(memory=256_000_000, spill=folder / "spill"), index)
    engine.index = index
    engine.lake = folder / "lake"
    yield engine
    engine.close()


MOMENTS = st.integers(-10, HOURS * 2 + 10).map(
    lambda halves: START + timedelta(minutes=30 * halves, seconds=halves % 3)
)
CONSTANTS = MOMENTS.flatmap(
    lambda at: st.sampled_from(
        [
            f"TIMESTAMP '{at:%Y-%m-%d %H:%M:%S}'",
            f"'{at:%Y-%m-%d %H:%M:%S}'",
            f"'{at:%Y-%m-%d %H:%M:%S}+00'::timestamptz",
            f"DATE '{at:%Y-%m-%d}'",
            f"now() - INTERVAL '{at.hour} hours'",
            f"date_trunc('day', TIMESTAMP '{at:%Y-%m-%d %H:%M:%S}')",
            "NULL::timestamp",
            "TIMESTAMP 'infinity'",
        ]
    )
)
COLUMNS = st.sampled_from(
    [
        *("{a}p_event_time",) * 4,
        "CAST({a}p_event_time AS DATE)",
        "date_trunc('day', {a}p_event_time)",
        "date_trunc('week', {a}p_event_time)",
        "{a}p_event_time::timestamptz",
        "{a}p_date",
        "{a}p_event_time + INTERVAL '3 hours'",
        "coalesce({a}p_event_time, TIMESTAMP '2026-07-01')",
    ]
)
OPERATORS = st.sampled_from(["<", "<=", ">", ">=", "="])
ATOMS = st.one_of(
    st.builds("{} {} {}".format, COLUMNS, OPERATORS, CONSTANTS),
    st.builds("{2} {1} {0}".format, COLUMNS, OPERATORS, CONSTANTS),
    st.builds("{} BETWEEN {} AND {}".format, COLUMNS, CONSTANTS, CONSTANTS),
    st.builds("{} IN ({}, {})".format, COLUMNS, CONSTANTS, CONSTANTS),
    st.sampled_from(["{a}id % 3 = 0", "{a}k > 2", "true", "{a}p_hour < 6"]),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("(NOT {})".format, inner),
    ),
    max_leaves=4,
)
TABLES = st.sampled_from(["logs.by_hour", "logs.flat"])
SHAPES = st.sampled_from(
    [
        "SELECT id FROM {t} WHERE {p}",
        "SELECT a.id, b.id FROM {t} a JOIN {u} b ON a.id = b.id AND {q_b} WHERE {p_a}",
        "SELECT a.id, b.id FROM {t} a LEFT JOIN {u} b ON a.id = b.id AND {q_b} WHERE {p_a}",
        "SELECT a.id, b.id FROM {t} a LEFT JOIN {u} b ON a.id = b.id AND {q_a} WHERE {p_b}",
        "SELECT a.id, b.id FROM {t} a RIGHT JOIN {u} b ON a.id = b.id AND {q_a} AND {p_b}",
        "SELECT a.id, b.id FROM {t} a FULL JOIN {u} b ON a.id = b.id AND {q_b} WHERE {p_a}",
        "SELECT a.id FROM {t} a SEMI JOIN {u} b ON a.id = b.id AND {q_b} AND {p_a}",
        "SELECT a.id FROM {t} a ANTI JOIN {u} b ON a.id = b.id AND {q_b} AND {p_a}",
        "WITH c AS (SELECT * FROM {t} WHERE {q}) SELECT id FROM c WHERE {p}",
        "WITH c AS (SELECT * FROM {t}) SELECT id FROM c WHERE {p} UNION ALL SELECT id FROM c WHERE {q}",
        (
            "WITH c AS (SELECT p_event_time, p_date, p_hour, id, k FROM {t}), d AS (SELECT * FROM c WHERE {q}) "
            "SELECT id FROM d WHERE {p}"
        ),
        "SELECT k, count(*) AS n FROM {t} WHERE {p} GROUP BY ALL",
        "SELECT id, n FROM (SELECT *, count(*) OVER () AS n FROM {t} WHERE {q}) AS s WHERE {p}",
        "SELECT id FROM (SELECT * FROM {t} ORDER BY id LIMIT 20) AS s WHERE {p}",
        (
            "SELECT id FROM (SELECT id, k, p_date, p_hour, date_trunc('hour', p_event_time) AS p_event_time FROM {t}) "
            "WHERE {p}"
        ),
        "SELECT k FROM (SELECT p_event_time, p_date, p_hour, k, max(id) AS id FROM {t} GROUP BY ALL) AS s WHERE {p}",
        "SELECT id FROM {t} AS a WHERE id IN (SELECT id FROM {u} AS b WHERE {q_b}) AND {p_a}",
        "SELECT id FROM {t} AS a WHERE NOT EXISTS (SELECT 1 FROM {u} AS b WHERE a.id = b.id AND {q_b} AND {p_a})",
        "SELECT id FROM {t} WHERE {p} EXCEPT SELECT id FROM {u} WHERE {q}",
        (
            "SELECT id FROM (SELECT id, k, p_hour, p_date, p_event_time FROM {t} INTERSECT "
            "SELECT id, k, p_hour, p_date, p_event_time FROM {u}) AS s WHERE {p}"
        ),
        "SELECT id, lag(id) OVER (ORDER BY id) AS l FROM {t} WHERE {p} QUALIFY l > 3",
        (
            "SELECT p_parse AS x FROM (SELECT p_event_time AS p_parse, now() AS p_event_time, id, k, p_date, p_hour "
            "FROM {t}) WHERE {p}"
        ),
    ]
)


@given(SHAPES, st.tuples(TABLES, TABLES), CONDITIONS, CONDITIONS)
@settings(examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_answer_is_that_over_all_files(engine, shape, names, condition, second):
    table, other = names
    sql = shape.format(
        t=table,
        u=other,
        **{
            f"{letter}{of}": text.format(a=f"{of[1:]}." if of else "")
            for letter, text in (("p", condition), ("q", second))
            for of in ("", "_a", "_b")
        },
    )
    query = engine.compile(sql, dialect="duckdb", reference=NOON)
    pruned = engine.snapshot(query, NOON)
    whole = Snapshot(
        tables={
            name: replace(
                files, files=engine.index.files(folder_of(engine.lake, name), column="p_event_time")
            )
            for name, files in pruned.tables.items()
        }
    )

    assert answer(engine, query, pruned) == answer(engine, query, whole)


def answer(engine, query, snapshot):
    try:
        batches = list(engine.run(query, snapshot, NOON))
    except Exception as error:  # noqa: BLE001  a query that fails has to fail alike
        return type(error)
    return sorted(str(batch.row(row)) for batch in batches for row in range(len(batch)))


def test_text_that_is_compared_with_a_date_is_a_date_itself(engine):
    sql = "SELECT min(id) AS id FROM logs.by_hour WHERE CAST(p_event_time AS DATE) >= '2026-07-02 12:30:00'"
    query = engine.compile(sql, dialect="duckdb", reference=NOON)

    assert answer(engine, query, engine.snapshot(query, NOON)) == ["{'id': 48}"]
