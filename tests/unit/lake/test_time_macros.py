from datetime import UTC, datetime

import pytest

from runner.errors import RefusedQuery
from runner.lake.dialect.compiler import compile_query
from runner.lake.table import TableName

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
KNOWN = frozenset({TableName(database="panther_logs", table="app_logs")})
AN_HOUR = (
    "(\"p_event_time\" >= CAST('2026-07-01 11:00:00' AS TIMESTAMP) "
    "AND \"p_event_time\" < CAST('2026-07-01 12:00:00' AS TIMESTAMP))"
)


def condition(macro, dialect="snowflake"):
    """Return what a macro becomes, as the text after WHERE."""
    sql = f"select 1 as one from panther_logs.public.app_logs t where {macro}"
    compiled = compile_query(sql, dialect=dialect, reference=NOON, known=KNOWN)
    return compiled.sql.partition(" WHERE ")[2]


@pytest.mark.parametrize("dialect", ["snowflake", "duckdb", "trino"])
@pytest.mark.parametrize(
    "argument",
    [
        "'1 hour'",
        "1 hour",
        "1hour",
        "1h",
        "60 m",
        "60m",
        "3600",
        "'3600'",
        "'3600s'",
        "1 HOUR",
        "  1   hour  ",
        "1 /* about */ hour",
        "1h, ,",
    ],
)
def test_every_spelling_of_an_hour_means_the_hour_before_the_reference_time(argument, dialect):
    assert condition(f"p_occurs_since({argument})", dialect) == AN_HOUR


def test_the_macro_is_known_in_any_case():
    assert condition("P_Occurs_SINCE(1h)") == AN_HOUR


def test_an_offset_in_double_quotes_is_an_offset():
    assert condition('p_occurs_since("1 hour")') == AN_HOUR


@pytest.mark.parametrize(
    ("arguments", "column"),
    [
        ("1h, t", '"t"."p_event_time"'),
        ("1h, , p_parse_time", '"p_parse_time"'),
        ("1h,,p_parse_time", '"p_parse_time"'),
        ("'1h', t, p_parse_time", '"t"."p_parse_time"'),
        ("'1h', 't', 'p_parse_time'", '"t"."p_parse_time"'),
    ],
)
def test_an_alias_and_a_column_may_follow(arguments, column):
    assert condition(f"p_occurs_since({arguments})") == AN_HOUR.replace('"p_event_time"', column)


def test_under_not_the_whole_condition_is_negated():
    assert condition("not p_occurs_since(1 hour) and id = 1") == f'NOT {AN_HOUR} AND "id" = 1'


def test_several_macros_in_one_query_are_all_expanded():
    assert condition("p_occurs_since(1h) or (p_occurs_since(1 hour))") == f"{AN_HOUR} OR ({AN_HOUR})"


def test_a_macro_in_a_comment_or_in_text_is_left_alone():
    written = condition(
        "id = 'p_occurs_since(1 hour)' -- p_occurs_since(1 hour)\n and name = 'p_occurs_since'"
    )

    assert "'p_occurs_since(1 hour)'" in written
    assert "'p_occurs_since'" in written
    assert "11:00:00" not in written


def test_between_is_inclusive_and_reads_offsets_in_its_literals():
    assert condition("p_occurs_between('2026-06-01', '2026-06-30T02:00:00+02:00')") == (
        "(\"p_event_time\" BETWEEN CAST('2026-06-01 00:00:00' AS TIMESTAMP)"
        " AND CAST('2026-06-30 00:00:00' AS TIMESTAMP))"
    )


def test_between_takes_any_expression():
    written = condition("p_occurs_between(current_date - 1, t.until)")

    assert "CAST('2026-07-01' AS DATE) - 1" in written
    assert '"t"."until"' in written


def test_after_and_before_are_half_open():
    assert '"p_event_time" >= ' in condition("p_occurs_after('2026-07-01')")
    assert '"p_event_time" < ' in condition("p_occurs_before('2026-07-01')")


@pytest.mark.parametrize("offset", ["3 parsecs", "1 month", "-1 day"])
def test_a_wrong_unit_is_refused_by_name(offset):
    with pytest.raises(RefusedQuery, match=f"'{offset}' is not a time offset"):
        condition(f"p_occurs_since('{offset}')")


def test_an_offset_that_is_computed_is_refused():
    with pytest.raises(RefusedQuery, match="write a literal"):
        condition("p_occurs_since(60 * 60)")


@pytest.mark.parametrize(
    ("macro", "count"),
    [
        ("p_occurs_since()", "takes 1 argument,"),
        ("p_occurs_since(1h, t, c, d)", "takes 1 argument,"),
        ("p_occurs_between('2026-01-01')", "takes 2 arguments,"),
        ("p_occurs_around('2026-01-01')", "takes 2 arguments,"),
    ],
)
def test_a_wrong_number_of_arguments_is_refused(macro, count):
    with pytest.raises(RefusedQuery, match=count):
        condition(macro)


def test_an_error_after_a_macro_is_located_in_the_text_as_written():
    text = "select 1 as one from t where p_occurs_since(1 hour) and and"

    with pytest.raises(RefusedQuery) as refused:
        compile_query(text, dialect="snowflake", reference=NOON, known=KNOWN)

    assert (refused.value.line, refused.value.column) == (1, text.rindex("and") + 1)
