"""Records → rows of the lake: the columns of the log type, and the `p_` columns that every log type has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from runner.ingest import columns, row_ids, times
from runner.ingest.field_values import FieldValues
from runner.ingest.indicator_columns import TEXTS, IndicatorColumns
from runner.ingest.schema import JSON, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from runner.ingest.formats import BadLine, Batch, Record
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

    def rows(self, batch: Batch) -> Rows:
        """Make one row of each record."""
        plan = self._plan
        batch, digests = row_ids.with_digests(plan.log_type, batch)
        records, size = batch.records, len(batch.records)
        fitted = columns.fit(records, plan.fields)
        found = _event_times(records, plan.event_times)
        parsed_at = pa.repeat(pa.scalar(plan.parsed_at, TIMESTAMP), size)
        arrays = [
            *fitted.array.flatten(),
            _extra(fitted.misfits, size),
            pc.coalesce(found, parsed_at),
            parsed_at,
            pa.repeat(plan.log_type, size),
            pa.nulls(size, pa.string()),
            pa.repeat(plan.source, size),
            *self._indicators.arrays(records),
        ]
        return Rows(
            table=pa.Table.from_arrays(arrays, schema=self.columns),
            digests=digests,
            bad=batch.bad,
            without_event_time=found.null_count,
            with_extra=len(fitted.misfits),
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


def _event_times(records: Sequence[Record], paths: Sequence[FieldPath]) -> pa.Array:
    found = pa.nulls(len(records), TIMESTAMP)
    values = FieldValues(records)
    for path in paths:
        found = pc.coalesce(found, times.parse_all(values.at(path)))
        if not found.null_count:
            break
    return found
