"""A value is the same however it is asked for: by cell, by whole column, or by row."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from thoroughness import examples

from runner.lake.rows import RowBatch, batches_of, conversion

SQL_TYPE = (
    "STRUCT(n BIGINT, t TIMESTAMP, items STRUCT(s VARCHAR, seen TIMESTAMP)[], tags MAP(VARCHAR, BIGINT), "
    "pair BIGINT[2], doc JSON)"
)
ARROW_TYPE = pa.struct(
    [
        ("n", pa.int64()),
        ("t", pa.timestamp("us")),
        ("items", pa.list_(pa.struct([("s", pa.string()), ("seen", pa.timestamp("us"))]))),
        ("tags", pa.map_(pa.string(), pa.int64())),
        ("pair", pa.list_(pa.int64(), 2)),
        ("doc", pa.string()),
    ]
)

numbers = st.integers(min_value=-(2**63), max_value=2**63 - 1)
times = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def maybe(strategy):
    return st.none() | strategy


documents = maybe(
    st.fixed_dictionaries(
        {
            "n": maybe(numbers),
            "t": maybe(times),
            "items": maybe(
                st.lists(maybe(st.fixed_dictionaries({"s": maybe(texts), "seen": maybe(times)})), max_size=3)
            ),
            "tags": maybe(st.dictionaries(texts, maybe(numbers), max_size=3)),
            "pair": maybe(st.lists(maybe(numbers), min_size=2, max_size=2)),
            "doc": maybe(st.sampled_from(["null", "1", '{"a": [null, {}]}', "no json {"])),
        }
    )
)


def expected(value):
    """Say what a rule should see, by the rules written down and not by the code under test."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds")
    if isinstance(value, list):
        return [expected(item) for item in value]
    if isinstance(value, dict):
        seen = {name: read_json(item) if name == "doc" else expected(item) for name, item in value.items()}
        return {name: item for name, item in seen.items() if item is not None}
    return value


def read_json(text):
    return {None: None, "null": None, "1": 1, '{"a": [null, {}]}': {"a": [None, {}]}}.get(text, text)


def batch_of(rows, skip=0, hot=None):
    """Make a batch of one nested column, as a slice that leaves out the first `skip` rows."""
    prepared = [row and {**row, "tags": row["tags"] and list(row["tags"].items())} for row in rows]
    for row in prepared:
        if row and row["tags"] == {}:
            row["tags"] = []
    array = pa.array(prepared, type=ARROW_TYPE)
    batch = pa.record_batch([array, pa.array(range(len(rows)))], names=["Doc", "id"]).slice(skip)
    to_values = [conversion(ARROW_TYPE, duckdb.sqltype(SQL_TYPE)), lambda ids: ids.to_pylist()]
    return RowBatch(batch, to_values, set() if hot is None else hot)


@examples(20)
@given(rows=st.lists(documents, min_size=1, max_size=24), data=st.data())
def test_cells_columns_and_rows_agree(rows, data):
    skip = data.draw(st.integers(min_value=0, max_value=len(rows) - 1))
    wanted = [expected(row) for row in rows[skip:]]
    order = data.draw(st.permutations(range(len(wanted))))

    touched = batch_of(rows, skip)
    whole = batch_of(rows, skip, hot={0, 1})
    by_row = batch_of(rows, skip)

    assert {row: touched.cell("doc", row) for row in order} == dict(enumerate(wanted))
    assert [whole.cell("Doc", row) for row in order] == [wanted[row] for row in order]
    assert whole.columns["Doc"] == wanted
    assert [by_row.row(row) for row in range(len(wanted))] == [
        {"Doc": value, "id": skip + number} for number, value in enumerate(wanted)
    ]
    assert [touched.row(row) for row in order] == [by_row.row(row) for row in order]
    assert touched.rows(order) == whole.rows(order) == [by_row.row(row) for row in order]
    assert batch_of(rows, skip).rows(order[:3]) == [by_row.row(row) for row in order[:3]]


@examples(20)
@given(rows=st.lists(documents, min_size=2, max_size=24), data=st.data())
def test_a_batch_made_shorter_keeps_its_first_rows(rows, data):
    batch = batch_of(rows)

    batch.length = data.draw(st.integers(min_value=1, max_value=len(rows)))

    assert len(batch) == batch.length
    assert [batch.cell("doc", row) for row in range(len(batch))] == [
        expected(row) for row in rows[: len(batch)]
    ]


def numbers_batch(names, rows=100, hot=None):
    columns = [pa.array([index * 1000 + row for row in range(rows)]) for index in range(len(names))]
    batch = pa.record_batch(columns, names=names)
    return RowBatch(batch, [lambda values: values.to_pylist()] * len(names), set() if hot is None else hot)


def test_a_column_touched_now_and_then_is_not_converted_whole():
    batch = numbers_batch(["a"])

    values = [batch.cell("a", row) for row in (3, 50, 99)]

    assert values == [3, 50, 99]
    assert "a" not in batch.columns


def test_a_column_touched_often_is_converted_whole_and_so_is_that_of_the_next_batch():
    hot = set()
    first, second = numbers_batch(["a"], hot=hot), numbers_batch(["a"], hot=hot)

    for row in range(10):
        first.cell("a", row)
    second.cell("a", 0)

    assert first.columns["a"] == list(range(100))
    assert second.columns["a"] == list(range(100))


def test_a_column_is_found_in_any_case_and_the_exact_name_wins():
    batch = numbers_batch(["ID", "id", "Name"])

    assert [batch.cell(name, 1) for name in ("ID", "id", "Id", "NAME")] == [1, 1001, 1, 2001]
    assert batch.index_of("iD") == 0


def test_every_spelling_of_a_column_shares_one_conversion():
    batch = numbers_batch(["Name"], rows=4)

    batch.cell("name", 0)
    batch.cell("NAME", 0)

    assert batch.columns["name"] is batch.columns["NAME"] is batch.columns["Name"]


def test_a_name_that_is_no_column_is_a_key_error_every_time():
    batch = numbers_batch(["a"])

    for _ in range(2):
        with pytest.raises(KeyError, match="b"):
            batch.cell("b", 0)


def test_of_columns_of_one_name_a_row_has_the_first():
    batch = numbers_batch(["a", "b", "a"])

    assert batch.row(5) == {"a": 5, "b": 1005}
    assert batch.cell("a", 5) == 5


def test_empty_batches_are_left_out():
    schema = pa.schema([("a", pa.int64())])
    batches = [pa.record_batch([pa.array(rows, pa.int64())], schema=schema) for rows in ([], [1], [])]

    seen = list(batches_of(pa.RecordBatchReader.from_batches(schema, batches), [duckdb.sqltype("BIGINT")]))

    assert [batch.row(0) for batch in seen] == [{"a": 1}]
