"""Records → rows of the lake: the columns of the log type, and the `p_` columns that every log type has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from runner.garbage import without_collecting
from runner.ingest import fitted_records, row_ids, times
from runner.ingest.fitted_records import Fitting
from runner.ingest.indicator_columns import TEXTS, IndicatorColumns
from runner.ingest.schema import JSON, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from runner.ingest.fitted_records import FittedRecords
    from runner.ingest.formats import BadLine, Batch
    from runner.ingest.schema import FieldPath, IndicatorSource

EXTRA = "p_extra"
EVENT_TIME = "p_event_time"
ROW_ID = "p_row_id"


class Rows(NamedTuple):
    """Rows of the lake that have no names yet, but their digests; what was no record; and how many rows are remarkable.

    `without_event_time` have none of their own, `with_extra` have something in `p_extra`.
    """

    table: pa.Table
    digests: list[bytes]
    bad: list[BadLine]
    without_event_time: int
    with_extra: int

    def named(self, names: Sequence[str]) -> pa.Table:
        """Return the rows under their names, one for each."""
        place = self.table.schema.get_field_index(ROW_ID)
        return self.table.set_column(place, self.table.field(place), pa.array(names, pa.string()))


@dataclass(frozen=True, kw_only=True, slots=True)
class RowPlan:
    """How the rows of a file are made; `source` is the name of the file, `parsed_at` naive UTC."""

    log_type: str
    source: str
    parsed_at: datetime
    fields: pa.StructType
    event_times: tuple[FieldPath, ...]
    indicators: tuple[IndicatorSource, ...]


class RowMaker:
    """Makes the rows of one file; every table that it makes has the same columns."""

    def __init__(self, plan: RowPlan) -> None:
        self._plan = plan
        self._indicators = IndicatorColumns(plan.indicators)
        self.columns = table_columns(plan.fields, self._indicators.names)
        self._whole = not _columns_suffice(plan)

    def rows(self, batches: Iterable[Batch]) -> Rows:
        """Make one row of each record. Batches are fitted one by one, so that their records are near at hand."""
        fitting = Fitting(self._plan.fields, whole=self._whole)
        digests: list[bytes] = []
        bad: list[BadLine] = []
        with without_collecting():
            for batch in batches:
                sound, named = row_ids.with_digests(self._plan.log_type, batch)
                fitting.add(sound.records)
                digests += named
                bad += sound.bad
        return self._together(fitting.finish(), digests, bad)

    def _together(self, fitted: FittedRecords, digests: list[bytes], bad: list[BadLine]) -> Rows:
        plan, size = self._plan, fitted.size
        found = _event_times(fitted, plan.event_times)
        parsed_at = pa.repeat(pa.scalar(plan.parsed_at, TIMESTAMP), size)
        arrays = [
            *fitted.columns.values(),
            _extra(fitted.misfits, size),
            pc.coalesce(found, parsed_at),
            parsed_at,
            pa.repeat(plan.log_type, size),
            pa.nulls(size, pa.string()),
            pa.repeat(plan.source, size),
            *self._indicators.arrays(fitted),
        ]
        return Rows(
            table=pa.Table.from_arrays(arrays, schema=self.columns),
            digests=digests,
            bad=bad,
            without_event_time=found.null_count,
            with_extra=len(fitted.misfits),
        )


def _columns_suffice(plan: RowPlan) -> bool:
    """Tell whether times and indicators can be read from the columns alone."""
    return all(
        fitted_records.suffices(plan.fields, path, TIMESTAMP, through_lists=False)
        for path in plan.event_times
    ) and all(
        fitted_records.suffices(plan.fields, source.path, pa.string(), through_lists=True)
        for source in plan.indicators
    )


def table_columns(fields: pa.StructType, indicator_columns: Iterable[str]) -> pa.Schema:
    """Return the columns of a table: the fields of its log type, then the `p_` columns.

    `p_extra` holds, as a JSON object, what of a record fits no column; it is NULL if everything fits.
    """
    return pa.schema(
        [
            *fields,
            pa.field(EXTRA, JSON),
            pa.field(EVENT_TIME, TIMESTAMP),
            pa.field("p_parse_time", TIMESTAMP),
            pa.field("p_log_type", pa.string()),
            pa.field(ROW_ID, pa.string()),
            pa.field("p_source_file", pa.string()),
            *(pa.field(name, TEXTS) for name in indicator_columns),
        ]
    )


def fields_of(table: pa.Schema) -> pa.StructType:
    """Return the fields of the log type among the columns of a table."""
    return pa.struct([field for field in table if not field.name.startswith("p_")])


def extended(table: pa.Schema, rows: pa.Schema) -> pa.Schema:
    """Return the columns of a table that gets these rows: the fields together, and the `p_any_*` columns at the end.

    The fields of the rows are those of the table, and perhaps more (as `RowMaker` is told).
    """
    names = {name for name in (*table.names, *rows.names) if name.startswith("p_any_")}
    return table_columns(fields_of(rows), sorted(names))


def _extra(misfits: Mapping[int, Any], size: int) -> pa.Array:
    if not misfits:
        return pa.nulls(size, JSON)
    texts = [orjson.dumps(misfits[row]).decode() if row in misfits else None for row in range(size)]
    return pa.ExtensionArray.from_storage(JSON, pa.array(texts, pa.string()))


def _event_times(fitted: FittedRecords, paths: Sequence[FieldPath]) -> pa.Array:
    found = pa.nulls(fitted.size, TIMESTAMP)
    for path in paths:
        column = _column_at(fitted, path)
        found = pc.coalesce(found, _times_at(fitted, path) if column is None else column)
        if not found.null_count:
            break
    return found


def _column_at(fitted: FittedRecords, path: FieldPath) -> pa.Array | None:
    """Return the times at a path if they were read already: there is a column for them."""
    column = fitted.columns.get(path[0])
    if column is None:
        return None
    for name in path[1:]:
        place = column.type.get_field_index(name) if pa.types.is_struct(column.type) else -1
        if place < 0:
            return None
        column = pc.struct_field(column, [place])
    return column if column.type == TIMESTAMP else None


def _times_at(fitted: FittedRecords, path: FieldPath) -> pa.Array:
    values: list[Any] = [None] * fitted.size
    for row, record in fitted.records.items():
        value: Any = record
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        values[row] = value
    return times.parse_all(values)
