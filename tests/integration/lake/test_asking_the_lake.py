"""What a query sees: the reference time, the rows before it, and the tables that it names."""

from __future__ import annotations

import itertools
import os
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from thoroughness import examples

from runner.errors import QueryError, UnknownLogType, UnreadableLake
from runner.lake.table import TableName
from runner.lake.windows import EARLIEST

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LOGS = "panther_logs.public.app_logs"


# The reference time


def test_two_runs_at_one_reference_time_give_the_same(standing_logs):
    sql = f"select id, now() as n, current_date as d, localtime as t, age(p_event_time) as a from {LOGS}"

    assert standing_logs.ask(sql) == standing_logs.ask(sql)


def test_the_reference_time_moves_the_window(standing_logs):
    sql = f"select id from {LOGS} where p_occurs_since('1 hour')"

    assert standing_logs.values(sql, at=NOON) == [(1,)]
    assert standing_logs.values(sql, at=NOON - timedelta(hours=2, minutes=30)) == [(2,)]


@pytest.mark.parametrize(
    "name", ["current_timestamp", "current_date", "user", "CURRENT_USER", "current_schema"]
)
def test_a_name_of_the_database_s_own_values_is_only_ever_a_column(standing_logs, name):
    with pytest.raises(Exception, match="there is no column"):
        standing_logs.ask(f'select "{name}" as x from {LOGS}')


@pytest.mark.parametrize("name", ["localtime", "LocalTimestamp", "current_time"])
def test_a_quoted_clock_is_only_ever_a_column(standing_logs, name):
    with pytest.raises(Exception, match="there is no column"):
        standing_logs.ask(f'select "{name}" as x from {LOGS}')


def test_a_column_named_user_is_that_column(lake):
    lake.write("SELECT 'ann' AS \"user\", TIMESTAMP '2026-07-01' AS p_event_time")

    assert lake.values(f"select user from {LOGS} where user = 'ann'") == [("ann",)]


@pytest.mark.parametrize(
    "sql",
    [
        "select ago(interval '1 day') as t",
        "select uuidv7() as t",
        "select pg_postmaster_start_time() as t",
        "select pg_conf_load_time() as t",
        "select p_event_time.age() as t from panther_logs.app_logs",
        "select current_query_id() as t",
        "select txid_current() as t",
    ],
)
def test_no_other_function_tells_the_time(standing_logs, sql):
    with pytest.raises(Exception, match=r"is not a function that|reads the clock"):
        standing_logs.ask(sql)


def test_a_query_sees_utc_whatever_the_process_s_zone_is(app_logs):
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    try:
        rows = app_logs.values(
            f"select '2026-07-01 01:00:00+02'::timestamptz as a, p_event_time::timestamptz as b, "
            f"hour('2026-07-01 01:00:00+02'::timestamptz) as c from {LOGS} where id = 1"
        )
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()

    assert rows == [("2026-06-30 23:00:00.000", "2026-07-01 11:30:00.000", 23)]


# The cut


def test_a_row_at_the_reference_time_is_not_seen_and_one_just_before_is(lake):
    lake.write(
        "SELECT id, TIMESTAMP '2026-07-01 12:00:00' + to_microseconds(id) AS p_event_time "
        "FROM (VALUES (-1), (0), (1)) AS t(id)"
    )

    assert lake.values(f"select id from {LOGS}") == [(-1,)]


def test_the_cut_holds_for_every_mention_of_a_table(lake):
    lake.write(
        "SELECT i AS id, TIMESTAMP '2026-07-01 11:00:00' + to_hours(i) AS p_event_time FROM range(5) t(i)"
    )

    counts = lake.values(
        f"with c as (select * from {LOGS}) select (select count(*) from {LOGS}), (select count(*) from c), "
        f"(select count(*) from {LOGS} a, panther_logs.app_logs b)"
    )

    assert counts == [(1, 1, 1)]


def test_a_time_column_with_a_zone_is_cut_too(lake):
    lake.write(
        "SELECT id, TIMESTAMPTZ '2026-07-01 12:00:00+00' + to_seconds(id) AS p_event_time "
        "FROM (VALUES (-1), (0)) AS t(id)"
    )

    assert lake.values(f"select id from {LOGS}") == [(-1,)]


def test_a_row_without_a_time_is_not_seen(lake):
    lake.write("SELECT 1 AS id, NULL::TIMESTAMP AS p_event_time")

    assert lake.values(f"select id from {LOGS}") == []


@pytest.mark.parametrize(
    ("where", "is_unbounded"),
    [("p_occurs_since('1 hour')", False), ("p_occurs_before('2026-07-01')", True), ("id = 1", True)],
)
def test_a_table_that_is_read_from_its_first_row_on_is_named(app_logs, where, is_unbounded):
    engine = app_logs.engine()
    query = engine.compile(f"select id from {LOGS} where {where}", dialect="duckdb", reference=NOON)

    (windows,) = engine.windows(query, NOON).values()

    assert (windows[0].low == EARLIEST) is is_unbounded


