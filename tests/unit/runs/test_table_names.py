from pathlib import Path

from runner.definitions.catalogue import read_catalogue
from runner.runs.table_check import unqualified_tables

FOLDER = Path(__file__).parents[2] / "data" / "strict" / "unqualified-table"


def faults_of(folder, allowed=()):
    return [str(error) for error in unqualified_tables(read_catalogue(folder).queries.values(), allowed)]


def test_tables_without_database_and_public_are_told_and_common_table_expressions_are_not():
    faults = faults_of(FOLDER)

    assert faults == [
        "query.yml:5:3: E403 Panther's tool wants database.public.table, found panther_logs.okta_users",
        "query.yml:5:3: E403 Panther's tool wants database.public.table, found our_own.tables.everywhere",
        "query.yml:5:3: E403 Panther's tool wants database.public.table, found okta_systemlog",
    ]


def test_names_that_match_a_pattern_will_do():
    faults = faults_of(FOLDER, ["our_own.*", "okta_*"])

    assert [fault.rpartition(" ")[2] for fault in faults] == ["panther_logs.okta_users"]


def test_sql_that_cannot_be_read_is_passed_over(tmp_path):
    text = (FOLDER / "query.yml").read_text()
    (tmp_path / "query.yml").write_text(text.replace("SELECT *\n", "SELECT ((\n"))

    assert faults_of(tmp_path) == []
