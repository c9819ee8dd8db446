"""Rows as they come from the lake: Arrow batches whose columns become Panther's values when asked for.

Panther hands values to rules as JSON would: timestamps as text (`2026-01-01 00:00:00.000`, UTC), decimals
as numbers, nested values as dict and list. A NULL column is None; a NULL field inside an object is absent.
Types that have no such value were cast before they came here (`runner.lake.plain_types`).
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from runner.lake.plain_types import children_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from duckdb.sqltypes import DuckDBPyType

    ToValues = Callable[[pa.Array], list[Any]]
    """An Arrow array → its values, in order."""

_TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S"  # on milliseconds, Arrow adds `.fff` to the seconds
_HOT = 32
"""A column is converted whole once one cell in this many was asked for."""


class RowBatch:
    """Some rows of one result, in columns.

    A cell that is touched now and then is converted alone; a column that many rows touch is converted
    whole, and so are the same columns of the batches that follow (`hot`, shared by one result).
    """

    __slots__ = (
        "_arrays",
        "_conversions",
        "_hot",
        "_places",
        "_touched",
        "_whole_after",
        "columns",
        "leaves",
        "length",
        "names",
    )

    def __init__(
        self, batch: pa.RecordBatch, conversions: Sequence[ToValues], hot: set[int | tuple[str, ...]]
    ) -> None:
        self.names: tuple[str, ...] = tuple(batch.schema.names)
        self.length: int = batch.num_rows
        self.columns: dict[str, list[Any] | None] = {}
        """Whole columns by name in any spelling met so far; None for a name that is no column."""
        self.leaves: dict[tuple[str, ...], list[Any] | None] = {}
        """The values of one field within objects, by path in any spelling met so far; None: to be walked."""
        self._arrays = batch.columns
        self._conversions = conversions
        self._hot = hot
        self._places: dict[str, int | None] = {}
        self._touched: dict[int | tuple[str, ...], int] = {}
        self._whole_after = self.length // _HOT

    def __len__(self) -> int:
        return self.length

    def index_of(self, name: str) -> int | None:
        """Return the position of a column: the exact name first, then the first in any case."""
        try:
            return self._places[name]
        except KeyError:
            place = self._places[name] = _place_of(name, self.names)
            return place

    def cell(self, name: str, row: int) -> Any:
        """Return one value. Raises `KeyError` for a name that is no column."""
        try:
            values = self.columns[name]
        except KeyError:
            return self._first_touch(name, row)
        if values is None:
            raise KeyError(name)
        return values[row]

    def row(self, row: int) -> dict[str, Any]:
        """Return one row as a new dict, names as the query spelled them (the first of equal names)."""
        return {name: self.cell(name, row) for name in self.names}

    def rows(self, wanted: Sequence[int]) -> list[dict[str, Any]]:
        """Return some rows as new dicts: each column is converted once, and for these rows only."""
        if not wanted:
            return []
        indices = pa.array(wanted)
        columns = [self._gathered(name, wanted, indices) for name in self.names]
        return [dict(zip(self.names, values, strict=True)) for values in zip(*columns, strict=True)]

    def _gathered(self, name: str, wanted: Sequence[int], indices: pa.Array) -> list[Any]:
        whole = self.columns.get(name)
        if whole is not None:
            return [whole[row] for row in wanted]
        place = self.names.index(name)
        return self._conversions[place](self._arrays[place].take(indices))

    def leaf(self, path: tuple[str, ...], row: int) -> Any:
        """Return the value at the end of a path through the fields of objects; None where there is none.

        Only that field is converted, not the objects around it. Raises `KeyError` for a path that has to be
        walked: one that leads through JSON or a map, or has two fields that differ only by case on its way.
        """
        found = self._end_of(path)
        if found is None:
            self.leaves[path] = None
            raise KeyError(path)
        array, to_values = found
        if self._is_hot(path):
            values = self.leaves[path] = to_values(array)
            return values[row]
        return to_values(array.slice(row, 1))[0]

    def _end_of(self, path: tuple[str, ...]) -> tuple[pa.Array, ToValues] | None:
        """Return what stands at the end of a path and its conversion; None if the path has to be walked."""
        index = self.index_of(path[0])
        if index is None:
            return pa.nulls(self.length), _nothing
        if self.columns.get(self.names[index]) is not None:
            return None  # the objects have been converted already
        return _descend(self._arrays[index], self._conversions[index], path[1:])

    def _is_hot(self, place: int | tuple[str, ...]) -> bool:
        """Count a touch of a column or a path, and say whether it is worth converting whole."""
        touched = self._touched[place] = self._touched.get(place, 0) + 1
        if touched > self._whole_after:
            self._hot.add(place)
        return place in self._hot

    def _first_touch(self, name: str, row: int) -> Any:
        index = self.index_of(name)
        if index is None:
            self.columns[name] = None
            raise KeyError(name)
        if self._is_hot(index):
            self.columns[name] = self._whole(index)
        return self._cell_at(index, row)

    def _whole(self, index: int) -> list[Any]:
        """Convert a column, once however many spellings of its name are in use."""
        name = self.names[index]
        values = self.columns.get(name)
        if values is None:
            values = self.columns[name] = self._conversions[index](self._arrays[index])
        return values

    def _cell_at(self, index: int, row: int) -> Any:
        whole = self.columns.get(self.names[index])
        if whole is not None:
            return whole[row]
        return self._conversions[index](self._arrays[index].slice(row, 1))[0]


def _place_of(name: str, names: Sequence[str]) -> int | None:
    if name in names:
        return names.index(name)
    lowered = name.lower()
    return next((index for index, known in enumerate(names) if known.lower() == lowered), None)


def batches_of(reader: pa.RecordBatchReader, types: Sequence[DuckDBPyType]) -> Iterator[RowBatch]:
    """Turn a stream of Arrow batches into rows; `types` are the result's DuckDB types, column by column."""
    conversions = [conversion(field.type, type_) for field, type_ in zip(reader.schema, types, strict=True)]
    hot: set[int | tuple[str, ...]] = set()
    for batch in reader:
        if batch.num_rows:
            yield RowBatch(batch, conversions, hot)


