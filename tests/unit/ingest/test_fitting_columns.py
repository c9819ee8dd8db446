import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.ingest import columns, schema

TEXT, INTEGER, DOUBLE, BOOLEAN = pa.string(), pa.int64(), pa.float64(), pa.bool_()
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "kind", "shown", "fits"),
    [
        ("x", TEXT, "x", True),
        (5, TEXT, "5", False),  # "5" and 5 look alike
        ({"a": 1}, TEXT, '{"a":1}', False),
        (5, INTEGER, 5, True),
        (5.0, INTEGER, 5, True),
        ("5", INTEGER, 5, True),  # AWS writes ports so
        (1.5, INTEGER, None, False),
        (True, INTEGER, None, False),
        ("007", INTEGER, None, False),
        ("-", INTEGER, None, False),
        (2**63, INTEGER, None, False),
        (1.5, DOUBLE, 1.5, True),
        (2, DOUBLE, 2.0, True),
        ("52.5", DOUBLE, 52.5, True),
        (2**53 + 1, DOUBLE, float(2**53), False),
        (True, DOUBLE, None, False),
        ("far", DOUBLE, None, False),
        (True, BOOLEAN, True, True),
        ("false", BOOLEAN, False, True),
        (1, BOOLEAN, None, False),
    ],
)
def test_a_value_that_does_not_fit_is_kept_aside(value, kind, shown, fits):
    fitted = columns.fit([None, value], kind)

    assert fitted.array.to_pylist() == [None, shown]
    assert fitted.misfits == ({} if fits else {1: value})


def test_a_time_is_an_instant_and_what_is_none_is_kept_aside():
    fitted = columns.fit(["2026-01-15T01:00:00+01:00", "soon", None], pa.timestamp("us"))

    assert [str(value) for value in fitted.array] == ["2026-01-15 00:00:00", "None", "None"]
    assert fitted.misfits == {1: "soon"}


def test_unknown_fields_are_kept_in_their_place():
    kind = pa.struct([("who", pa.struct([("name", TEXT)])), ("n", INTEGER)])

    fitted = columns.fit([{"who": {"name": "alex", "age": 3}, "n": 1, "new": [1]}, {"n": 2}], kind)

    assert fitted.array.to_pylist() == [{"who": {"name": "alex"}, "n": 1}, {"who": None, "n": 2}]
    assert fitted.misfits == {0: {"who": {"age": 3}, "new": [1]}}


def test_an_empty_object_differs_from_none():
    kind = pa.struct([("who", pa.struct([("name", TEXT)]))])

    fitted = columns.fit([{"who": {}}, {"who": None}, {}], kind)

    assert fitted.array.to_pylist() == [{"who": {"name": None}}, {"who": None}, {"who": None}]


@pytest.mark.parametrize("value", ["text", 5, [], [1], True])
def test_something_else_in_place_of_an_object_is_kept_aside(value):
    fitted = columns.fit([{"who": value}], pa.struct([("who", pa.struct([("name", TEXT)]))]))

    assert fitted.array.to_pylist() == [{"who": None}]
    assert fitted.misfits == {0: {"who": value}}


@pytest.mark.parametrize("value", ["text", 5, {}, {"a": 1}])
def test_something_else_in_place_of_a_list_is_kept_aside(value):
    fitted = columns.fit([["a"], value, None], pa.list_(TEXT))

    assert fitted.array.to_pylist() == [["a"], None, None]
    assert fitted.misfits == {1: value}


def test_a_list_with_a_misfit_is_kept_aside_whole():
    kind = pa.list_(pa.struct([("id", TEXT)]))

    fitted = columns.fit([[{"id": "a"}], [{"id": "b"}, {"id": "c", "more": 1}], []], kind)

    assert fitted.array.to_pylist() == [[{"id": "a"}], [{"id": "b"}, {"id": "c"}], []]
    assert fitted.misfits == {1: [{"id": "b"}, {"id": "c", "more": 1}]}


def test_json_columns_take_anything():
    fitted = columns.fit([{"b": 1, "a": [None]}, "text", 5, None], schema.JSON)

    assert fitted.array.to_pylist() == ['{"b":1,"a":[null]}', '"text"', "5", None]
    assert fitted.misfits == {}


@given(st.lists(st.dictionaries(st.sampled_from("abcdx"), JSON_VALUES, max_size=4), max_size=4))
def test_nothing_of_a_record_is_lost(records):
    kind = pa.struct(
        [
            ("a", TEXT),
            ("b", INTEGER),
            ("c", pa.list_(DOUBLE)),
            ("d", pa.struct([("a", BOOLEAN), ("b", TEXT)])),
        ]
    )

    fitted = columns.fit(records, kind)

    for row, (record, shown) in enumerate(zip(records, fitted.array.to_pylist(), strict=True)):
        assert keeps(record, shown, fitted.misfits.get(row))


def keeps(value, shown, aside):
    """Whether a value can be told from what a column shows and what is kept aside."""
    if value is None or aside == value:
        return True
    if isinstance(value, dict) and isinstance(shown, dict):
        rest = aside if isinstance(aside, dict) else {}
        return all(keeps(inner, shown.get(name), rest.get(name)) for name, inner in value.items())
    if isinstance(value, list) and isinstance(shown, list):
        return len(value) == len(shown) and all(map(keeps, value, shown, [None] * len(value)))
    return value == shown or str(value).lower() == str(shown).lower() or float(value) == shown
