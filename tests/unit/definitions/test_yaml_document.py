import math
from pathlib import Path

import pytest

from runner.definitions.codes import Code
from runner.definitions.location import Location
from runner.definitions.yaml_document import YamlDocument
from runner.errors import UnreadableDefinition

PATH = Path("a.yml")


def read(text):
    return YamlDocument(text, PATH)


def at(line, column):
    return Location(PATH, line, column)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("on", "on"),  # a truth value in YAML 1.1 only, like the next five
        ("off", "off"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("y", "y"),
        ("N", "N"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),  # neither all upper, nor all lower, nor title case
        ("0644", 644),  # octal in YAML 1.1
        ("01234567", 1234567),
        ("089", "089"),  # no octal number, so YAML 1.1 takes it for a text, and Panther kept that
        ("012345678901", "012345678901"),  # an account number, as the one before
        ("1:30:00", "1:30:00"),  # base 60 in YAML 1.1
        ("1:30.5", 90.5),  # a fraction counted by sixties, which Panther kept too
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("2024-01-01 00:00:00", "2024-01-01 00:00:00"),
        ("1_000", 1000),
        ("0x1F", 31),
        ("-0x1f", -31),
        ("0b11", 3),
        ("+7", 7),
        ("-7", -7),
        ("0", 0),
        ("0x", "0x"),
        ("_1", "_1"),
        ("1e3", "1e3"),  # no dot
        ("1.5", 1.5),
        ("-.5", "-.5"),
        ("1.5e+3", 1500.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        (".", "."),
        ("~", None),
        ("null", None),
        ("", None),
        ("'0644'", "0644"),
        ('"true"', "true"),
        ("=", "="),
        ("<<", "<<"),  # as a value it is only a text
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("192.0.2.1", "192.0.2.1"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_plain_values_are_read_as_panther_reads_them(written, expected):
    value = read(f"key: {written}\n").value["key"]

    assert value == expected
    assert type(value) is type(expected)


def test_not_a_number_is_a_number():
    assert math.isnan(read("key: .nan").value["key"])


@pytest.mark.parametrize("key", ["on", "On", "yes", "no", "2024-01-01"])
def test_keys_that_yaml_1_1_would_turn_into_something_else_stay_texts(key):
    assert read(f"{key}: 1\n").value == {key: 1}


def test_anchors_aliases_and_merges_are_followed_and_own_keys_count_first():
    document = read(
        "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\nall:\n  <<: [*base, *more]\n  a: 0\nsame: *base\n"
    )

    assert document.value["all"] == {"a": 0, "b": 2, "c": 4}
    assert document.value["same"] == {"a": 1, "b": 2}


def test_an_alias_gives_a_value_of_its_own():
    document = read("a: &a [1]\nb: *a\n")

    document.value["a"].append(2)

    assert document.value["b"] == [1]


def test_every_key_and_value_has_its_place():
    document = read("Schedule:\n  RateMinutes:  30\nTags:\n  - one\n  - two\n")

    assert document.key_position(("Schedule", "RateMinutes")) == at(2, 3)
    assert document.position(("Schedule", "RateMinutes")) == at(2, 17)
    assert document.position(("Tags", 1)) == at(5, 5)


def test_a_merged_key_stands_where_it_was_written():
    document = read("base: &base\n  a: 1\nall:\n  <<: *base\n")

    assert document.key_position(("all", "a")) == at(2, 3)


def test_a_part_that_is_missing_is_placed_at_what_would_hold_it():
    document = read("Schedule:\n  RateMinutes: 30\n")

    assert document.position(("Schedule", "TimeoutMinutes")) == at(2, 3)
    assert document.position(("Nothing", 3)) == at(1, 1)


def test_columns_count_characters_and_not_bytes():
    document = read("{ä: ü, b: 1}")

    assert document.key_position(("b",)) == at(1, 8)


def test_lines_are_counted_alike_with_windows_line_ends():
    document = read("a: 1\r\nb: |\r\n  text\r\nc: 2\r\n")

    assert document.key_position(("c",)) == at(4, 1)
    assert document.written(("b",))[0] == at(3, 3)


def test_all_repeated_keys_are_named_and_the_last_counts():
    document = read("a: 1\na: 2\nb: {c: 1, c: 2}\n")

    assert document.value == {"a": 2, "b": {"c": 2}}
    assert document.position(("b", "c")) == at(3, 14)
    assert [(notice.location, notice.code) for notice in document.repeated_keys] == [
        (at(2, 1), Code.REPEATED_KEY),
        (at(3, 11), Code.REPEATED_KEY),
    ]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_document_is_nothing(text):
    assert read(text).value is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,  # would crash libyaml's composer
        "- " * 5_000 + "a",
        "".join(" " * depth + "a:\n" for depth in range(2_500)),
        "a: " + "[" * 150 + "]" * 150,
    ],
)
def test_deep_nesting_is_refused_and_not_followed(text):
    with pytest.raises(UnreadableDefinition, match="more than 100 deep"):
        read(text)


def test_a_number_of_thousands_of_digits_is_refused_at_its_place():
    with pytest.raises(UnreadableDefinition, match="cannot be read as !!int") as caught:
        read("key: " + "9" * 5_000)

    assert caught.value.location == at(1, 6)
