from datetime import UTC, datetime

import pytest

from runner.lake.dialect.compiler import compile_query
from runner.lake.table import TableName


def doubts(sql):
    known = {TableName(database="panther_logs", table="app_logs")}
    return compile_query(
        sql, dialect="duckdb", reference=datetime(2026, 7, 1, tzinfo=UTC), known=known
    ).doubts


@pytest.mark.parametrize(
    ("sql", "doubt"),
    [
        ("select random() as r", "rand() gives another value each time"),
        ("select uuid() as r", "uuid() gives another value each time"),
        (
            "select any_value(id) as x from panther_logs.app_logs",
            "any_value() may pick another value each time",
        ),
        ("select id from panther_logs.app_logs limit 5", "LIMIT without ORDER BY keeps arbitrary rows"),
        (
            "select id from (select id from panther_logs.app_logs limit 5) q",
            "LIMIT without ORDER BY keeps arbitrary rows",
        ),
        (
            "select id from panther_logs.app_logs fetch first 5 rows only",
            "LIMIT without ORDER BY keeps arbitrary rows",
        ),
        ("select id from panther_logs.app_logs tablesample 10%", "a sample takes other rows each time"),
    ],
)
def test_what_may_answer_otherwise_is_named(sql, doubt):
    assert doubts(sql) == (doubt,)


@pytest.mark.parametrize(
    "sql",
    [
        "select id from panther_logs.app_logs order by id limit 5",
        "select max(id) as m, count(*) as n from panther_logs.app_logs",
        "select now() as t",
    ],
)
def test_most_queries_leave_no_doubt(sql):
    assert doubts(sql) == ()
