"""The index of the lake: what it finds, what it looks at, and what it survives."""

from __future__ import annotations

import os
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from runner.clock import FrozenClock, SystemClock
from runner.lake.index.footers import FooterState
from runner.lake.index.lake_index import LakeIndex
from runner.lake.windows import WHOLE, Window, microseconds

DAY = datetime(2026, 7, 1, tzinfo=UTC)
TIME = "p_event_time"


def window(start, hours):
    """From some hours after the day's start, for some hours, as the index is asked."""
    low = microseconds(DAY + timedelta(hours=start))
    return (Window(low, low + hours * 3_600_000_000 - 1),)


@pytest.fixture
def table(tmp_path):
    folder = tmp_path / "lake" / "logs" / "app"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def write(table):
    """Write a file with rows at some hours of the day, in place of one that may be there."""

    def write(name, *hours, extra=""):
        path = table / name
        path.parent.mkdir(parents=True, exist_ok=True)
        times = ", ".join(f"(TIMESTAMP '{DAY + timedelta(hours=hour):%Y-%m-%d %H:%M:%S}')" for hour in hours)
        rows = f"SELECT p_event_time{extra} FROM (VALUES {times}) t(p_event_time)"
        duckdb.connect().execute(f"COPY ({rows}) TO '{path}.part' (FORMAT parquet)")
        os.replace(f"{path}.part", path)  # noqa: PTH105  as a writer does
        return path

    return write


@pytest.fixture
def open_index(tmp_path):
    """Open the index as one of many processes does; in a clock's far future, folders have long been settled."""
    opened = []

    def open_index(clock=None, lake="lake"):
        later = FrozenClock(datetime.now(UTC) + timedelta(days=1))
        opened.append(LakeIndex(tmp_path / lake, tmp_path / "index", clock or later))
        return opened[-1]

    yield open_index
    for index in opened:
        index.close()


def names(files):
    return [file.path.name for file in files]


def test_only_the_files_of_a_window_are_named(table, write, open_index):
    write("p_date=2026-07-01/morning.parquet", 3, 5)
    write("p_date=2026-07-01/evening.parquet", 20, 21)
    write("p_date=2026-07-02/next.parquet", 30)

    index = open_index()

    assert names(index.files(table, window(4, 1), column=TIME)) == ["morning.parquet"]
    assert names(index.files(table, window(6, 20), column=TIME)) == ["evening.parquet"]
    assert names(index.files(table, window(6, 2), column=TIME)) == []
    assert names(index.files(table, column=TIME)) == ["evening.parquet", "morning.parquet", "next.parquet"]


def test_both_ends_of_a_window_and_of_a_file_count(table, write, open_index):
    write("a.parquet", 3, 5)
    at = microseconds(DAY + timedelta(hours=5))

    index = open_index()

    assert names(index.files(table, (Window(at, at + 1),), column=TIME)) == ["a.parquet"]
    assert names(index.files(table, (Window(at - 7_200_000_001, at - 7_200_000_000),), column=TIME)) == [
        "a.parquet"
    ]
    assert names(index.files(table, (Window(0, at - 7_200_000_001),), column=TIME)) == []


def test_files_without_folders_and_in_hours_are_found(table, write, open_index):
    write("a.parquet", 3)
    write("region=eu/b.parquet", 3)
    write("p_date=2026-07-01/p_hour=03/c.parquet", 3)
    write("p_date=2026-07-01/p_hour=04/d.parquet", 4)

    assert names(open_index().files(table, window(3, 1), column=TIME)) == [
        "a.parquet",
        "c.parquet",
        "b.parquet",
    ]


def test_unfinished_and_foreign_files_are_no_rows(table, write, open_index):
    write("a.parquet", 1)
    for name in (
        ".b.parquet",
        "_c.parquet",
        "d.parquet.part",
        "e.csv",
        ".staging/f.parquet",
        "_log/g.parquet",
    ):
        (table / name).parent.mkdir(exist_ok=True)
        (table / name).write_bytes(b"half a file")

    assert names(open_index().files(table, column=TIME)) == ["a.parquet"]


def test_what_comes_and_goes_and_changes_is_seen_by_every_process(table, write, open_index):
    first, second = open_index(), open_index()
    write("p_date=2026-07-01/a.parquet", 1)
    write("p_date=2026-07-01/b.parquet", 2)
    before = names(first.files(table, window(0, 24), column=TIME))

    (table / "p_date=2026-07-01/a.parquet").unlink()
    write("p_date=2026-07-01/b.parquet", 9)
    write("p_date=2026-07-01/c.parquet", 3)
    write("p_date=2026-07-02/d.parquet", 25)

    assert before == ["a.parquet", "b.parquet"]
    for index in (second, first, second):
        assert names(index.files(table, window(0, 4), column=TIME)) == ["c.parquet"]
        assert names(index.files(table, window(9, 17), column=TIME)) == ["b.parquet", "d.parquet"]


def test_a_file_that_comes_in_the_same_moment_as_the_look_is_seen_the_next_time(table, write, open_index):
    index = open_index(SystemClock())
    write("a.parquet", 1)
    stands = table.stat().st_mtime_ns
    names(index.files(table, column=TIME))

    write("b.parquet", 1)
    os.utime(table, ns=(stands, stands))  # as on a disk whose clock has not ticked

    assert names(index.files(table, column=TIME)) == ["a.parquet", "b.parquet"]


