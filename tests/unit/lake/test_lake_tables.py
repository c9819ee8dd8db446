import pytest

from runner.lake.table import TableName, folder_of, tables_of

APP = TableName(database="panther_logs", table="app_logs")
USAGE = TableName(database="snowflake", schema="account_usage", table="login_history")


def make_folders(lake, *paths):
    for path in paths:
        (lake / path).mkdir(parents=True)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (["panther_logs", "public", "app_logs"], APP),
        (["panther_logs", "app_logs"], APP),
        (["Panther_Logs", "PUBLIC", "App_Logs"], APP),
        (["SNOWFLAKE", "ACCOUNT_USAGE", "LOGIN_HISTORY"], USAGE),
        (["app_logs"], None),
        (["a", "panther_logs", "public", "app_logs"], None),
    ],
)
def test_a_table_is_named_with_its_schema_or_is_public(parts, name):
    assert TableName.of_parts(parts) == name


def test_a_name_is_written_as_panther_does():
    assert APP.qualified == "panther_logs.public.app_logs"
    assert USAGE.qualified == "snowflake.account_usage.login_history"


def test_the_tables_are_the_folders_of_the_databases(tmp_path):
    make_folders(
        tmp_path, "panther_logs/app_logs", "Panther_Signals/Other", ".trash/old", "panther_logs/.unfinished"
    )
    (tmp_path / "panther_logs" / "README.md").write_text("no table")

    assert tables_of(tmp_path) == {APP, TableName(database="panther_signals", table="other")}


def test_a_schema_other_than_public_stands_behind_a_dot_in_the_folder_s_name(tmp_path):
    make_folders(tmp_path, "snowflake.account_usage/login_history")

    assert tables_of(tmp_path) == {USAGE}
    assert folder_of(tmp_path, USAGE) == tmp_path / "snowflake.account_usage" / "login_history"


def test_a_lake_that_is_not_there_has_no_tables(tmp_path):
    assert tables_of(tmp_path / "nowhere") == frozenset()


def test_a_folder_written_in_another_case_is_the_same_table(tmp_path):
    make_folders(tmp_path, "Panther_Logs/App_Logs")

    assert folder_of(tmp_path, APP) == tmp_path / "Panther_Logs" / "App_Logs"


def test_a_table_that_is_not_there_has_no_folder(tmp_path):
    assert folder_of(tmp_path, APP) is None
