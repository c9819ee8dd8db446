"""The times that a Parquet file holds, read from the statistics at its end."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from runner.lake.windows import WHOLE, Window
from runner.storage import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_MICROSECONDS_A_DAY = 86_400_000_000
_TO_MICROSECONDS: Mapping[str, Callable[[int], int]] = MappingProxyType(
    {
        "milliseconds": lambda value: value * 1_000,
        "microseconds": lambda value: value,
        "nanoseconds": lambda value: value // 1_000,
    }
)


class FooterState(IntEnum):
    """What is known of a file."""

    UNREAD = 0
    READ = 1
    DAMAGED = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Footer:
    """What a file says of itself: how many rows it has, and within which window their times are."""

    state: FooterState
    rows: int = 0
    window: Window = WHOLE


def read(path: Path, column: str | None) -> Footer:
    """Read the end of a file. Without a time `column`, or without statistics on it, its window is the whole of time.

    Raises `FileNotFoundError` for a file that went away.
    """
    try:
        with _opened(path) as file:
            metadata = file.metadata
            window = WHOLE if column is None else _window(metadata, column.lower())
            return Footer(state=FooterState.READ, rows=metadata.num_rows, window=window)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException):
        return Footer(state=FooterState.DAMAGED)


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    if not isinstance(path, ObjectPath):
        with pq.ParquetFile(path) as file:
            yield file
        return
    with path.open("rb") as source, pq.ParquetFile(source) as file:
        yield file


def _window(metadata: pq.FileMetaData, column: str) -> Window:
    place = _place_of(metadata.schema, column)
    scale = None if place is None else _scale(metadata.schema.column(place))
    if place is None or scale is None:
        return WHOLE
    low, high = [], []
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(place).statistics
        if statistics is None or not statistics.has_min_max:
            return WHOLE
        low.append(scale(statistics.min_raw))
        high.append(scale(statistics.max_raw))
    return Window(min(low), max(high)) if low else WHOLE


def _place_of(schema: pq.ParquetSchema, column: str) -> int | None:
    for place, name in enumerate(schema.names):
        if name.lower() == column and schema.column(place).path.lower() == column:
            return place
    return None


def _scale(column: pq.ColumnSchema) -> Callable[[int], int] | None:
    """Return how a value of a column becomes microseconds; None for a column that holds no times."""
    kind = json.loads(column.logical_type.to_json())
    if column.physical_type == "INT64" and kind.get("Type") == "Timestamp":
        return _TO_MICROSECONDS.get(kind["timeUnit"])
    if column.physical_type == "INT32" and kind.get("Type") == "Date":
        return lambda days: days * _MICROSECONDS_A_DAY
    return None