def batch_of(batch: pa.RecordBatch, is_json: Sequence[bool], hot: set[int | tuple[str, ...]]) -> RowBatch:
    """Turn an Arrow batch of plain columns into rows; of each column it is told whether its texts are JSON."""
    conversions = [
        _json_values if as_json else _scalar_conversion(field.type)
        for field, as_json in zip(batch.schema, is_json, strict=True)
    ]
    return RowBatch(batch, conversions, hot)


def conversion(arrow: pa.DataType, type_: DuckDBPyType) -> ToValues:
    """Choose how arrays of one type become Panther's values. JSON is text to Arrow; DuckDB knows it."""
    if str(type_) == "JSON":
        return _json_values
    if pa.types.is_struct(arrow):
        return _struct_conversion(arrow, type_)
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow) or pa.types.is_fixed_size_list(arrow):
        return _list_conversion(conversion(arrow.value_type, children_of(type_)[0][1]))
    if pa.types.is_map(arrow):
        return _map_conversion(arrow, type_)
    return _scalar_conversion(arrow)


def _scalar_conversion(arrow: pa.DataType) -> ToValues:
    if pa.types.is_timestamp(arrow):
        return _timestamps
    if pa.types.is_decimal(arrow):
        return _whole_numbers if arrow.scale == 0 else _fractions
    if pa.types.is_binary(arrow) or pa.types.is_large_binary(arrow) or pa.types.is_fixed_size_binary(arrow):
        return _hexadecimal
    if pa.types.is_dictionary(arrow):
        return lambda array: array.dictionary_decode().to_pylist()
    return lambda array: array.to_pylist()


