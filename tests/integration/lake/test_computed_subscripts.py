"""A subscript that is a column or an expression leads where a written one does, however the lake stores the document.

Snowflake's places count from zero, and a place or key that is not there is NULL:
docs.snowflake.com/en/user-guide/querying-semistructured
"""

from __future__ import annotations

import json

import pytest

LIST = ["a", "b", "c"]
OBJECT = {"k": "x", "o": {"k": "deep"}, "l": [{"k": "in"}, {"k": "out"}], "a b": "spaced"}
ROWS = [  # place, key
    (0, "k"),
    (2, "o"),
    (3, "l"),
    (-1, "a b"),
    (None, None),
]
STRUCT = """'{"k": "VARCHAR", "o": {"k": "VARCHAR"}, "l": [{"k": "VARCHAR"}], "a b": "VARCHAR"}'"""
LAYOUTS = {
    "struct": (
        f"CAST('{json.dumps(LIST)}'::JSON AS VARCHAR[])",
        f"from_json('{json.dumps(OBJECT)}'::JSON, {STRUCT})",
    ),
    "json": (f"'{json.dumps(LIST)}'::JSON", f"'{json.dumps(OBJECT)}'::JSON"),
    "variant": (f"'{json.dumps(LIST)}'::JSON::VARIANT", f"'{json.dumps(OBJECT)}'::JSON::VARIANT"),
    "text": (f"'{json.dumps(LIST)}'", f"'{json.dumps(OBJECT)}'"),
}


@pytest.fixture(scope="module", params=LAYOUTS)
def documents(request, make_standing_lake):
    items, thing = LAYOUTS[request.param]
    lake = make_standing_lake(f"subscripts-{request.param}")
    places = ", ".join(
        f"({number}, {'NULL' if i is None else i}, {'NULL' if k is None else repr(k)})"
        for number, (i, k) in enumerate(ROWS)
    )
    lake.write(
        f"SELECT id, i::INTEGER AS i, k::VARCHAR AS k, {items} AS items, {thing} AS thing, "
        f"to_json({{'i': i, 'k': k}}) AS asked, TIMESTAMP '2026-07-01 10:00:00' AS p_event_time "
        f"FROM (VALUES {places}) AS t(id, i, k)"
    )
    return lake


def column(lake, expression):
    sql = f"select {expression} as x from panther_logs.public.app_logs order by id"
    return [found for (found,) in lake.values(sql, dialect="snowflake")]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("items[i]::string", ["a", "c", None, None, None]),
        ("items[i + 1]::string", ["b", None, None, "a", None]),
        ("items[array_size(parse_json(items)) - 1]::string", ["c"] * 5),
        ("items[asked:i]::string", ["a", "c", None, None, None]),
        ("items[asked:i::int]::string", ["a", "c", None, None, None]),
        ("get(items, i)::string", ["a", "c", None, None, None]),
        ("iff(items[i] = 'c', 1, 0)", [0, 1, 0, 0, 0]),
        ("thing[k]::string", ["x", '{"k":"deep"}', '[{"k":"in"},{"k":"out"}]', "spaced", None]),
        ("thing[asked:k::string]:k::string", [None, "deep", None, None, None]),
        ("thing[k].k::string", [None, "deep", None, None, None]),
        ("thing['o'][lower(upper(thing:k::string)) || '']::string", [None] * 5),
        ("thing:o[left('kk', 1)]::string", ["deep"] * 5),
        ("thing:l[i].k::string", ["in", None, None, None, None]),
        ("thing:l[id].k::string", ["in", "out", None, None, None]),
        ("thing[iff(id = 0, 'k', 'a b')]::string", ["x"] + ["spaced"] * 4),
        ("get(thing, k)::string = 'x'", [True, False, False, False, None]),
        ("thing[i]::string", [None] * 5),  # a place in an object
        ("items[k]::string", [None] * 5),  # a key of an array
        ("items[asked:k]::string", [None] * 5),
        ("thing[asked:k]::string", ["x", '{"k":"deep"}', '[{"k":"in"},{"k":"out"}]', "spaced", None]),
        ("count_if(items[i] = 'a') over ()", [1] * 5),
    ],
)
def test_a_computed_subscript_leads_where_a_written_one_does(documents, expression, expected):
    assert column(documents, expression) == expected


def test_a_query_may_group_and_filter_by_a_computed_subscript(documents):
    sql = (
        "select items[i] as item, count(*) as n from panther_logs.public.app_logs "
        "where items[i + 0] is not null group by items[i] order by 1"
    )

    assert documents.values(sql, dialect="snowflake") == [("a", 1), ("c", 1)]
