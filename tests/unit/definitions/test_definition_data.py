from pathlib import Path

import pytest

from runner.definitions.catalogue import read_catalogue
from runner.definitions.codes import Code
from runner.definitions.kind import Kind

DATA = Path(__file__).parents[2] / "data"
TITLES = {code.title: code for code in Code}


def folders(name):
    return [pytest.param(folder, id=folder.name) for folder in sorted((DATA / name).iterdir())]


def expected_lines(folder):
    return (folder / "expected.txt").read_text().splitlines()


@pytest.mark.parametrize("folder", folders("invalid"))
def test_each_folder_of_wrong_definitions_has_exactly_the_expected_errors(folder):
    expected = expected_lines(folder)

    catalogue = read_catalogue(folder)

    assert [str(error) for error in catalogue.errors] == expected


@pytest.mark.parametrize("folder", folders("invalid"))
def test_each_folder_of_wrong_definitions_shows_the_error_it_is_named_after(folder):
    code = TITLES[folder.name]

    catalogue = read_catalogue(folder)

    assert code in [error.code for error in catalogue.errors]


@pytest.mark.parametrize("folder", folders("valid"))
def test_each_folder_of_sound_definitions_has_no_error_and_the_expected_warnings(folder):
    expected = expected_lines(folder)

    catalogue = read_catalogue(folder)

    assert catalogue.errors == ()
    assert [str(warning) for warning in catalogue.warnings] == expected


@pytest.mark.parametrize("folder", [name for name in folders("strict") if name.id != "unqualified-table"])
def test_each_folder_of_definitions_that_only_we_accept_shows_what_panther_refuses(folder):
    expected = expected_lines(folder)

    catalogue = read_catalogue(folder)

    assert catalogue.errors == ()
    assert [str(error) for error in catalogue.refused] == expected


def test_every_code_has_a_folder_that_shows_it():
    needs_a_lake = {
        Code.REFUSED_SQL,
        Code.UNKNOWN_TABLE,
        Code.UNBOUND_SQL,
        Code.VOLATILE_SQL,
        Code.TIMELESS_TABLE,
        Code.APPROXIMATE_SQL,
        Code.UNWATCHED_TIME,
        Code.UNBOUNDED_TABLE,
    }
    without_a_folder = {  # the first needs a file that cannot be opened, so it is made by a test
        Code.UNREADABLE_FILE,
        Code.NO_LONGER_A_DEFINITION,
        Code.UNKNOWN_DESTINATION,  # needs a setting
        Code.UNSENT_RESULT,  # so does this
        *needs_a_lake,
    }

    shown = {TITLES[folder.name] for folder in (DATA / "invalid").iterdir()}
    shown |= {TITLES[folder.name] for folder in (DATA / "strict").iterdir()}
    shown |= {TITLES[folder.name] for folder in (DATA / "valid").iterdir() if folder.name in TITLES}

    assert shown == set(Code) - without_a_folder


def test_every_kind_is_counted_and_read():
    catalogue = read_catalogue(DATA / "valid" / "every-type")

    assert set(catalogue.counts) == set(Kind)
    assert [
        len(definitions)
        for definitions in (
            catalogue.queries,
            catalogue.rules,
            catalogue.helpers,
            catalogue.stream_rules,
            catalogue.policies,
            catalogue.data_models,
            catalogue.saved_queries,
            catalogue.lookup_tables,
            catalogue.correlation_rules,
            catalogue.packs,
        )
    ] == [1, 1, 1, 3, 1, 1, 1, 3, 2, 1]