def test_a_table_may_name_its_time_column_or_none(lake):
    lake.write(
        "SELECT 1 AS id, TIMESTAMP '2026-07-01 13:00:00' AS \"Start\"", table="snowflake.account_usage/logins"
    )
    file = lake.folder / "snowflake.account_usage" / "logins" / "_table.yml"
    sql = "select id from snowflake.account_usage.logins"
    without = lake.values(sql)

    file.write_text("time_column: start\n")
    named = lake.values(sql), lake.values(sql, at=NOON + timedelta(hours=2))
    file.write_text("time_column: null\n")

    assert (without, named, lake.values(sql)) == ([(1,)], ([], [(1,)]), [(1,)])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("time_column: begin\n", "the table has no column begin"),
        ("time: p_event_time\n", "expected one key"),
        ("time_column: 5\n", "expected the name of a column or null, found 5"),
        ("time_column: [\n", "not YAML"),
    ],
)
def test_a_faulty_table_file_is_named_with_its_fault(app_logs, text, reason):
    file = app_logs.folder / "panther_logs" / "app_logs" / "_table.yml"
    file.write_text(text)

    with pytest.raises(UnreadableLake, match=f"{file}: .*{reason}"):
        app_logs.values(f"select id from {LOGS}")


def test_partition_columns_can_be_asked_for(standing_logs):
    sql = f"select id, p_date::varchar, p_hour from {LOGS} where p_date = '2026-07-01' and p_hour < 10"

    assert standing_logs.values(sql) == [(2, "2026-07-01", 9)]
    assert (
        standing_logs.values(f"select * exclude (name) from {LOGS} where p_hour = 11", dialect="snowflake")[
            0
        ][0]
        == 1
    )


def test_a_timeless_table_is_read_whole_and_named(app_logs):
    app_logs.write("SELECT 'ann' AS name, 'admin' AS role", table="panther_lookups/people", part="a.parquet")
    engine = app_logs.engine()
    sql = f"select role from {LOGS} join panther_lookups.public.people using (name)"
    query = engine.compile(sql, dialect="duckdb", reference=NOON)

    assert app_logs.values(sql) == [("admin",)]
    windows = engine.windows(query, NOON)
    assert windows[TableName(database="panther_lookups", table="people")] is None


QUERIES = [
    f"select * from {LOGS} order by id",
    f"select count(*) as n, max(p_event_time) as m, min(id) as i from {LOGS}",
    f"select id from {LOGS} where p_event_time > current_timestamp - interval '2 hours' order by id",
    f"select id from {LOGS} where not p_occurs_since('3 hours') order by id",
    f"select a.id, b.id as other from {LOGS} a left join {LOGS} b on b.id = a.id + 1 order by 1, 2",
    f"with l as (select id % 3 as k, count(*) as n from {LOGS} group by 1) select * from l order by k",
    f"select id from {LOGS} x where not exists (select 1 from {LOGS} y where y.id > x.id) order by id",
]


def write_hours(lake, rows):
    """Write (id, time) rows, a file for each day, behind a schema file."""
    lake.write("SELECT 0 AS id, TIMESTAMP '2026-01-01' AS p_event_time WHERE false", part="_schema.parquet")
    for day, of_day in itertools.groupby(sorted(rows, key=lambda row: row[1]), key=lambda row: row[1].date()):
        values = ", ".join(f"({number}, TIMESTAMP '{when:%Y-%m-%d %H:%M:%S}')" for number, when in of_day)
        lake.write(f"SELECT * FROM (VALUES {values}) AS t(id, p_event_time)", part=f"p_date={day}/a.parquet")


@settings(examples(6), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hours=st.lists(st.integers(min_value=-60, max_value=60), min_size=1, max_size=12),
    cut=st.integers(min_value=-61, max_value=61),
    query=st.sampled_from(QUERIES),
)
def test_the_past_of_a_full_lake_is_the_lake_cut_at_that_time(make_lake, hours, cut, query):
    """Whatever the rows and the time, later rows change nothing."""
    reference = NOON + timedelta(hours=cut)
    rows = [(number, NOON + timedelta(hours=hour)) for number, hour in enumerate(hours)]
    full, past = make_lake(f"full-{uuid.uuid4()}"), make_lake(f"past-{uuid.uuid4()}")
    write_hours(full, rows)
    write_hours(past, [row for row in rows if row[1] < reference])

    assert full.ask(query, at=reference) == past.ask(query, at=reference)


# Tables


@pytest.mark.parametrize(
    "name",
    [LOGS, "panther_logs.app_logs", "PANTHER_LOGS.PUBLIC.APP_LOGS", '"panther_logs"."public"."app_logs"'],
)
@pytest.mark.parametrize("dialect", ["duckdb", "snowflake", "trino"])
def test_each_form_of_a_table_name_is_answered(standing_logs, name, dialect):
    assert standing_logs.values(f"select count(*) as n from {name}", dialect=dialect) == [(3,)]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (f"select app_logs.id from {LOGS} where app_logs.id = 1", [(1,)]),
        (f"select {LOGS}.id from {LOGS} where {LOGS}.id = 1", [(1,)]),
        (f"select {LOGS}.* from {LOGS} where id = 1 and {LOGS}.name = 'ann'", None),
        (f"select a.id from {LOGS} a join {LOGS} b on a.id = b.id + 1 order by 1", [(2,), (3,)]),
        (
            f"with app_logs as (select id from {LOGS} where id < 3) select id from app_logs order by 1",
            [(1,), (2,)],
        ),
        (
            'with "panther_logs.app_logs" as (select 9 as id) select max(id) from panther_logs.app_logs',
            [(3,)],
        ),
    ],
)
def test_names_mean_what_sql_says(standing_logs, sql, rows):
    answered = standing_logs.values(sql)

    assert len(answered) == 1 if rows is None else answered == rows


