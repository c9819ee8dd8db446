"""A RowEvent is the Event of its row, whichever way its columns were converted."""

import json
from collections.abc import Mapping

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from thoroughness import examples

from runner.detections.event import Event, ImmutableList
from runner.detections.row_event import RowEvent
from runner.lake.rows import RowBatch, conversion

TYPES = {
    "p_row_id": "VARCHAR",
    "User": "STRUCT(name VARCHAR, Age BIGINT, more STRUCT(x VARCHAR, y BIGINT[]))",
    "tags": "VARCHAR[]",
    "doc": "JSON",
    "flag": "BOOLEAN",
    "dup": "BIGINT",
    "DUP": "BIGINT",
    "calls": "STRUCT(api STRUCT(name VARCHAR))[]",
    "maps": "MAP(VARCHAR, BIGINT)",
}
MANY = 64  # rows of a batch: with so many, a column is first read cell by cell, and whole when it is hot


def arrow_type(text):
    reader = duckdb.connect().sql(f"SELECT NULL::{text} AS c").to_arrow_reader(1)
    return reader.schema.field(0).type


ARROW_TYPES = {name: arrow_type(text) for name, text in TYPES.items()}
CONVERSIONS = [conversion(ARROW_TYPES[name], duckdb.sqltype(text)) for name, text in TYPES.items()]


def batch_of(rows):
    arrays = [pa.array([row[name] for row in rows], type_) for name, type_ in ARROW_TYPES.items()]
    batch = pa.RecordBatch.from_arrays(arrays, names=list(TYPES))
    return RowBatch(batch, CONVERSIONS, set())


def as_panther_has_it(row):
    """Write out, independently, what a row means: JSON read, null fields of objects absent."""
    calls, maps = row["calls"], row["maps"]
    read = {
        "User": _object(row["User"], "name", "Age", "more", more=("x", "y")),
        "doc": None if row["doc"] is None else json.loads(row["doc"]),
        "calls": None if calls is None else [_object(call, "api", api=("name",)) for call in calls],
        "maps": None if maps is None else {key: value for key, value in maps if value is not None},
    }
    return {name: read.get(name, row[name]) for name in TYPES}


def _object(value, *fields, **nested):
    if value is None:
        return None
    read = {name: _object(value[name], *nested[name]) if name in nested else value[name] for name in fields}
    return {name: item for name, item in read.items() if item is not None}


words = st.sampled_from(["", "ann", "x", "0"])
numbers = st.integers(-1, 1)
documents = st.recursive(
    st.none() | numbers | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xyXn"), inner, max_size=3),
    max_leaves=6,
)


def nullable(**fields):
    return st.none() | st.fixed_dictionaries({name: st.none() | field for name, field in fields.items()})


rows = st.fixed_dictionaries(
    {
        "p_row_id": st.none() | words,
        "User": nullable(
            name=words, Age=numbers, more=nullable(x=words, y=st.lists(st.none() | numbers, max_size=2))
        ),
        "tags": st.none() | st.lists(st.none() | words, max_size=2),
        "doc": st.none() | documents.map(json.dumps),
        "flag": st.none() | st.booleans(),
        "dup": st.none() | numbers,
        "DUP": st.none() | numbers,
        "calls": st.none() | st.lists(nullable(api=nullable(name=words)), max_size=2),
        "maps": st.none() | st.lists(st.tuples(st.sampled_from("xy"), st.none() | numbers), max_size=1),
    }
)
names = st.sampled_from([*TYPES, "P_ROW_ID", "user", "USER", "Doc", "Dup", "missing", "p_udm", ""])
steps = st.sampled_from(["name", "NAME", "age", "Age", "more", "More", "x", "X", "y", "missing", "api"])
paths = st.tuples(names, st.lists(steps, max_size=3)).map(lambda path: (path[0], *path[1]))
ACCESSES = {
    "get": lambda event, path: event.get(path[0], "default"),
    "item": lambda event, path: event[path[0]],
    "in": lambda event, path: path[0] in event,
    "deep_get": lambda event, path: event.deep_get(*path, default="default"),
    "deep_walk": lambda event, path: event.deep_walk(*path, default="default"),
    "udm": lambda event, path: event.udm(*path, default="default"),
    "iteration": lambda event, _: list(event),
    "items": lambda event, _: dict(event.items()),
    "unpacking": lambda event, _: {**event},
    "length": lambda event, _: len(event),
    "truth": lambda event, _: bool(event),
    "copy": lambda event, _: event.to_dict(),
    "raw": lambda event, _: event.raw_view(),
    "text": lambda event, _: str(event),
    "nested": lambda event, path: event[path[0]].deep_get(*path[1:]),
}
accesses = st.lists(
    st.tuples(st.integers(0, MANY - 1), st.sampled_from(list(ACCESSES)), paths), min_size=1, max_size=40
)


