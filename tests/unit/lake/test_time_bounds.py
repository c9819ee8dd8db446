from datetime import UTC, datetime, timedelta

import pytest

from runner.lake.dialect.bounds import TimeBounds
from runner.lake.dialect.compiler import compile_query
from runner.lake.table import TableName

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LOGS = TableName(database="panther_logs", table="logs")
OTHER = TableName(database="panther_logs", table="other")
HOUR = timedelta(hours=1)
EVER = TimeBounds()


def bounds_of(sql, dialect="snowflake"):
    known = {LOGS, OTHER}
    return compile_query(sql, dialect=dialect, reference=NOON, known=known).bounds


def since(span):
    return TimeBounds(first=NOON - span, last=NOON)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("p_occurs_since('1 hour')", since(HOUR)),
        ("p_occurs_since(90m) and x = 1", since(1.5 * HOUR)),
        ("(p_occurs_since('2 d') and p_occurs_since('1 h'))", since(HOUR)),
        (
            "p_occurs_between('2026-06-01', '2026-06-02')",
            TimeBounds(first=datetime(2026, 6, 1, tzinfo=UTC), last=datetime(2026, 6, 2, tzinfo=UTC)),
        ),
        ("p_occurs_after('2026-06-01')", TimeBounds(first=datetime(2026, 6, 1, tzinfo=UTC))),
        ("p_event_time > current_timestamp - interval '2 days'", TimeBounds(first=NOON - 48 * HOUR)),
        ("p_event_time >= dateadd(hour, -3, current_timestamp())", TimeBounds(first=NOON - 3 * HOUR)),
        ("'2026-06-01' <= logs.p_event_time", TimeBounds(first=datetime(2026, 6, 1, tzinfo=UTC))),
        ("p_event_time >= current_date - 1", TimeBounds(first=datetime(2026, 6, 30, tzinfo=UTC))),
        ("p_event_time::date >= '2026-06-01'", EVER),  # not the column itself
        ("p_occurs_since('1 hour') or x = 1", EVER),
        ("not p_occurs_since('1 hour')", EVER),
        ("p_event_time > (select max(x) from panther_logs.other)", EVER),
        ("p_occurs_since('1 hour', logs, p_parse_time)", EVER),
        ("x = 1", EVER),
    ],
)
def test_conditions_that_must_hold_bound_a_table(condition, expected):
    found = bounds_of(f"select x from panther_logs.logs where {condition}")

    assert found[LOGS] == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        # each place where a table is read counts, and the widest span holds them all
        (
            (
                "select x from panther_logs.logs where p_occurs_since('1 h') "
                "union all select x from panther_logs.logs where p_occurs_since('3 h')"
            ),
            {LOGS: since(3 * HOUR)},
        ),
        (
            "with a as (select * from panther_logs.logs where p_occurs_since('1 h')) select * from a, panther_logs.other o",
            {LOGS: since(HOUR), OTHER: EVER},
        ),
        (
            (
                "select 1 from panther_logs.logs l join panther_logs.other o on o.x = l.x and p_occurs_since('2 h', o) "
                "where p_occurs_since('1 h', l)"
            ),
            {LOGS: since(HOUR), OTHER: since(2 * HOUR)},
        ),
        # an outer join keeps the rows that its condition does not fit
        (
            (
                "select 1 from panther_logs.logs l left join panther_logs.other o on o.x = l.x and p_occurs_since('2 h', o) "
                "and p_occurs_since('1 h', l)"
            ),
            {LOGS: EVER, OTHER: since(2 * HOUR)},
        ),
        # of two tables, nobody knows whose column it is
        (
            "select 1 from panther_logs.logs, panther_logs.other where p_occurs_since('1 h')",
            {LOGS: EVER, OTHER: EVER},
        ),
        # another thing goes by that name
        ("select t as p_event_time from panther_logs.logs where p_occurs_since('1 h')", {LOGS: EVER}),
        # its WHERE comes after the match
        (
            (
                "select * from panther_logs.logs match_recognize(order by t measures count(*) as c pattern (a) define a as x) "
                "where c > 1"
            ),
            {LOGS: EVER},
        ),
    ],
)
def test_bounds_are_told_for_each_table(sql, expected):
    assert bounds_of(sql) == expected
