"""Rows of a database as Arrow batches, and those as the rows that rules see."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from runner.lake import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runner.lake.rows import RowBatch


def batches_of(portions: Iterable[Sequence[Sequence[Any]]], names: Sequence[str]) -> Iterator[RowBatch]:
    """Turn portions of rows into batches; documents become JSON, and what Arrow has no value for becomes text."""
    hot: set[int | tuple[str, ...]] = set()
    for portion in portions:
        columns = [_column([row[place] for row in portion]) for place in range(len(names))]
        batch = pa.RecordBatch.from_arrays([array for array, _ in columns], names=list(names))
        yield rows.batch_of(batch, [is_json for _, is_json in columns], hot)


def _column(values: list[Any]) -> tuple[pa.Array, bool]:
    """Return a column as Arrow has it, and whether it is text that holds JSON."""
    first = next((value for value in values if value is not None), None)
    if isinstance(first, dict | list):
        return pa.array([None if value is None else _json(value) for value in values], pa.string()), True
    if isinstance(first, datetime):
        return pa.array(values, pa.timestamp("us", tz="UTC" if first.tzinfo else None)), False
    if isinstance(first, Decimal):
        whole = all(value is None or value == value.to_integral_value() for value in values)
        read = int if whole else float
        return pa.array([None if value is None else read(value) for value in values]), False
    if isinstance(first, bool | int | float | str | bytes | None):
        return _plain(values)
    return pa.array([None if value is None else str(value) for value in values], pa.string()), False


def _plain(values: list[Any]) -> tuple[pa.Array, bool]:
    """Return values of Arrow's own types; a column of documents may have scalars first, and then it is JSON."""
    try:
        return pa.array(values), False
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else _json(value) for value in values], pa.string()), True


def _json(value: Any) -> str:
    return orjson.dumps(value, default=_text, option=orjson.OPT_NON_STR_KEYS).decode()


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)
