"""Which rows a query can ask for, as it is read off the parse tree."""

import pytest

from runner.lake.dialect import bounds, parsing
from runner.lake.dialect.conditions import AllOf, AnyOf
from runner.lake.table import ENGINE_SCHEMA

T = f'{ENGINE_SCHEMA}."logs.t"'
U = f'{ENGINE_SCHEMA}."logs.u"'


def written(condition):
    """Write a condition as text: `column>=low`, with the hours that the column may be above what is compared."""
    if isinstance(condition, AllOf):
        return " and ".join(written(part) for part in condition.parts) or "always"
    if isinstance(condition, AnyOf):
        return "(" + " or ".join(written(part) for part in condition.parts) + ")"
    hours = int(condition.operand.slack.total_seconds() // 3600)
    limits = [f">={condition.low}" if condition.low else "", f"<={condition.high}" if condition.high else ""]
    return f"{condition.operand.column}{f'~{hours}h' if hours else ''}{''.join(limits)}"


def bounds_of(sql, view="logs.t"):
    found = bounds.read(parsing.parse(sql.format(t=T, u=U), "duckdb"))
    return [written(condition) for condition in found.conditions.get(view, ())]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("a >= 1", "a>=1"),
        ("a < 1", "a<=1"),
        ("1 <= a", "a>=1"),
        ("a = 1", "a>=1 and a<=1"),
        ("a BETWEEN 1 AND 2", "a>=1 and a<=2"),
        ("(a >= 1) AND (a < 2 AND b = 3)", "a>=1 and a<=2 and b>=3 and b<=3"),
        ("a >= 1 + 1", "a>=1 + 1"),
        ("a IN (1, 2)", "(a>=1 and a<=1 or a>=2 and a<=2)"),
        ("a < 1 OR a > 5", "(a<=1 or a>=5)"),
        ("CAST(a AS DATE) >= 1", "a~24h>=1"),
        ("date_trunc('hour', a) = 1", "a~1h>=1 and a~1h<=1"),
        ("date_trunc('day', CAST(a AS TIMESTAMP)) >= 1", "a~24h>=1"),
        ("T.A >= 1", "a>=1"),
    ],
)
def test_comparisons_with_constants_are_bounds(where, expected):
    assert bounds_of(f"SELECT * FROM {{t}} AS t WHERE {where}") == [expected]


