"""Records in the columns of their table, and what is needed of the records themselves beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from runner.ingest import columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.ingest.formats import Record
    from runner.ingest.schema import FieldPath


@dataclass(frozen=True, kw_only=True, slots=True)
class FittedRecords:
    """Some records, a row each.

    `misfits` has by row what of a record fits no column. `records` has those records; and all of them, if the columns
    do not suffice for what is asked.
    """

    size: int
    columns: Mapping[str, pa.Array]
    misfits: Mapping[int, Any]
    records: Mapping[int, Record]

    def misfits_of(self, field: str) -> list[int]:
        """Return the rows in which something of a field does not fit."""
        return [row for row, misfit in self.misfits.items() if field in misfit]


class Fitting:
    """The fitting of records into the fields of a table, some records at a time; `whole` keeps all of them."""

    def __init__(self, fields: pa.StructType, *, whole: bool) -> None:
        self._fields = fields
        self._whole = whole
        self._parts: list[Sequence[pa.Array]] = []
        self._misfits: dict[int, Any] = {}
        self._records: dict[int, Record] = {}
        self._size = 0

    def add(self, records: Sequence[Record]) -> None:
        """Fit more records."""
        fitted = columns.fit(records, self._fields)
        self._parts.append(fitted.array.flatten())
        for row in range(len(records)) if self._whole else fitted.misfits:
            self._records[self._size + row] = records[row]
        for row, misfit in fitted.misfits.items():
            self._misfits[self._size + row] = misfit
        self._size += len(records)

    def finish(self) -> FittedRecords:
        """Return all records."""
        names = [field.name for field in self._fields]
        return FittedRecords(
            size=self._size,
            columns=dict(zip(names, map(self._joined, self._fields, range(len(names))), strict=True)),
            misfits=self._misfits,
            records=self._records,
        )

    def _joined(self, field: pa.Field, place: int) -> pa.Array:
        arrays = [part[place] for part in self._parts] or [pa.nulls(0, field.type)]
        if all(array.null_count == len(array) for array in arrays):
            return pa.nulls(self._size, field.type)
        return pa.chunked_array(arrays, field.type).combine_chunks() if len(arrays) > 1 else arrays[0]


def suffices(fields: pa.StructType, path: FieldPath, kind: pa.DataType, *, through_lists: bool) -> bool:
    """Tell whether the columns show what records have at a path, but for records with misfits there.

    They do if the column is of the `kind` that is wanted, and if the field is none of the table's.
    """
    found = fields
    for depth, name in enumerate(path):
        found = _element(found) if through_lists else found
        place = found.get_field_index(name) if pa.types.is_struct(found) else -1
        if place < 0:
            return depth == 0
        found = found.field(place).type
    if through_lists and pa.types.is_list(found):
        found = found.value_type
    return bool(found == kind)


def _element(kind: pa.DataType) -> pa.DataType:
    while pa.types.is_list(kind):
        kind = kind.value_type
    return kind