def answer(access, event, path):
    try:
        value = ACCESSES[access](event, path)
    except Exception as error:  # noqa: BLE001  a rule sees the same error, too
        return type(error).__name__, None
    return type(value).__name__, value


@examples(40)
@given(st.lists(rows, min_size=1, max_size=4), accesses, st.sampled_from([1, MANY]))
def test_any_access_answers_as_the_event_of_a_plain_row(some, wanted, length):
    table = [some[number % len(some)] for number in range(max(length, len(some)))]
    batch = batch_of(table)
    expected = [Event(as_panther_has_it(row)) for row in table]

    for place, access, path in wanted:
        row = place % len(table)
        ours, plain = (answer(access, event, path) for event in (RowEvent(batch, row), expected[row]))
        assert ours == plain, (access, path)


@examples(20)
@given(st.lists(rows, min_size=1, max_size=3), paths)
def test_a_path_answers_alike_from_single_cells_from_hot_columns_and_from_the_whole_row(some, path):
    table = [some[number % len(some)] for number in range(MANY)]
    expected = [Event(as_panther_has_it(row)).deep_get(*path) for row in table]

    cold = [RowEvent(batch_of(table), row).deep_get(*path) for row in range(len(some))]
    batch = batch_of(table)
    hot = [RowEvent(batch, row).deep_get(*path) for row in range(MANY)]
    events = [RowEvent(batch, row) for row in range(MANY)]
    whole = [bool(event.raw_view()) and event.deep_get(*path) for event in events]

    assert cold == expected[: len(some)]
    assert hot == expected
    assert whole == expected


@examples(40)
@given(rows, rows)
def test_events_are_equal_as_their_rows_are(one, other):
    events = [RowEvent(batch_of([row]), 0) for row in (one, other)]
    plain = [as_panther_has_it(row) for row in (one, other)]

    assert (events[0] == events[1]) == (plain[0] == plain[1])
    assert events[0] == plain[0]
    assert Event(plain[0]) == events[0]


@pytest.fixture
def event():
    user = {"name": "ann", "Age": 3, "more": None}
    row = {
        "p_row_id": "r",
        "User": user,
        "tags": ["a"],
        "doc": '{"a": [1]}',
        "flag": None,
        "dup": 1,
        "DUP": 2,
        "calls": None,
        "maps": None,
    }
    return RowEvent(batch_of([row]), 0)


@pytest.mark.parametrize("key", [1, None, 1.5, ("a",)], ids=repr)
def test_a_key_that_is_no_text_is_refused_as_panther_does(event, key):
    for access in (
        lambda: event.get(key),
        lambda: event[key],
        lambda: key in event,
        lambda: event.deep_get(key),
    ):
        with pytest.raises(AttributeError):
            access()


def test_a_column_that_is_null_is_there(event):
    assert "flag" in event
    assert event.get("flag", "default") is None


def test_a_null_field_of_an_object_is_absent(event):
    assert "more" not in event["User"]


def test_a_missing_column_is_missing_every_time(event):
    for _ in range(3):
        assert event.get("nothing", "default") == "default"
        assert "nothing" not in event
        with pytest.raises(KeyError, match="nothing"):
            event["nothing"]


def test_of_columns_that_differ_only_by_case_the_exact_one_wins_and_then_the_first(event):
    assert (event["dup"], event["DUP"], event["Dup"]) == (1, 2, 1)


def test_a_default_comes_back_as_it_is(event):
    default = {"a": 1}

    assert event.get("nothing", default) is default
    assert event.deep_get("nothing", "at", "all", default=default) is default


def test_an_event_cannot_be_changed(event):
    with pytest.raises(TypeError):
        event["dup"] = 3
    with pytest.raises(TypeError):
        del event["dup"]
    with pytest.raises(TypeError):
        hash(event)


def test_nested_values_are_read_only_too(event):
    assert isinstance(event["User"], Mapping)
    assert not isinstance(event["User"], dict)
    assert isinstance(event["tags"], ImmutableList)
    assert isinstance(event.deep_get("doc", "a"), ImmutableList)


def test_without_keys_deep_get_is_the_event_itself(event):
    assert event.deep_get() is event