def test_a_folder_that_did_not_change_is_not_listed_again(table, write, open_index):
    write("a.parquet", 1)
    index = open_index()
    index.files(table, column=TIME)
    stands = table.stat().st_mtime_ns

    (table / "a.parquet").unlink()
    os.utime(table, ns=(stands, stands))

    assert names(index.files(table, column=TIME)) == ["a.parquet"]


def test_a_table_that_went_away_has_no_files(table, write, open_index):
    write("p_date=2026-07-01/a.parquet", 1)
    index = open_index()
    index.files(table, column=TIME)

    shutil.rmtree(table)

    assert index.files(table, column=TIME) == []
    assert index.schema(table) is None or index.files(table, column=TIME) == []


def test_a_damaged_file_is_named_whatever_the_window_is(table, write, open_index):
    bad = table / "bad.parquet"
    bad.write_bytes(b"PAR1 and nothing more")

    (file,) = open_index().files(table, window(5, 1), column=TIME)

    assert (file.path, file.state, file.window) == (bad, FooterState.DAMAGED, WHOLE)


@pytest.mark.parametrize(
    ("type_", "is_known"),
    [
        ("TIMESTAMP", True),
        ("TIMESTAMP WITH TIME ZONE", True),
        ("TIMESTAMP_MS", True),
        ("TIMESTAMP_NS", True),
        ("DATE", True),
        ("VARCHAR", False),
    ],
)
def test_times_of_every_kind_are_read(table, open_index, type_, is_known):
    writer = duckdb.connect()
    writer.execute("SET TimeZone='UTC'")
    writer.execute(
        f"COPY (SELECT CAST(t AS {type_}) AS At FROM (VALUES (TIMESTAMP '2026-07-01'), (TIMESTAMP '2026-07-03')) x(t)) "
        f"TO '{table}/a.parquet' (FORMAT parquet)"
    )

    (file,) = open_index().files(table, column="at", sharp=True)

    known = Window(microseconds(DAY), microseconds(DAY + timedelta(days=2)))
    assert file.window == (known if is_known else WHOLE)


def test_a_table_without_a_time_column_has_all_its_files_in_every_window(table, write, open_index):
    write("a.parquet", 1)

    assert names(open_index().files(table, window(9, 1), column=None)) == ["a.parquet"]


def test_another_time_column_makes_the_files_unread(table, write, open_index):
    write("a.parquet", 1, extra=", p_event_time + INTERVAL 8 HOUR AS seen")
    index = open_index()

    assert names(index.files(table, window(1, 1), column=TIME)) == ["a.parquet"]
    assert names(index.files(table, window(1, 1), column="seen")) == []
    assert names(index.files(table, window(9, 1), column="seen")) == ["a.parquet"]


def test_a_damaged_index_is_made_anew(table, write, open_index, tmp_path):
    write("a.parquet", 1)
    open_index().files(table, column=TIME)
    (tmp_path / "index" / "index.db-wal").unlink(missing_ok=True)
    (tmp_path / "index" / "index.db").write_bytes(b"no database at all" * 1000)

    index = open_index()

    assert names(index.files(table, column=TIME)) == ["a.parquet"]
    assert names(open_index().files(table, column=TIME)) == ["a.parquet"]


def test_an_index_that_nobody_may_write_is_done_without(table, write, open_index, tmp_path):
    write("a.parquet", 1)
    (tmp_path / "index").write_text("a file where the folder should be")

    index = LakeIndex(tmp_path / "lake", tmp_path / "index" / "below", SystemClock())

    assert names(index.files(table, column=TIME)) == ["a.parquet"]
    index.close()


def test_an_index_of_another_version_is_thrown_away(table, write, open_index, tmp_path):
    write("a.parquet", 1)
    (tmp_path / "index").mkdir()
    with sqlite3.connect(tmp_path / "index" / "index.db") as old:
        old.execute("CREATE TABLE file (something TEXT)")
        old.execute("PRAGMA user_version=99")

    assert names(open_index().files(table, column=TIME)) == ["a.parquet"]


# The schema of a table


def columns(path):
    return duckdb.connect().sql(f"FROM read_parquet('{path}')").columns


def test_a_table_without_a_schema_file_gets_one_with_the_columns_of_all_its_files(table, write, open_index):
    write("p_date=2026-07-01/a.parquet", 1, extra=", 1 AS n")
    write("p_date=2026-07-02/b.parquet", 25, extra=", 'x' AS name")
    index = open_index()

    first = index.schema(table)
    before = columns(first)
    write("p_date=2026-07-02/c.parquet", 26, extra=", true AS new")
    index.files(table, window(24, 24), column=TIME)
    second = index.schema(table)

    assert set(before) == {TIME, "n", "name"}
    assert set(columns(second)) == {TIME, "n", "name", "new"}
    assert duckdb.connect().sql(f"FROM read_parquet('{second}')").fetchall() == []


def test_a_damaged_file_does_not_hinder_the_schema(table, write, open_index):
    write("a.parquet", 1, extra=", 1 AS n")
    (table / "b.parquet").write_bytes(b"damaged")
    write("c.parquet", 1, extra=", 2 AS m")

    assert set(columns(open_index().schema(table))) == {TIME, "n", "m"}


def test_the_table_s_own_schema_file_is_taken_as_it_is(table, write, open_index):
    own = write("_schema.parquet", 1)

    assert open_index().schema(table) == own


def test_a_table_without_files_has_no_schema(table, open_index):
    assert open_index().schema(table) is None
