"""Whose fault it is, and what is said."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from runner.errors import (
    OutOfMemory,
    QueryError,
    QueryTimeout,
    RefusedQuery,
    Remark,
    UnknownColumn,
    UnreadableLake,
)

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LOGS = "panther_logs.public.app_logs"


def error_of(lake, sql, **how):
    with pytest.raises(QueryError) as raised:
        lake.ask(sql, **how)
    return raised.value


def test_every_unknown_column_is_told_with_its_place(standing_logs):
    error = error_of(standing_logs, f"select nam,\n  x.id from {LOGS}")

    assert type(error) is UnknownColumn
    assert error.remarks == (
        Remark(line=1, column=8, message="there is no column nam: did you mean name?"),
        Remark(line=2, column=3, message="there is no table or column x here"),
    )
    assert not error.transient


def test_a_division_by_zero_is_an_error(standing_logs):
    error = error_of(standing_logs, f"select 1 / (id - 1) as x from {LOGS}")

    assert str(error).startswith("Division by zero in expression")
    assert "SET" not in str(error)


def test_a_value_that_cannot_be_cast_is_an_error(standing_logs):
    error = error_of(standing_logs, f"select name::int as x from {LOGS}")

    assert "Could not convert string 'ann' to INT32" in str(error)


def test_an_error_in_mid_stream_is_the_same_error(lake):
    """By then, rows were handed over; the error comes through Arrow, and must not look like one of the disk."""
    lake.write("SELECT i AS id FROM range(2_000_000) t(i)", part="a.parquet")

    batches = lake.batches(f"select 1 / (id - 1_900_000) as x from {LOGS}")

    assert len(next(batches)) > 0
    with pytest.raises(QueryError, match="Division by zero") as raised:
        list(batches)
    assert type(raised.value) is QueryError


@pytest.mark.parametrize("dialect", ["duckdb", "snowflake", "trino"])
def test_text_that_is_no_sql_is_located(standing_logs, dialect):
    error = error_of(standing_logs, f"select name\nfrom {LOGS}\nwhere and", dialect=dialect)

    assert isinstance(error, RefusedQuery)
    assert (error.line, error.column) == (3, 7)


def test_a_function_that_is_not_there_is_told_with_a_suggestion(standing_logs):
    error = error_of(standing_logs, f"select levenshtien(name, 'x') as x from {LOGS}")

    assert str(error).endswith("did you mean levenshtein()?")


def test_a_file_cut_in_half_is_named(app_logs):
    bad = app_logs.write("SELECT i AS id FROM range(1000) t(i)", part="p_date=2026-06-01/cut.parquet")
    bad.write_bytes(bad.read_bytes()[: bad.stat().st_size // 2])

    error = error_of(app_logs, f"select id from {LOGS}")

    assert isinstance(error, UnreadableLake)
    assert str(bad) in str(error)
    assert error.transient


def test_a_file_with_a_damaged_footer_is_named(app_logs):
    bad = app_logs.write("SELECT i AS id FROM range(1000) t(i)", part="p_date=2026-06-01/footer.parquet")
    content = bad.read_bytes()
    length = int.from_bytes(content[-8:-4], "little")
    bad.write_bytes(content[: -8 - length] + bytes(length) + content[-8:])

    error = error_of(app_logs, f"select id from {LOGS}")

    assert isinstance(error, UnreadableLake)
    assert str(bad) in str(error)


def test_a_file_with_damaged_rows_is_named(app_logs):
    rows = "SELECT 'text ' || i AS name, TIMESTAMP '2026-06-01' AS p_event_time FROM range(5000) t(i)"
    bad = app_logs.write(rows, part="p_date=2026-06-01/rows.parquet")
    content = bytearray(bad.read_bytes())
    content[200:300] = bytes(100)
    bad.write_bytes(content)

    error = error_of(app_logs, f"select name from {LOGS}")

    assert isinstance(error, UnreadableLake)
    assert str(bad) in str(error)


def test_a_file_that_is_no_parquet_is_named(app_logs):
    bad = app_logs.folder / "panther_logs/app_logs/z.parquet"
    bad.write_text("hello")

    error = error_of(app_logs, f"select id from {LOGS}")

    assert isinstance(error, UnreadableLake)
    assert str(bad) in str(error)


def test_a_file_that_goes_away_after_the_snapshot_is_done_without(app_logs):
    gone = app_logs.write("SELECT 4 AS id, TIMESTAMP '2026-07-01' AS p_event_time", part="gone.parquet")
    engine = app_logs.engine()
    query = engine.compile(f"select id from {LOGS}", dialect="duckdb", reference=NOON)
    snapshot = engine.snapshot(query, NOON)
    gone.unlink()

    batches = list(engine.run(query, snapshot, NOON))

    assert [batch.row(row)["id"] for batch in batches for row in range(len(batch))] == [1, 2, 3]


def test_a_link_that_leads_out_of_the_lake_is_not_followed(app_logs, tmp_path):
    outside = tmp_path / "outside.parquet"
    (app_logs.folder / "panther_logs/app_logs/a.parquet").rename(outside)
    (app_logs.folder / "panther_logs/app_logs/b.parquet").symlink_to(outside)

    error = error_of(app_logs, f"select id from {LOGS}")

    assert "b.parquet" in str(error)


def test_too_much_memory_is_told_apart(lake):
    lake.write("SELECT 1 AS id", part="a.parquet")

    error = error_of(
        lake,
        f"select list(repeat('x', 1000) || r) as all_of_it from {LOGS}, range(1_000_000) t(r)",
        engine=lake.engine(memory=40_000_000),
    )

    assert isinstance(error, OutOfMemory)
    assert error.transient


def test_an_engine_works_on_after_running_out_of_memory(app_logs):
    engine = app_logs.engine(memory=40_000_000)
    error_of(app_logs, "select list(repeat('x', 1000) || r) as a from range(1_000_000) t(r)", engine=engine)

    assert app_logs.values(f"select count(*) as n from {LOGS}", engine=engine) == [(3,)]


ENDLESS = "select sum(a.range * b.range) as s from range(1_000_000) a, range(1_000_000) b"
ENDLESS_STREAM = "select a.range as x from range(1_000_000) a, range(1_000_000) b where a.range = 1"


@pytest.mark.parametrize("sql", [ENDLESS, ENDLESS_STREAM])
def test_an_interrupted_query_is_a_timeout_and_the_engine_works_on(app_logs, sql):
    engine = app_logs.engine()
    timer = threading.Timer(0.2, engine.interrupt)
    timer.start()

    error = error_of(app_logs, sql, engine=engine)
    timer.join()

    assert isinstance(error, QueryTimeout)
    assert error.transient
    assert app_logs.values(f"select count(*) as n from {LOGS}", engine=engine) == [(3,)]


def test_a_result_that_is_not_read_to_its_end_does_not_block_the_next(lake):
    lake.write("SELECT i AS id FROM range(100_000) t(i)", part="a.parquet")
    engine = lake.engine()

    batches = lake.batches(f"select id from {LOGS}", engine=engine)
    next(batches)
    batches.close()

    assert lake.values(f"select count(*) as n from {LOGS}", engine=engine) == [(100_000,)]


def test_what_does_not_fit_is_spilled_and_the_spill_is_cleaned(lake):
    """A sort of more than 50 MB within 40 MB; the files are seen while it runs, and gone when it is done."""
    lake.write("SELECT i AS id FROM range(600_000) t(i)", part="a.parquet")
    engine = lake.engine(memory=40_000_000)
    sql = f"select id, md5(id::varchar) || md5((id + 1)::varchar) as h from {LOGS} order by h"

    batches = lake.batches(sql, engine=engine)
    next(batches)
    spilled = sum(file.stat().st_size for file in lake.spill.rglob("*") if file.is_file())
    batches.close()
    engine.close()

    assert spilled > 1_000_000
    assert [file for file in lake.spill.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize(
    "sql",
    [
        f"select nam from {LOGS}",
        f"select name::int as x from {LOGS}",
        f"select 1 / (id - 1) as x from {LOGS}",
        f"select upper(name, 1) as x from {LOGS}",
        f"select id from {LOGS} group by name",
        f"select sum(name) as x from {LOGS}",
        "select 'x'::inet as x",
        "select [1][[1]] as x",
        f"select id from {LOGS} where (select id from {LOGS}) = 1",
        "select regexp_matches('a', '(') as x",
        "select '{'::json as x",
        "select strptime('x', '%Y') as x",
        "select 'x'::timestamp as x",
        "select repeat('x', 10_000_000_000) as x",
        "select 9223372036854775807 + 1 as x",
    ],
)
def test_no_message_shows_the_inside_of_a_library(standing_logs, sql):
    said = str(error_of(standing_logs, sql))

    assert said
    assert "\n" not in said
    assert "LINE" not in said
    assert not any(
        inside in said for inside in (" Error:", "Exception", "INTERNAL", "sqlglot", "pyarrow", "<class")
    )
