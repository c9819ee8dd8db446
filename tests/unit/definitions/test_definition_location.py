import pickle
from pathlib import Path

from runner.definitions.codes import Code
from runner.definitions.location import Location
from runner.errors import DefinitionError, InvalidField


def test_a_location_prints_as_path_line_and_column():
    location = Location(Path("queries") / "logins.yml", 3, 7)

    assert str(location) == "queries/logins.yml:3:7"


def test_locations_are_in_the_order_of_the_page():
    path = Path("a.yml")

    assert sorted([Location(path, 2, 1), Location(path, 1, 9)]) == [
        Location(path, 1, 9),
        Location(path, 2, 1),
    ]


def test_reading_on_moves_a_location_over_lines_and_columns():
    start = Location(Path("a.yml"), 2, 5)

    assert start.after("abc") == Location(Path("a.yml"), 2, 8)
    assert start.after("abc\nde\nf") == Location(Path("a.yml"), 4, 2)


def test_a_located_error_prints_place_code_and_sentence_also_after_a_journey():
    error = InvalidField("the key `Enabled` is missing", Location(Path("a.yml"), 1, 1), Code.MISSING_KEY)

    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(arrived) is InvalidField
    assert str(arrived) == "a.yml:1:1: E102 the key `Enabled` is missing"


def test_an_error_without_a_code_prints_none():
    error = DefinitionError("wrong", Location(Path("a.yml"), 1, 1))

    assert str(error) == "a.yml:1:1: wrong"
