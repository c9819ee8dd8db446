"""The texts that records have in one of their fields, however deep, each with the row of its record.

They are taken from the columns that the records were fitted into. A field whose column is of another type, and
a record of which something did not fit there, are looked up in the records themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.ingest.fitted_records import FittedRecords
    from runner.ingest.formats import Record
    from runner.ingest.schema import FieldPath

ROW = pa.int64()


class FieldTexts(NamedTuple):
    """Texts and, for each of them, the row that it stands in."""

    rows: pa.Array
    texts: pa.Array


def texts_at(path: FieldPath, fitted: FittedRecords) -> FieldTexts:
    """Return the texts at a path; a path may lead through lists."""
    found = _of_columns(fitted, path)
    if found is None:
        return _of_records(fitted.records, path)
    odd = fitted.misfits_of(path[0])
    if not odd:
        return found
    even = pc.invert(pc.is_in(found.rows, pa.array(odd, ROW)))
    others = _of_records({row: fitted.records[row] for row in odd}, path)
    return FieldTexts(
        pa.concat_arrays([found.rows.filter(even), others.rows]),
        pa.concat_arrays([found.texts.filter(even), others.texts]),
    )


def _of_columns(fitted: FittedRecords, path: FieldPath) -> FieldTexts | None:
    values = fitted.columns.get(path[0])
    if values is None:
        return None
    on_the_way = 0
    for name in path[1:]:
        on_the_way = _depth(values.type)
        values = _field(values, name)
        if values is None:
            return None
    if _depth(values.type) > on_the_way + 1:  # lists of lists are no texts
        return None
    if _leaf(values.type) != pa.string():
        return None
    rows: pa.Array | None = None
    while pa.types.is_list(values.type):
        rows, values = _elements(rows, values)
    return _present(rows, values)


def _depth(kind: pa.DataType) -> int:
    """Return how many lists stand around the values of a column."""
    return 1 + _depth(kind.value_type) if pa.types.is_list(kind) else 0


def _leaf(kind: pa.DataType) -> pa.DataType:
    """Return what is in the innermost lists of a column."""
    return _leaf(kind.value_type) if pa.types.is_list(kind) else kind


def _field(values: pa.Array, name: str) -> pa.Array | None:
    """Return a field of objects, in the lists that the objects are in; None if there are no such objects.

    Only the field is taken out of the lists later: Arrow cannot do so with an object that has JSON in it.
    """
    if pa.types.is_list(values.type):
        inner = _field(values.values, name)
        if inner is None:
            return None
        return pa.ListArray.from_arrays(values.offsets, inner, mask=values.is_null())
    place = values.type.get_field_index(name) if pa.types.is_struct(values.type) else -1
    return None if place < 0 else pc.struct_field(values, [place])


def _elements(rows: pa.Array | None, lists: pa.ListArray) -> tuple[pa.Array, pa.Array]:
    parents = pc.list_parent_indices(lists)
    return parents if rows is None else rows.take(parents), lists.flatten()


def _present(rows: pa.Array | None, texts: pa.Array) -> FieldTexts:
    if texts.null_count == len(texts):
        return FieldTexts(pa.array([], ROW), texts.slice(0, 0))
    if rows is None:
        rows = pa.array(range(len(texts)), ROW)
    return FieldTexts(rows.filter(texts.is_valid()), texts.drop_null())


def _of_records(records: Mapping[int, Record], path: FieldPath) -> FieldTexts:
    pairs = [(row, text) for row, record in records.items() for text in _texts(record, path)]
    return FieldTexts(
        pa.array([row for row, _ in pairs], ROW), pa.array([text for _, text in pairs], pa.string())
    )


def _texts(value: Any, path: FieldPath) -> Iterator[str]:
    if not path:
        yield from (text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str))
    elif isinstance(value, dict):
        yield from _texts(value.get(path[0]), path[1:])
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, path)
