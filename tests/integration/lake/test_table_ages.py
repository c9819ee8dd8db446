"""How old the newest data of a table is at a reference time, from real Parquet files."""

from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from thoroughness import examples

from runner.clock import SystemClock
from runner.lake.ages import ages_of, newest_before
from runner.lake.freshness import FreshnessLimits
from runner.lake.index.lake_index import LakeIndex
from runner.lake.snapshots import Snapshots
from runner.lake.table import TableName

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
LOGINS = TableName(database="panther_logs", table="logins")
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def before(minutes):
    return AT - timedelta(minutes=minutes)


@pytest.fixture
def lake(tmp_path):
    return tmp_path


def write(lake, *times, day="2026-01-15", name="0", column="p_event_time", **given):
    folder = lake / "panther_logs" / "logins" / (f"p_date={day}" if day else ".")
    folder.mkdir(parents=True, exist_ok=True)
    naive = [time.replace(tzinfo=None) for time in times]
    rows = pa.table({column: pa.array(naive, pa.timestamp("us")), "user": ["ann"] * len(times)})
    pq.write_table(rows, folder / f"{name}.parquet", **given)
    return folder / f"{name}.parquet"


def age(lake, minutes=60, at=AT, **limits):
    index = LakeIndex(lake, None, SystemClock())
    with duckdb.connect(":memory:") as connection:
        files = Files(lake, index, connection)
        found = ages_of(files, [LOGINS], FreshnessLimits(of_others=minutes, **limits), at)
    index.close()
    return found


class Files(Snapshots):
    """The files of a lake, as an engine tells them."""

    files_before = Snapshots.before


def test_a_table_is_fresh_up_to_its_limit_and_stale_beyond_it(lake):
    write(lake, before(300), before(60))

    at_limit, beyond = age(lake, 60), age(lake, 59)

    assert [(one.is_stale, one.newest) for one in (*at_limit, *beyond)] == [
        (False, before(60)),
        (True, before(60)),
    ]
    assert beyond[0].sentence == (
        "the newest data of panther_logs.public.logins is of 2026-01-15T08:00:00Z, older than its limit of 59 minutes"
    )


def test_rows_from_after_the_reference_time_make_nothing_fresh(lake):
    write(lake, before(120), before(-5), before(0))

    assert [(one.is_stale, one.newest) for one in age(lake, 60)] == [(True, before(120))]


@pytest.mark.parametrize("given", [{}, {"write_statistics": False}, {"row_group_size": 1}], ids=str)
def test_what_the_footer_does_not_say_is_read(lake, given):
    write(lake, before(90), before(30), before(-30), **given)

    assert newest_before(
        [lake / "panther_logs/logins/p_date=2026-01-15/0.parquet"], "p_event_time", AT, LONG_AGO
    ) == before(30)


def test_a_table_with_later_days_only_has_no_data(lake):
    write(lake, AT + timedelta(days=2), day="2026-01-17")

    assert [(one.is_stale, one.newest) for one in age(lake)] == [(True, None)]
    assert "has no data before the reference time" in age(lake)[0].sentence


def test_older_days_are_not_read(lake):
    write(lake, before(300), day="2026-01-15")
    old = write(lake, before(3000), day="2026-01-13")
    old.write_bytes(b"damaged")

    assert [one.newest for one in age(lake)] == [before(300)]


def test_a_file_outside_the_days_counts_too(lake):
    write(lake, before(300), day="2026-01-15")
    write(lake, before(10), day="")

    assert [one.is_stale for one in age(lake)] == [False]


def test_a_table_without_times_has_no_age(lake):
    write(lake, before(300), column="seen_at")

    assert age(lake) == ()


def test_a_file_that_is_gone_is_passed_over(lake):
    there = write(lake, before(300))

    assert newest_before([there.with_name("gone.parquet"), there], "p_event_time", AT, LONG_AGO) == before(
        300
    )


def test_what_is_older_than_the_first_look_is_found(lake):
    write(lake, before(5000), before(-5000), day="")
    write(lake, before(3000), day="2026-01-13")
    write(lake, before(200_000), day="2025-08-29")

    assert [one.newest for one in age(lake)] == [before(3000)]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"of_others": 60}, 60),
        ({"of_others": 60, "by_table": {"Logins": 30}}, 30),
        ({"by_table": {"panther_logs.logins": 30}}, 30),
        ({"by_table": {"panther_logs.public.logins": 20, "logins": 30}}, 20),
        ({"of_others": 60, "by_table": {"logins": 0}}, 0),
        ({"of_query": 5, "of_others": 60, "by_table": {"logins": 30}}, 5),
        ({"of_query": 0, "of_others": 60}, 0),
        ({"by_table": {"others": 30}}, 0),
    ],
    ids=str,
)
def test_the_limit_is_the_querys_then_the_tables_then_that_of_all(limits, expected):
    assert FreshnessLimits(**limits).of(LOGINS) == expected


def test_a_table_without_a_limit_is_not_looked_at(lake):
    write(lake, before(300))

    assert age(lake, 0) == ()


@examples(8)  # each writes a lake
@given(
    st.lists(st.lists(st.integers(-3000, 3000), min_size=1, max_size=4), min_size=1, max_size=6),
    st.integers(1, 3000),
)
def test_the_footers_say_what_the_rows_say(tmp_path_factory, files, limit):
    lake = tmp_path_factory.mktemp("lake")
    for number, minutes in enumerate(files):
        by_day = {}
        for one in minutes:
            by_day.setdefault(before(one).date().isoformat(), []).append(before(one))
        for day, times in by_day.items():
            write(lake, *times, day=day, name=str(number), row_group_size=2)
    passed = [before(one) for minutes in files for one in minutes if one > 0]

    (found,) = age(lake, limit)

    is_fresh = bool(passed) and max(passed) >= before(limit)
    assert found.is_stale is not is_fresh
    assert is_fresh or found.newest == max(passed, default=None)
