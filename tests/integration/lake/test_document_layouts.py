"""The same query over the same documents gives the same rows, however the lake stores them."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from thoroughness import examples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LAYOUTS = {
    "struct": "SELECT id, doc, p_event_time FROM read_json_auto('{file}', sample_size=-1)",
    "json": "SELECT CAST(json->>'id' AS BIGINT) AS id, nullif(json->'doc', 'null'::JSON) AS doc, "
    "CAST(json->>'p_event_time' AS TIMESTAMP) AS p_event_time FROM read_json_objects('{file}')",
    "variant": "SELECT CAST(json->>'id' AS BIGINT) AS id, CAST(nullif(json->'doc', 'null'::JSON) AS VARIANT) AS doc, "
    "CAST(json->>'p_event_time' AS TIMESTAMP) AS p_event_time FROM read_json_objects('{file}')",
}
PATHS = ["a", "b", "a.b", "a.b.c", "a.c[0]", "b[0]", "b[1].a", "c.a", "c.b[0].c", "d.a"]
QUERIES = [
    "select id, doc:{path} as v, doc:{path}::string as s from {table} order by id",
    (
        "select id, doc:{path} = 'x' as a, doc:{path} = 5 as b, doc:{path} > 3 as c, doc:{path} is null as d "
        "from {table} order by id"
    ),
    (
        "select id, doc:{path} in ('x', '5') as a, doc:{path} like 'x%' as b, doc:{path}::int + 1 as c "
        "from {table} order by id"
    ),
    (
        "select id, array_size(doc:{path}) as n, typeof(doc:{path}) as t, array_contains('x'::variant, doc:{path}) as c "
        "from {table} order by id"
    ),
    "select id, coalesce(doc:{path}, 'none') as v, iff(doc:{path} = 'x', doc:b, doc:a) as w from {table} order by id",
    (
        "select doc:{path}::string as s, count(*) as n, count(distinct doc:a) as d, min(id) as first from {table} "
        "group by doc:{path}::string order by first"
    ),
    "select min(id) as first, count(*) as n from {table} group by doc:{path} order by first",
    (
        "select id, f.key as k, f.index as i, f.value as v, f.path as p from {table}, lateral flatten(input => doc:{path}) f "
        "order by id, i, k"
    ),
    (
        "select id, f.path as p, f.value::string as v from {table}, lateral flatten(input => doc, recursive => true) f "
        "order by id, p"
    ),
    "select id, count(*) as n from {table}, lateral flatten(input => doc:{path}, outer => true) f group by id order by id",
    "select a.id as x, b.id as y from {table} a join {table} b on a.doc:{path} = b.doc:{path} order by x, y",
]

scalars = st.one_of(st.sampled_from(["x", "xy", "5", "true", "a b"]), st.integers(-3, 9), st.booleans())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
documents = st.dictionaries(st.sampled_from("abcd"), values, min_size=1, max_size=4)


class Layouts:
    """One lake for each layout; each set of documents becomes a table of its own in all of them."""

    def __init__(self, make_lake: Callable[[str], Any], folder: Path) -> None:
        self._lakes = {name: make_lake(name) for name in LAYOUTS}
        for lake in self._lakes.values():
            lake.standing = lake.engine()
        self._file = folder / "documents.json"
        self._numbers = itertools.count()

    def write(self, docs: list[dict[str, Any] | None]) -> str:
        rows = [
            json.dumps({"id": place, "doc": doc, "p_event_time": f"2026-07-01 11:{place:02}:00"})
            for place, doc in enumerate(docs)
        ]
        self._file.write_text("\n".join(rows))
        table = f"docs_{next(self._numbers)}"
        for name, lake in self._lakes.items():
            lake.write(LAYOUTS[name].format(file=self._file), f"panther_logs/{table}")
        return f"panther_logs.public.{table}"

    def ask(self, sql: str) -> dict[str, list[dict[str, Any]]]:
        return {name: lake.ask(sql, dialect="snowflake") for name, lake in self._lakes.items()}


@pytest.fixture
def layouts(make_lake, tmp_path):
    return Layouts(make_lake, tmp_path)


@settings(
    examples(6),
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    docs=st.lists(documents | st.none(), min_size=1, max_size=5).filter(any),
    queries=st.lists(st.sampled_from(QUERIES), min_size=3, max_size=3, unique=True),
    path=st.sampled_from(PATHS),
)
def test_every_layout_gives_the_same_rows(layouts, docs, queries, path):
    table = layouts.write(docs)

    for query in queries:
        found = layouts.ask(query.format(path=path, table=table))

        assert found["json"] == found["variant"], query
        assert found["struct"] == found["json"], query


def test_a_field_that_only_some_files_have_is_null_elsewhere(lake):
    lake.write("SELECT 1 AS id, {'a': 'x'} AS doc, TIMESTAMP '2026-07-01' AS p_event_time")
    lake.write(
        "SELECT 2 AS id, {'a': 5, 'b': {'c': 'y'}} AS doc, TIMESTAMP '2026-07-01' AS p_event_time",
        part="p_date=2026-07-01/b.parquet",
    )

    sql = "select id, doc:a::string, doc:b.c, doc:z.y from panther_logs.app_logs where doc:a in ('x', 5) order by id"

    assert lake.values(sql, dialect="snowflake") == [(1, "x", None, None), (2, "5", "y", None)]


@pytest.mark.parametrize("path", ["doc.b.c", "doc['b']['c']", "(doc).b.c", "t.doc.B.c"])
def test_duckdb_s_own_paths_survive_files_without_an_inner_object(lake, path):
    lake.write("SELECT 1 AS id, {'a': 'x'} AS doc, TIMESTAMP '2026-07-01' AS p_event_time")
    lake.write(
        "SELECT 2 AS id, {'a': 'z', 'b': {'c': 'y'}} AS doc, TIMESTAMP '2026-07-01' AS p_event_time",
        part="p_date=2026-07-01/b.parquet",
    )

    sql = f"select id, {path} as c from panther_logs.app_logs t order by id"

    assert lake.values(sql) == [(1, None), (2, "y")]


def test_a_document_that_lies_as_a_map_or_as_text_is_read_too(lake):
    lake.write(
        """SELECT MAP {'a': 'x', 'b': 'y'} AS tags, '{"k": {"v": [1, 2]}}' AS raw, TIMESTAMP '2026-07-01' AS p_event_time"""
    )

    sql = "select tags:a, tags['b']::string, tags:z, raw:k.v[1]::int from panther_logs.app_logs"

    assert lake.values(sql, dialect="snowflake") == [("x", "y", None, 2)]


def test_keys_keep_their_case_and_columns_do_not(lake):
    lake.write("SELECT {'Name': 'x', 'other': 1} AS Doc, TIMESTAMP '2026-07-01' AS p_event_time")

    sql = "select DOC:Name, doc:name, Doc:OTHER from panther_logs.app_logs"

    assert lake.values(sql, dialect="snowflake") == [("x", None, None)]


@pytest.mark.parametrize("dialect", ["trino", "duckdb"])
def test_a_dotted_path_reads_a_struct_in_any_case(lake, dialect):
    lake.write("SELECT {'Arn': 'x', 'deep': {'n': 1}} AS doc, TIMESTAMP '2026-07-01' AS p_event_time")

    sql = "select doc.arn, t.doc.deep.n as n from panther_logs.app_logs t where doc.deep.n = 1"

    assert lake.values(sql, dialect=dialect) == [("x", 1)]


@pytest.mark.parametrize(
    "doc", ["""'{"arn": "x", "deep": {"n": 1}}'::JSON""", "{'arn': 'x', 'deep': {'n': 1}}::VARIANT"]
)
def test_athena_s_dotted_path_reads_json_and_variant_too(lake, doc):
    lake.write(f"SELECT {doc} AS doc, TIMESTAMP '2026-07-01' AS p_event_time")

    sql = "select doc.arn as arn, doc.deep.n as n from panther_logs.app_logs where p_occurs_since('1 day')"

    assert lake.values(sql, dialect="trino") == [("x", 1)]
