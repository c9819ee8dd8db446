"""Every function of the table gives what its page in Snowflake's SQL reference says."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.errors import RefusedQuery
from runner.lake.dialect.functions import FUNCTIONS, REFUSED, page_of

EXPRESSIONS = Path(__file__, "../../../data/snowflake/expressions.txt").resolve().read_text()
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
PAGES = [group.splitlines() for group in EXPRESSIONS.split("\n\n")[1:]]
"""Each the address of a page, after a #, and the expressions that it tells of."""
CASES = [line.rsplit(" => ", 1) for _, *lines in PAGES for line in lines]


def value_of(written):
    try:
        return ast.literal_eval(written)
    except (SyntaxError, ValueError):
        return written


def plain(value):
    return value.removesuffix(".000") if isinstance(value, str) else value


@pytest.mark.parametrize(("expression", "written"), CASES)
def test_an_expression_has_snowflake_s_value(standing_logs, expression, written):
    expected = value_of(written)

    [(found,)] = standing_logs.values(f"select {expression} as x", dialect="snowflake")

    if isinstance(expected, float) or (isinstance(found, float) and not isinstance(expected, str)):
        assert found == pytest.approx(expected)
    else:
        assert (
            plain(found) in {plain(expected), written}
            if isinstance(expected, str | int)
            else found == expected
        )


def test_every_function_of_the_table_has_an_expression_from_its_own_page():
    told = {
        (page, name.upper()) for page, *lines in PAGES for name in re.findall(r"(\w+)\(", "\n".join(lines))
    }

    assert {(f"# {page_of(name)}", name) for name in FUNCTIONS} - told == set()


def test_every_expression_stands_under_the_page_that_tells_of_it():
    pages = [page for page, *_ in PAGES]

    assert [page for page in pages if not page.startswith("# docs.snowflake.com/en/")] == []
    assert len(set(pages)) == len(pages)
    assert len(CASES) == EXPRESSIONS.count(" => ")


@pytest.mark.parametrize("name", REFUSED)
def test_a_function_that_cannot_be_had_is_refused_by_name_and_place(standing_logs, name):
    with pytest.raises(RefusedQuery) as refused:
        standing_logs.values(f"select 1 as one,\n  {name}(1) as x", dialect="snowflake")

    assert f"{name}() is not supported: {REFUSED[name]}" in str(refused.value)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("array_siz([1])", "did you mean ARRAY_SIZE()?"),
        (
            "array_size()",
            "ARRAY_SIZE() does not take 0 arguments: see docs.snowflake.com/en/sql-reference/functions/array_size",
        ),
        ("sha2('a', 512)", "256 bits only"),
        ("to_char(5, '999')", "formats of numbers are not supported"),
        ("to_number('5', '999')", "formats of numbers are not supported"),
        ("to_date('x', lower('Y'))", "has to be written out"),
        ("regexp_replace('a', 'b', 'c', 2)", "from position 1"),
    ],
)
def test_a_call_that_cannot_be_exact_is_refused(standing_logs, call, said):
    with pytest.raises(RefusedQuery, match=re.escape(said)):
        standing_logs.values(f"select {call} as x", dialect="snowflake")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("hash('a')", "HASH() gives other numbers"),
        ("approx_percentile(1, 0.5)", "estimates by another method"),
        ("hll(1)", "estimates by another method"),
    ],
)
def test_what_may_differ_is_marked_with_its_place(standing_logs, call, said):
    query = standing_logs.standing.compile(
        f"select 1 as one,\n  {call} as x", dialect="snowflake", reference=NOON
    )

    (remark,) = query.approximations

    assert said in remark.message
    assert remark.line in {0, 2}
