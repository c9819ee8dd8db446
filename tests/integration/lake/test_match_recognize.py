"""MATCH_RECOGNIZE finds what its pattern says, and refuses by name what it cannot find."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runner.errors import RefusedQuery

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LOGINS = """(
    select column1 as account, column2 as n, column3 as ok, parse_json(column4) as d
    from (values
        ('ann', 1, false, '{"ip": "x"}'), ('ann', 2, false, '{"ip": "y"}'), ('ann', 3, true, '{"ip": "z"}'),
        ('ann', 4, false, '{}'),
        ('bob', 1, true, '{}'), ('bob', 2, false, '{}'), ('bob', 3, false, '{}'), ('bob', 4, false, '{}'),
        ('bob', 5, true, '{"ip": "q"}'))
) as logins"""
DEFINE = "define failed as ok = false, passed as ok"


def matched(lake, body, select="*", order="1, 2"):
    sql = f"select {select} from {LOGINS} match_recognize({body}) order by {order}"
    return lake.values(sql, dialect="snowflake")


def test_failures_before_a_success_are_one_row_for_each_match(standing_logs):
    found = matched(
        standing_logs,
        "partition by account order by n measures first(failed.n) as first_n, last(passed.n) as last_n, "
        "count(failed.*) as failures, count(*) as rows_matched, match_number() as number, first(d:ip) as ip, "
        f"classifier() as ended_as one row per match pattern (failed+ passed) {DEFINE}",
    )

    assert found == [("ann", 1, 3, 2, 3, 1, "x", "PASSED"), ("bob", 2, 5, 3, 4, 1, None, "PASSED")]


def test_without_partitions_all_rows_are_one_sequence(standing_logs):
    found = matched(
        standing_logs,
        "order by account, n measures count(*) as c pattern (p) define p as d:ip = 'q'",
        order="1",
    )

    assert found == [(1,)]


@pytest.mark.parametrize(
    ("after", "pattern", "expected"),
    [
        ("", "failed{2} passed", [("ann", 3), ("bob", 3)]),
        ("after match skip past last row", "failed{2,} passed", [("ann", 3), ("bob", 4)]),
        ("after match skip to next row", "failed{2,} passed", [("ann", 3), ("bob", 3), ("bob", 4)]),
        ("after match skip to last passed", "passed? failed+ passed", [("ann", 3), ("bob", 5)]),
        ("after match skip to first passed", "failed passed", [("ann", 2), ("bob", 2)]),
        ("", "failed*? passed", [("ann", 3), ("bob", 1), ("bob", 4)]),
    ],
)
def test_the_next_match_starts_where_it_is_told_to(standing_logs, after, pattern, expected):
    found = matched(
        standing_logs,
        f"partition by account order by n measures count(*) as c {after} pattern ({pattern}) {DEFINE}",
    )

    assert found == expected


def test_a_condition_may_look_at_the_row_before(standing_logs):
    found = matched(
        standing_logs,
        "partition by account order by n measures max(up.n) as top pattern (start up+) define up as n > lag(n)",
    )

    assert found == [("ann", 4), ("bob", 5)]


def test_a_row_may_fit_two_symbols_and_stands_for_one(standing_logs):
    found = matched(
        standing_logs,
        "partition by account order by n measures count(some.n) as s, count(late.n) as l "
        "pattern (some some late) define some as n < 4, late as n > 1",
    )

    assert found == [("ann", 2, 1), ("bob", 2, 1)]


def test_groups_are_matched_and_marked_as_approximate(standing_logs):
    body = f"partition by account order by n measures count(*) as c pattern ((failed passed)+ | failed+) {DEFINE}"

    query = standing_logs.standing.compile(
        f"select * from {LOGINS} match_recognize({body})", dialect="snowflake", reference=NOON
    )

    assert matched(standing_logs, body) == [("ann", 1), ("ann", 2), ("bob", 3)]
    assert "by DEFINE alone" in query.approximations[0].message


def test_its_result_is_filtered_and_joined_as_a_table(standing_logs):
    sql = f"""
        with bursts as (
            select * from {LOGINS}
            match_recognize(partition by account order by n measures count(*) as c pattern (f+) define f as not ok) as m
            where m.c > 1
        )
        select upper(account) as a, c + 1 as c from bursts order by a
    """

    assert standing_logs.values(sql, dialect="snowflake") == [("ANN", 3), ("BOB", 4)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            f"order by n measures count(*) as c all rows per match pattern (passed) {DEFINE}",
            "ALL ROWS PER MATCH",
        ),
        (f"order by n measures count(*) as c pattern (passed*) {DEFINE}", "matches no rows at all"),
        ("order by n measures count(*) as c pattern (a b) define b as n > last(a.n)", "LAST() in DEFINE"),
        (f"order by n measures count(*) as c pattern (permute(failed, passed)) {DEFINE}", "PERMUTE"),
        (f"measures count(*) as c pattern (passed) {DEFINE}", "needs an ORDER BY"),
        (f"order by n measures sum(failed.n) + 1 as c pattern (failed) {DEFINE}", "the measure c"),
        (
            f"order by n measures max(failed.n + passed.n) as c pattern (failed passed) {DEFINE}",
            "two symbols",
        ),
    ],
)
def test_what_cannot_be_matched_is_refused_by_name(standing_logs, body, said):
    with pytest.raises(RefusedQuery) as refused:
        matched(standing_logs, body)

    assert said in str(refused.value)
