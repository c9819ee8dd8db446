"""Arrays as multisets: right for many elements, and in time that grows with them and not with their square."""

from __future__ import annotations

import json
import random
from collections import Counter

import duckdb
import pytest

from runner.lake.engine_macros import EngineMacros

MANY = 3000


def drawn(seed):
    """Return an array in which most values occur several times: numbers, texts that look like them, NULL and objects."""
    chance = random.Random(seed)
    values = [*range(700), *map(str, range(300)), None, {"a": 1}, 0.5, True]
    return [chance.choice(values) for _ in range(MANY)]


def keys(items):
    return [json.dumps(item) for item in items]


def kept(mine, other, *, both):
    """Return of one array what the other has too, or what it has not, each occurrence for one."""
    left = Counter(keys(other))
    found = []
    for item, key in zip(mine, keys(mine), strict=True):
        left[key] -= 1
        if (left[key] >= 0) == both:
            found.append(item)
    return found


ONE, OTHER = drawn(1), drawn(2)


@pytest.fixture(scope="module")
def arrays(make_standing_lake):
    lake = make_standing_lake("arrays")
    lake.write(
        f"SELECT '{json.dumps(ONE)}'::JSON AS one, '{json.dumps(OTHER)}'::JSON AS other, "
        "TIMESTAMP '2026-07-01 10:00:00' AS p_event_time"
    )
    return lake


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("array_intersection(one, other)", kept(ONE, OTHER, both=True)),
        ("array_except(one, other)", kept(ONE, OTHER, both=False)),
        ("array_distinct(one)", list(dict(zip(keys(ONE), ONE, strict=True)).values())),
    ],
)
def test_a_multiset_keeps_occurrences_and_their_order(arrays, call, expected):
    [(found,)] = arrays.values(f"select {call} as x from panther_logs.public.app_logs", dialect="snowflake")

    assert found == expected


@pytest.mark.parametrize("call", ["array_intersection(a, b)", "array_except(a, b)", "array_distinct(a)"])
def test_a_multiset_joins_no_rows(call):
    """A query within the expression would carry the whole array along with each of its elements."""
    sql = f"SELECT sf_{call} FROM (SELECT '[1]'::JSON::VARIANT AS a, '[2]'::JSON::VARIANT AS b FROM range(3))"

    with duckdb.connect() as connection:
        EngineMacros(connection).provide(sql)
        [(_, plan)] = connection.execute(f"EXPLAIN {sql}").fetchall()

    assert "JOIN" not in plan
    assert "UNNEST" not in plan