@pytest.mark.parametrize(
    "where",
    [
        "NOT a >= 1",
        "a >= 1 OR b",
        "a >= b",
        "a + 1 >= 2",
        "a >= (SELECT max(b) FROM {u})",
        "a >= random()",
        "a IS NULL OR a >= 1",
        "coalesce(a, 1) >= 1",
        "CASE WHEN a >= 1 THEN true END",
        "a NOT BETWEEN 1 AND 2",
        "a IN (SELECT b FROM {u})",
        "CAST(a AS VARCHAR) >= '1'",
    ],
)
def test_all_else_says_nothing(where):
    assert bounds_of(f"SELECT * FROM {{t}} AS t WHERE {where}") == ["always"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM (SELECT * FROM {t}) AS s WHERE a >= 1",
        "SELECT * FROM (SELECT a, b FROM {t}) AS s WHERE s.a >= 1",
        "SELECT * FROM (SELECT a AS x FROM {t} AS t) AS s WHERE x >= 1",
        "SELECT * FROM (SELECT t.*, 5 AS five FROM {t} AS t) AS s WHERE a >= 1",
        "WITH c AS (SELECT * FROM {t}) SELECT * FROM C WHERE a >= 1",
        "WITH c AS (SELECT * FROM {t}), d AS (SELECT * FROM c) SELECT * FROM d WHERE a >= 1",
        "WITH c AS (SELECT a, count(*) AS n FROM {t} GROUP BY a) SELECT * FROM c WHERE a >= 1 AND n > 2",
        "SELECT DISTINCT a FROM (SELECT DISTINCT a FROM {t}) AS s WHERE a >= 1",
        "SELECT * FROM {t} AS t JOIN {u} AS u ON t.id = u.id AND t.a >= 1",
        "SELECT * FROM {u} AS u LEFT JOIN {t} AS t ON t.id = u.id AND t.a >= 1",
        "SELECT * FROM {t} AS t LEFT JOIN {u} AS u ON t.id = u.id WHERE t.a >= 1",
        "SELECT * FROM {u} AS u FULL JOIN {t} AS t ON t.id = u.id WHERE t.a >= 1",
        "SELECT * FROM {u} AS u WHERE EXISTS (SELECT 1 FROM {t} AS t WHERE t.id = u.id AND t.a >= 1)",
        "SELECT a FROM {t} WHERE a >= 1 UNION ALL SELECT 1",
        "SELECT a FROM (SELECT a FROM {t} UNION ALL SELECT a FROM {u}) AS s WHERE a >= 1",
        "SELECT row_number() OVER () FROM {t} WHERE a >= 1",
        "SELECT * FROM {t} WHERE a >= 1 LIMIT 1",
    ],
)
def test_a_bound_is_found_wherever_it_is_written(sql):
    assert bounds_of(sql)[0].startswith("a>=1")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM (SELECT *, row_number() OVER () AS n FROM {t}) AS s WHERE a >= 1",
        "SELECT * FROM (SELECT * FROM {t} LIMIT 5) AS s WHERE a >= 1",
        "SELECT * FROM (SELECT DISTINCT ON (b) a, b FROM {t}) AS s WHERE a >= 1",
        "SELECT * FROM (SELECT b AS a FROM {u}) AS s, {t} AS t WHERE s.a >= 1",
        "SELECT * FROM (SELECT max(a) AS a FROM {t}) AS s WHERE a >= 1",
        "SELECT * FROM (SELECT *, b AS a FROM {t}) AS s WHERE a >= 1",
        "SELECT * FROM (SELECT * EXCLUDE (a), b AS a FROM {t}) AS s WHERE a >= 1",
        "SELECT * FROM (SELECT * REPLACE (b AS a) FROM {t}) AS s WHERE a >= 1",
        "SELECT * FROM (SELECT * FROM {t}) AS s(b, a) WHERE a >= 1",
        "SELECT * FROM {t} AS t(b, a) WHERE a >= 1",
        "SELECT * FROM (SELECT * FROM {u} AS u, {t} AS t) AS s WHERE a >= 1",
        "SELECT * FROM {t} AS t LEFT JOIN {u} AS u ON t.id = u.id AND t.a >= 1",
        "SELECT * FROM {u} AS u RIGHT JOIN {t} AS t ON t.id = u.id AND t.a >= 1",
        "SELECT * FROM {u} AS u FULL JOIN {t} AS t ON t.id = u.id AND t.a >= 1",
        "WITH RECURSIVE c AS (SELECT a FROM {t} UNION ALL SELECT a + 1 FROM c) SELECT * FROM c WHERE a >= 1",
        "WITH c AS (SELECT * FROM {t}) SELECT * FROM c WHERE a >= 1 UNION ALL SELECT * FROM c",
        "WITH c(b, a) AS (SELECT a, b FROM {t}) SELECT * FROM c WHERE a >= 1",
        "SELECT a FROM (SELECT a, b FROM {u} UNION ALL SELECT b, a FROM {t}) AS s WHERE a >= 1",
        "SELECT * FROM {t} USING SAMPLE 10 ROWS",
        "SELECT * FROM (PIVOT {t} ON b USING sum(c)) AS s WHERE a >= 1",
    ],
)
def test_a_bound_goes_no_further_than_rows_can_be_dropped_unseen(sql):
    assert bounds_of(sql) == ["always"]


def test_each_mention_of_a_table_has_its_own_bound():
    sql = "SELECT * FROM {t} AS now, (SELECT * FROM {t} WHERE a >= 1 AND a < 5) AS base WHERE now.a >= 9"

    assert bounds_of(sql) == ["a>=9", "a>=1 and a<=5"]


def test_a_cte_has_the_bounds_of_all_its_mentions():
    sql = "WITH c AS (SELECT * FROM {t}) SELECT * FROM c WHERE a >= 5 UNION ALL SELECT * FROM c WHERE a >= 1"

    assert bounds_of(sql) == ["(a>=5 or a>=1)"]


def test_a_column_of_another_table_says_nothing():
    sql = "SELECT * FROM {t} AS t, {u} AS u WHERE u.a >= 1"

    assert bounds_of(sql) == ["always"]
    assert bounds_of(sql, "logs.u") == ["a>=1"]


def test_partition_columns_that_are_named_are_told():
    found = bounds.read(parsing.parse(f"SELECT p_hour FROM {T} WHERE P_DATE = '2026-07-01'", "duckdb"))

    assert found.partition_columns == {"p_date", "p_hour"}
