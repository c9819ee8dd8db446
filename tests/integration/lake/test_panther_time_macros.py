"""The time macros over a real table, as an author of Snowflake SQL writes them."""

import pytest

from runner.errors import RefusedQuery


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("p_occurs_since('1 hour')", 1),
        ("p_occurs_since(1h)", 1),
        ("p_occurs_since(1 hour)", 1),
        ("p_occurs_since(3600)", 1),
        ("p_occurs_since('60m')", 1),
        ("p_occurs_since('5 m')", 0),
        ("p_occurs_since(1day)", 2),
        ("p_occurs_since('2 weeks')", 3),
        ("P_OCCURS_SINCE('30 minutes')", 1),  # the row is exactly 30 minutes old: the lower bound is in
        ("p_occurs_since('29 minutes')", 0),
        ("p_occurs_since('2 m', , p_parse_time)", 1),
        ("p_occurs_since('2 m', t, p_parse_time)", 1),
        ("p_occurs_since('1 day', t)", 2),
        ("not p_occurs_since('1 day')", 1),
        ("p_occurs_between('2026-06-01','2026-06-30')", 1),
        ("p_occurs_between('2026-07-01T00:00:00Z','2026-07-01T10:00:00Z')", 1),
        ("p_occurs_between('2026-07-01T13:30:00+02:00','2026-07-01 11:30:00')", 1),  # both bounds are in
        ("p_occurs_between('2026-06-01', current_timestamp)", 3),
        ("p_occurs_between('2026-06-01', current_timestamp(), t, p_parse_time)", 3),
        ("p_occurs_between(current_date - 11, current_date)", 1),
        ("p_occurs_around('2026-07-01 10:00:00', '2 h')", 2),
        ("p_occurs_around('2026-07-01 10:00:00', '30 m')", 0),
        ("p_occurs_after('2026-07-01')", 2),
        ("p_occurs_after('2026-07-01 11:30:00')", 1),
        ("p_occurs_before('2026-07-01 11:30:00')", 2),
        ("p_occurs_before('2026-07-01 10:00:00', t, p_parse_time)", 2),
        ("p_event_time < p_current_timestamp()", 3),
        ("p_event_time > dateadd(minute, -31, p_current_timestamp())", 1),
    ],
)
def test_a_macro_selects_its_window(standing_logs, condition, count):
    sql = f"select count(*) as n from panther_logs.public.app_logs t where {condition}"

    assert standing_logs.values(sql, dialect="snowflake") == [(count,)]


def test_a_macro_works_on_a_time_that_a_cte_computed(standing_logs):
    sql = """
        with t as (select p_parse_time as p_event_time, id from panther_logs.public.app_logs)
        select id from t join (select id as other from t where p_occurs_since('5m')) u on t.id = u.other
        where p_occurs_since('5m', t)
    """

    assert standing_logs.values(sql, dialect="snowflake") == [(1,)]


def test_a_macro_of_an_unknown_unit_is_refused(standing_logs):
    with pytest.raises(RefusedQuery, match="3 parsecs"):
        standing_logs.ask(
            "select 1 from panther_logs.app_logs where p_occurs_since('3 parsecs')", dialect="snowflake"
        )
