import pyarrow as pa
import pytest

from runner.ingest.inference import Inference
from runner.ingest.schema import JSON


def columns_of(*records):
    inference = Inference()
    inference.look_at(records)
    return {field.name: field.type for field in inference.schema("Custom.Thing").columns}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", None], pa.string()),
        ([1, 2], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([True], pa.bool_()),
        ([1, "a"], JSON),
        ([True, 1], JSON),
        ([{"a": 1}, "a"], JSON),
        ([["a"], []], pa.list_(pa.string())),
        ([[1, "a"]], pa.list_(JSON)),
        ([[{"a": 1}]], pa.list_(pa.struct([("a", pa.int64())]))),
        ([[]], JSON),
        ([{"a": 1, "b": None}, {"a": 2, "c": "x"}], pa.struct([("a", pa.int64()), ("c", pa.string())])),
        ([{}], JSON),
        ([{f"key-{number}": 1} for number in range(20)], JSON),  # keys that are data
        ([{"Name": 1, "name": 2}], JSON),  # SQL cannot tell them apart
        ([{"": 1}], JSON),
    ],
)
def test_a_field_gets_the_type_that_its_values_share(values, kind):
    assert columns_of(*({"field": value} for value in values)) == {"field": kind}


def test_a_field_that_is_always_null_is_left_out():
    assert columns_of({"a": None, "b": 1}) == {"b": pa.int64()}


def test_names_that_are_the_lakes_own_and_twins_are_left_out():
    assert columns_of({"p_row_id": "x", "P_Date": "x", "Name": 1, "name": 2, "": 3}) == {"Name": pa.int64()}


def test_what_is_nested_very_deeply_becomes_json():
    value = "end"
    for _level in range(20):
        value = {"in": value}

    kind = columns_of({"field": value})["field"]

    assert str(kind).count("struct") < 10
