from datetime import date

import pytest

from runner.errors import UnknownLogType
from runner.lake.table import SCHEMA_FILE, TableName, snapshot, tables_of

APP = TableName(database="panther_logs", table="app_logs")
FIRST_OF_JULY = date(2026, 7, 1)


def touch(lake, *paths, table="panther_logs/app_logs"):
    for path in paths:
        file = lake / table / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 10)


def files(lake, until=FIRST_OF_JULY):
    """Return the paths of the files in a snapshot, within the table's folder."""
    folder = lake / "panther_logs" / "app_logs"
    return [str(file.relative_to(folder)) for file in snapshot(lake, [APP], until=until).files[APP]]


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (["panther_logs", "public", "app_logs"], APP),
        (["panther_logs", "app_logs"], APP),
        (["Panther_Logs", "PUBLIC", "App_Logs"], APP),
        (["app_logs"], None),
        (["panther_logs", "private", "app_logs"], None),
        (["a", "panther_logs", "public", "app_logs"], None),
    ],
)
def test_a_table_is_named_with_or_without_the_schema(parts, name):
    assert TableName.of_parts(parts) == name


def test_a_name_is_written_as_panther_does():
    assert APP.qualified == "panther_logs.public.app_logs"


def test_the_tables_are_the_folders_of_the_databases(tmp_path):
    touch(tmp_path, "a.parquet")
    touch(tmp_path, "a.parquet", table="Panther_Signals/Other")
    touch(tmp_path, "a.parquet", table=".trash/old")
    touch(tmp_path, "a.parquet", table="panther_logs/.unfinished")
    (tmp_path / "panther_logs" / "README.md").write_text("no table")

    assert tables_of(tmp_path) == {APP, TableName(database="panther_signals", table="other")}


def test_a_lake_that_is_not_there_has_no_tables(tmp_path):
    assert tables_of(tmp_path / "nowhere") == frozenset()


def test_the_schema_file_comes_first_and_the_rest_in_order(tmp_path):
    touch(
        tmp_path, "p_date=2026-07-01/b.parquet", "p_date=2026-06-30/z.parquet", "p_date=2026-07-01/a.parquet"
    )
    touch(tmp_path, SCHEMA_FILE)

    assert files(tmp_path) == [
        SCHEMA_FILE,
        "p_date=2026-06-30/z.parquet",
        "p_date=2026-07-01/a.parquet",
        "p_date=2026-07-01/b.parquet",
    ]


def test_days_after_the_reference_day_are_left_out(tmp_path):
    touch(
        tmp_path, "p_date=2026-06-30/a.parquet", "p_date=2026-07-01/a.parquet", "p_date=2026-07-02/a.parquet"
    )

    assert files(tmp_path) == ["p_date=2026-06-30/a.parquet", "p_date=2026-07-01/a.parquet"]


def test_hours_within_a_day_are_read(tmp_path):
    touch(tmp_path, "p_date=2026-07-01/p_hour=23/a.parquet", "p_date=2026-07-02/p_hour=00/a.parquet")

    assert files(tmp_path) == ["p_date=2026-07-01/p_hour=23/a.parquet"]


def test_files_without_a_day_are_always_read(tmp_path):
    touch(tmp_path, "a.parquet", "region=eu/b.parquet")

    assert files(tmp_path, until=date(2000, 1, 1)) == ["a.parquet", "region=eu/b.parquet"]


def test_unfinished_and_foreign_files_are_no_rows(tmp_path):
    touch(tmp_path, "p_date=2026-07-01/a.parquet")
    touch(
        tmp_path,
        "p_date=2026-07-01/.b.parquet",
        "p_date=2026-07-01/.tmp-c.parquet.part",
        "p_date=2026-07-01/_SUCCESS",
        "p_date=2026-07-01/_metadata.parquet",
        "p_date=2026-07-01/notes.csv",
        ".staging/d.parquet",
    )

    assert files(tmp_path) == ["p_date=2026-07-01/a.parquet"]


def test_a_table_with_later_days_only_is_represented_by_one_file(tmp_path):
    touch(tmp_path, "p_date=2026-08-02/a.parquet", "p_date=2026-08-01/a.parquet")

    assert files(tmp_path) == ["p_date=2026-08-01/a.parquet"]


def test_a_folder_written_in_another_case_is_the_same_table(tmp_path):
    touch(tmp_path, "a.parquet", table="Panther_Logs/App_Logs")

    (file,) = snapshot(tmp_path, [APP], until=FIRST_OF_JULY).files[APP]

    assert file == tmp_path / "Panther_Logs" / "App_Logs" / "a.parquet"


def test_a_table_without_files_is_unknown_yet(tmp_path):
    (tmp_path / "panther_logs" / "app_logs").mkdir(parents=True)

    with pytest.raises(UnknownLogType, match=r"panther_logs\.public\.app_logs has no files yet"):
        snapshot(tmp_path, [APP], until=FIRST_OF_JULY)


def test_a_table_that_went_away_is_unknown(tmp_path):
    with pytest.raises(UnknownLogType):
        snapshot(tmp_path, [APP], until=FIRST_OF_JULY)


def test_a_snapshot_does_not_change_when_files_come(tmp_path):
    touch(tmp_path, "a.parquet")
    taken = snapshot(tmp_path, [APP], until=FIRST_OF_JULY)

    touch(tmp_path, "b.parquet")

    assert [file.name for file in taken.files[APP]] == ["a.parquet"]


def test_the_size_of_a_snapshot_is_that_of_its_files(tmp_path):
    touch(tmp_path, "a.parquet", "b.parquet")
    taken = snapshot(tmp_path, [APP], until=FIRST_OF_JULY)

    assert taken.size == 20


def test_a_file_that_is_gone_has_no_size(tmp_path):
    touch(tmp_path, "a.parquet", "b.parquet")
    taken = snapshot(tmp_path, [APP], until=FIRST_OF_JULY)

    (tmp_path / "panther_logs" / "app_logs" / "a.parquet").unlink()

    assert taken.size == 10
