"""Cases of Snowflake's SQL with known answers; a case is text, its rows, and whether it has to fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.errors import QueryError

CASES = json.loads(Path(__file__, "../../../data/snowflake/cases.json").resolve().read_text())


def plain(value):
    """Write a time as the cases do: without the milliseconds of Panther's format."""
    return value.removesuffix(".000") if isinstance(value, str) else value


def rows_of(standing_logs, sql):
    found = standing_logs.values(sql, dialect="snowflake")
    return [[plain(value) for value in row] for row in found]


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.get("error")], ids=lambda case: case["id"]
)
def test_a_case_has_the_rows_that_snowflake_gives(standing_logs, case):
    assert rows_of(standing_logs, case["sql"]) == case["rows"]


@pytest.mark.parametrize("case", [case for case in CASES if case.get("error")], ids=lambda case: case["id"])
def test_a_case_fails_where_snowflake_does(standing_logs, case):
    with pytest.raises(QueryError):
        rows_of(standing_logs, case["sql"])