def test_an_unknown_table_is_refused_before_anything_is_read(app_logs):
    with pytest.raises(UnknownLogType, match=r"did you mean panther_logs\.public\.app_logs"):
        app_logs.engine().compile("select 1 from panther_logs.app_log", dialect="duckdb", reference=NOON)


def test_a_folder_of_another_case_is_answered(lake):
    lake.write("SELECT 1 AS id", table="Panther_Logs/App_Logs", part="a.parquet")

    assert lake.values(f"select id from {LOGS}") == [(1,)]


def test_a_lake_behind_a_link_is_answered(app_logs, make_lake, tmp_path):
    (tmp_path / "link").symlink_to(app_logs.folder)

    assert make_lake("link").values(f"select count(*) as n from {LOGS}") == [(3,)]


def test_a_column_written_in_another_case_is_found(standing_logs):
    assert standing_logs.ask(f"select NAME from {LOGS} where P_EVENT_TIME > '2026-07-01 11:00:00'") == [
        {"name": "ann"}
    ]


def test_rows_come_in_the_order_of_the_files(lake):
    for number in (3, 1, 2):
        lake.write(f"SELECT {number} AS id, i FROM range(3) t(i)", part=f"p_date=2026-06-0{number}/a.parquet")

    assert [row[0] for row in lake.values(f"select id, i from {LOGS}")] == [1, 1, 1, 2, 2, 2, 3, 3, 3]


# Schema drift


def test_files_of_different_schemas_are_one_table(lake):
    lake.write("SELECT 1 AS id, {'a': 1} AS doc, 5 AS n", part="p_date=2026-06-01/a.parquet")
    lake.write("SELECT 2 AS id, {'b': 'x'} AS doc, 'many' AS n", part="p_date=2026-06-02/a.parquet")
    lake.write("SELECT 3 AS id, true AS later", part="p_date=2026-06-03/a.parquet")

    assert lake.ask(f"select * from {LOGS} order by id") == [
        {"id": 1, "doc": {"a": 1}, "n": "5", "later": None},
        {"id": 2, "doc": {"b": "x"}, "n": "many", "later": None},
        {"id": 3, "doc": None, "n": None, "later": True},
    ]


def test_the_schema_file_names_columns_that_no_row_has_yet(app_logs):
    app_logs.write("SELECT 1 AS id, 'x' AS not_yet, {'deep': 1} AS doc WHERE false", part="_schema.parquet")

    assert app_logs.values(f"select not_yet, doc.deep as d from {LOGS} where id = 1") == [(None, None)]


def test_a_table_of_a_schema_alone_is_empty(lake):
    lake.write("SELECT 1 AS id, TIMESTAMP '2026-07-01' AS p_event_time WHERE false", part="_schema.parquet")

    assert lake.ask(f"select * from {LOGS}") == []
    assert lake.values(f"select count(*) as n from {LOGS}") == [(0,)]


def test_a_table_whose_days_are_all_later_is_empty(standing_logs):
    assert standing_logs.values(f"select count(*) as n from {LOGS}", at=NOON - timedelta(days=300)) == [(0,)]


# Snapshots


def test_a_file_that_comes_during_a_run_is_not_seen(app_logs):
    engine = app_logs.engine()
    query = engine.compile(f"select count(*) as n from {LOGS}", dialect="duckdb", reference=NOON)
    snapshot = engine.snapshot(query, NOON)

    app_logs.write("SELECT 9 AS id, TIMESTAMP '2026-07-01 11:00:00' AS p_event_time", part="b.parquet")

    assert [batch.row(0) for batch in engine.run(query, snapshot, NOON)] == [{"n": 3}]
    assert app_logs.values(f"select count(*) as n from {LOGS}", engine=engine) == [(4,)]


def test_an_engine_answers_one_query_after_another_at_any_time(app_logs):
    engine = app_logs.engine()
    sql = f"select count(*) as n from {LOGS}"

    answers = [
        app_logs.values(sql, engine=engine, at=NOON - timedelta(hours=hours)) for hours in (0, 2, 0, 24)
    ]

    assert answers == [[(3,)], [(2,)], [(3,)], [(1,)]]


def test_a_query_is_bound_without_being_run(app_logs):
    engine = app_logs.engine()
    fails = f"select cast(name as integer) from {LOGS}"

    engine.explain(engine.compile(fails, dialect="duckdb", reference=NOON), NOON)

    with pytest.raises(QueryError, match="Could not convert"):
        app_logs.ask(fails)