def _timestamps(array: pa.Array) -> list[Any]:
    utc = array.cast(pa.timestamp("us")) if array.type.tz else array
    floor = pc.floor_temporal(utc, unit="millisecond")  # a cast alone would round times before 1970 up
    milliseconds = pc.cast(floor, pa.timestamp("ms"))
    return pc.strftime(milliseconds, format=_TIMESTAMP_FORMAT).to_pylist()  # type: ignore[no-any-return]  # pyarrow is untyped


def _whole_numbers(array: pa.Array) -> list[Any]:
    return [None if value is None else int(value) for value in array.to_pylist()]


def _fractions(array: pa.Array) -> list[Any]:
    return [None if value is None else float(value) for value in array.to_pylist()]


def _hexadecimal(array: pa.Array) -> list[Any]:
    return [None if value is None else value.hex().upper() for value in array.to_pylist()]


def _json_values(array: pa.Array) -> list[Any]:
    return [None if text is None else _json_value(text) for text in array.to_pylist()]


def _json_value(text: str) -> Any:
    """Read one JSON value; text in a JSON column that is none, or that is nested too deeply, stays text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text)  # it knows NaN and infinity
        except (ValueError, RecursionError):
            return text


def _struct_conversion(arrow: pa.StructType, type_: DuckDBPyType) -> _StructConversion:
    children = dict(children_of(type_))
    names = [arrow.field(index).name for index in range(arrow.num_fields)]
    conversions = [conversion(arrow.field(index).type, children[name]) for index, name in enumerate(names)]
    return _StructConversion(names, conversions)


class _StructConversion:
    """Objects to dicts, without their null fields."""

    def __init__(self, names: Sequence[str], conversions: Sequence[ToValues]) -> None:
        self._names = names
        self._conversions = conversions

    def __call__(self, array: pa.StructArray) -> list[Any]:
        names = self._names
        columns = [
            to_values(child) for to_values, child in zip(self._conversions, array.flatten(), strict=True)
        ]
        rows = (
            {name: value for name, value in zip(names, row, strict=True) if value is not None}
            for row in zip(*columns, strict=True)
        )
        if not array.null_count:
            return list(rows)
        return [row if valid else None for row, valid in zip(rows, array.is_valid().to_pylist(), strict=True)]

    def child(self, array: pa.StructArray, name: str) -> tuple[pa.Array, ToValues] | None:
        """Return the field of a name in any case, null where the object is; None if several have that name."""
        lowered = name.lower()
        places = [index for index, known in enumerate(self._names) if known.lower() == lowered]
        if not places:
            return pa.nulls(len(array)), _nothing
        if len(places) > 1:
            return None
        return pc.struct_field(array, places), self._conversions[places[0]]


def _descend(array: pa.Array, to_values: ToValues, path: Sequence[str]) -> tuple[pa.Array, ToValues] | None:
    """Follow a path into objects; None if it cannot be followed without looking at the values."""
    for name in path:
        if to_values is _nothing:
            break
        found = to_values.child(array, name) if isinstance(to_values, _StructConversion) else None
        if found is None:
            return None
        array, to_values = found
    return array, to_values


def _nothing(array: pa.Array) -> list[Any]:
    return [None] * len(array)


def _list_conversion(of_items: ToValues) -> ToValues:
    def values(array: pa.ListArray) -> list[Any]:
        items = iter(of_items(array.flatten()))
        return [
            None if length is None else list(itertools.islice(items, length))
            for length in pc.list_value_length(array).to_pylist()
        ]

    return values


def _map_conversion(arrow: pa.MapType, type_: DuckDBPyType) -> ToValues:
    key, value = (child for _, child in children_of(type_))
    of_keys, of_values = conversion(arrow.key_type, key), conversion(arrow.item_type, value)

    def values(array: pa.MapArray) -> list[Any]:
        return [None if not scalar.is_valid else _mapping(scalar.values) for scalar in array]

    def _mapping(entries: pa.StructArray) -> dict[str, Any]:
        keys, items = entries.flatten()
        pairs = zip(of_keys(keys), of_values(items), strict=True)
        return {str(name): item for name, item in pairs if item is not None}

    return values
