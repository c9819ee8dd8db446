"""What `event.udm` makes of a data model."""

from pathlib import Path

import pytest
from jsonpath_ng.ext import parse

from runner.definitions.data_model import DataModel, FieldMapping
from runner.definitions.json_path import compiled
from runner.definitions.location import Location
from runner.definitions.python_source import PythonSource
from runner.detections.data_model import LoadedDataModel
from runner.detections.event import (
    AmbiguousPathError,
    Event,
    ImmutableCaseInsensitiveDict,
    ImmutableList,
    PantherError,
)
from runner.detections.json_path import JsonPath
from runner.detections.loading import Namespace
from runner.errors import DetectionError

HERE = Location(Path("model.yml"))


def event(row, methods=None, **paths):
    return Event(row, LoadedDataModel("A.Model", paths=paths, methods=methods or {}))


@pytest.mark.parametrize(
    ("path", "row", "value", "found_at"),
    [
        ("a", {"a": 1}, 1, "a"),
        ("$.a.b", {"a": {"b": 0}}, 0, "a.b"),
        ("a.b-c", {"a": {"b-c": ""}}, "", "a.b-c"),
        ("a.b", {"a": {"b": None}}, None, "a.b"),
        ("a.b", {"A": {"b": 1}}, "d", None),  # the case of keys counts
        ("a.b", {"a": [{"b": 1}]}, "d", None),  # no list is entered by a name
        ("a[0].b", {"a": [{"b": 1}, {"b": 2}]}, 1, "a.[0].b"),
        ("a[*].b", {"a": [{"b": 1}, {"c": 2}]}, 1, "a.[0].b"),
        ("$.a[?(@.k == 'v')].w", {"a": [{"k": "u", "w": 1}, {"k": "v", "w": 2}]}, 2, "a.[1].w"),
        ("'a.b'", {"a.b": 7}, 7, "a.b"),
        ('$.a."x y"', {"a": {"x y": 3}}, 3, "a.x y"),
        ("$..b", {"a": {"b": 1}}, 1, "a.b"),
    ],
)
def test_a_path_leads_to_one_value(path, row, value, found_at):
    asked = event(row, name=path)

    assert (asked.udm("name", default="d"), asked.udm_path("name")) == (value, found_at)


def test_a_path_that_leads_to_several_values_is_an_error():
    with pytest.raises(AmbiguousPathError, match="matched multiple fields"):
        event({"a": [{"b": 1}, {"b": 2}]}, name="a[*].b").udm("name")


def test_a_path_that_is_none_is_an_error_when_it_is_followed():
    path = JsonPath("a[")

    with pytest.raises(ValueError, match=r"'a\[' cannot be followed: not JSONPath"):
        path.find({})


def test_what_a_mapping_finds_is_read_only():
    asked = event({"a": {"B": [1]}}, {"made": lambda _: {"C": 1}}, name="a")

    assert type(asked.udm("name")) is ImmutableCaseInsensitiveDict
    assert type(asked.udm("name")["b"]) is ImmutableList
    assert asked.udm("made")["c"] == 1


def test_a_method_gets_the_event_without_its_data_model():
    seen = []

    value = event({"A": 1}, {"kind": lambda given: seen.append(given) or "found"}).udm("kind")

    assert value == "found"
    assert type(seen[0]) is ImmutableCaseInsensitiveDict
    assert seen[0]["a"] == 1
    assert not hasattr(seen[0], "udm")


def test_a_method_that_raises_raises_in_the_rule():
    with pytest.raises(KeyError):
        event({}, {"kind": lambda given: given["nothing"]}).udm("kind")


def test_a_name_that_has_both_asks_the_method_where_the_path_finds_nothing():
    asked = [event(row, {"name": lambda _: "of method"}, name="a").udm("name") for row in ({"a": 1}, {})]

    assert asked == [1, "of method"]


def test_the_path_of_a_method_is_its_name():
    def kind_of(_):
        return 1

    assert event({}, {"kind": kind_of}).udm_path("kind") == "kind_of"
    assert event({}).udm_path("unmapped") is None


@pytest.mark.parametrize("names", [("zero",), ("name", "b")])
def test_what_is_not_a_mapped_name_is_looked_for_in_p_udm_and_then_in_the_event(names):
    outer = {names[0]: "outer" if len(names) == 1 else {"b": "outer"}}

    assert event({**outer, "p_udm": {names[0]: {"b": "inner"} if len(names) > 1 else "inner"}}, name="a").udm(
        *names
    ) == ("inner")
    assert event(outer, name="a").udm(*names) == "outer"
    assert event({}, name="a").udm(*names, default="d") == "d"


def test_without_a_data_model_there_is_no_path():
    with pytest.raises(PantherError):
        Event({}).udm_path("name")


def model(*mappings, text=None):
    return DataModel(
        model_id="A.Model",
        enabled=True,
        log_types=("A.Log",),
        mappings=tuple(FieldMapping(**mapping) for mapping in mappings),
        location=HERE,
        python=None if text is None else PythonSource(Path("model.py"), text),
    )


def test_a_models_methods_are_those_of_its_python():
    mappings = ({"name": "a", "path": "x"}, {"name": "b", "method": "of_b"})

    loaded = Namespace({}).load_data_model(
        model(*mappings, text="def of_b(event):\n    return event['x'] + 1\n")
    )

    assert [Event({"x": 1}, loaded).udm(name) for name in ("a", "b")] == [1, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [("x = 1\n", "does not define of_b"), ("1 / 0\n", "division by zero"), (None, "does not define of_b")],
)
def test_a_model_whose_method_is_not_there_cannot_be_loaded(text, said):
    with pytest.raises(DetectionError, match=said):
        Namespace({}).load_data_model(model({"name": "b", "method": "of_b"}, text=text))


LOG = {
    "a": {"b": 1},
    "a.b": 2,
    "list": [5, 6],
    "of": [{"n": "x", "v": 1}, {"n": "y", "v": 2}],
    "s": "q-r-t",
    "1x": 3,
}


@pytest.mark.parametrize(
    "path",
    [
        "a.b",
        "$['a.b']",
        '"1x"',
        "list[*]",
        "list[-1]",
        "list[0:1]",
        "of[*].n",
        "$.of[?(@.n == 'x')].v",
        "$.of[?(@.v > 1 & @.n == 'y')].n",
        "$..v",
        "a.*",
        "list.`len`",
        "s.`split(-, 1, -1)`",
        "a|list",
        "nothing[0].here",
    ],
)
def test_a_table_made_once_compiles_every_path_as_the_library_does_by_itself(path):
    with pytest.raises(ValueError, match="JSONPath"):
        compiled("a[")  # which leaves nothing behind

    found = compiled(path).find(LOG)

    expected = parse(path).find(LOG)
    assert [(one.value, str(one.full_path)) for one in found] == [
        (one.value, str(one.full_path)) for one in expected
    ]
