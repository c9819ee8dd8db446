"""Writes the rows of one file into the day partitions of its table: sorted, compressed, and all of them or none.

Rows are staged in a hidden folder of the table first. Renaming makes them visible, when everything is on disk.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from runner.ingest.rows import EVENT_TIME
from runner.lake import log_types
from runner.storage import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

    from runner.ingest.limits import IngestLimits

_DAY = pa.date32()


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedFile:
    """A finished file that is not visible yet, and where it belongs."""

    staged: Path
    final: Path

    def publish(self) -> None:
        """Make the file visible, in place of one that may be there."""
        if isinstance(self.final, ObjectPath):
            self.final.put(self.staged)
            return
        self.final.parent.mkdir(parents=True, exist_ok=True)
        self.staged.replace(self.final)


class PartitionWriter:
    """Spreads rows over the days of their event times, a file for each day.

    A file is sorted by event time if its rows fit into the buffer, or come in order; else each stretch of it is.
    """

    def __init__(self, table: Path, staging: Path, *, stem: str, limits: IngestLimits) -> None:
        self._table = table
        self._staging = staging
        self._stem = stem
        self._limits = limits
        self._buffered: dict[date, list[pa.Table]] = {}
        self._buffered_bytes = 0
        self._open: dict[date, _Part] = {}
        self._parts: dict[date, int] = {}
        self._finished: list[StagedFile] = []

    def add(self, rows: pa.Table) -> None:
        """Take rows in; they may be written later."""
        for day, part in _by_day(rows):
            self._buffered.setdefault(day, []).append(part)
        self._buffered_bytes += rows.nbytes
        if self._buffered_bytes >= self._limits.buffer_bytes:
            self._flush()

    def finish(self) -> Sequence[StagedFile]:
        """Write everything down, so that it survives a crash of the machine, and return the files."""
        self._flush()
        for day in list(self._open):
            self._close(day)
        return tuple(sorted(self._finished, key=lambda file: file.final))

    def abandon(self) -> None:
        """Let go of files that are still open."""
        for part in self._open.values():
            part.abandon()
        self._open.clear()

    def _flush(self) -> None:
        for day in sorted(self._buffered):
            self._write(day, _sorted(pa.concat_tables(self._buffered.pop(day))))
        self._buffered_bytes = 0

    def _write(self, day: date, rows: pa.Table) -> None:
        while rows.num_rows:
            part = self._part(day, rows.schema)
            room = self._limits.file_rows - part.rows
            part.write(rows.slice(0, room), self._limits.row_group_rows)
            rows = rows.slice(room)
            if part.rows >= self._limits.file_rows:
                self._close(day)

    def _part(self, day: date, columns: pa.Schema) -> _Part:
        if day in self._open:
            return self._open[day]
        if len(self._open) >= self._limits.open_files:
            self._close(next(iter(self._open)))
        number = self._parts[day] = self._parts.get(day, 0) + 1
        name = f"{self._stem}.parquet" if number == 1 else f"{self._stem}-{number}.parquet"
        partition = log_types.partition_name(day)
        file = StagedFile(
            staged=self._staging / f"{partition}-{name}.part", final=self._table / partition / name
        )
        self._open[day] = _Part(file, columns)
        return self._open[day]

    def _close(self, day: date) -> None:
        part = self._open.pop(day)
        part.close()
        self._finished.append(part.file)


class _Part:
    """A Parquet file being written."""

    def __init__(self, file: StagedFile, columns: pa.Schema) -> None:
        self.file = file
        self.rows = 0
        self._writer = pq.ParquetWriter(file.staged, columns, compression="zstd")

    def write(self, rows: pa.Table, row_group_rows: int) -> None:
        self._writer.write_table(rows, row_group_size=row_group_rows)
        self.rows += rows.num_rows

    def close(self) -> None:
        self._writer.close()
        sync(self.file.staged)

    def abandon(self) -> None:
        try:
            self._writer.close()
        except (OSError, pa.ArrowException):
            return  # it is thrown away, and the fault that led here is on its way up


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk; what is in a bucket is kept once it is there."""
    if isinstance(path, ObjectPath):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folders(files: Iterable[Path]) -> None:
    """Wait until the names of these files are on disk."""
    for folder in sorted({parent for file in files for parent in (file.parent, file.parent.parent)}):
        sync(folder)


def _by_day(rows: pa.Table) -> list[tuple[date, pa.Table]]:
    days = rows[EVENT_TIME].cast(_DAY, safe=False)
    found = sorted(pc.unique(days).to_pylist())
    if len(found) == 1:
        return [(found[0], rows)]
    return [(day, rows.filter(pc.equal(days, pa.scalar(day, _DAY)))) for day in found]


def _sorted(rows: pa.Table) -> pa.Table:
    moments = rows[EVENT_TIME].combine_chunks()
    in_order = pc.all(pc.less_equal(moments.slice(0, max(len(moments) - 1, 0)), moments.slice(1))).as_py()
    if in_order or in_order is None:
        return rows
    return rows.combine_chunks().take(pc.sort_indices(moments))
