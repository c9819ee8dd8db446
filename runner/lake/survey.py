"""What the lake holds, how late its logs arrive, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb

from runner.errors import UnknownLogType
from runner.lake import duckdb_errors, parquet, publication, table
from runner.lake.index import partitions
from runner.lake.index.footers import FooterState
from runner.lake.plain_types import identifier
from runner.lake.snapshots import Snapshots
from runner.lake.windows import WHOLE, moment
from runner.storage import let_read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from runner.lake.index.lake_index import IndexedFile, LakeIndex
    from runner.lake.snapshot import TableFiles
    from runner.lake.table import TableName

PARSE_TIME = "p_parse_time"
"""When a row was taken in."""

_QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSummary:
    """A table in figures: `size` in bytes; `first` and `last` are None if its files do not tell."""

    name: TableName
    time_column: str | None
    files: int
    rows: int
    size: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """How long after they happened the rows of a table were taken in, for half of them, 95 and 99 of 100."""

    rows: int
    p50: timedelta
    p95: timedelta
    p99: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFault:
    """Something wrong with a file: it may be left out of an answer, or no query can read it."""

    path: Path
    reason: str


class LakeSurvey:
    """Looks at a lake through its index. Close it after use; it closes the index."""

    def __init__(self, lake: Path, index: LakeIndex) -> None:
        self._lake = lake.resolve()
        self._index = index
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        let_read(self._connection, self._lake)
        self._connection.execute("SET TimeZone='UTC'")
        self._snapshots = Snapshots(self._lake, index, self._connection)

    def close(self) -> None:
        """Give everything back."""
        self._connection.close()
        self._index.close()

    def names(self) -> list[TableName]:
        """Return all tables, in order."""
        return sorted(table.tables_of(self._lake))

    def named(self, written: str) -> TableName:
        """Return the table that somebody means: its name with or without the database. Raises `UnknownLogType`."""
        parts = written.lower().replace("'", "").split(".")
        whole = table.TableName.of_parts(parts)
        found = [name for name in self.names() if name == whole or parts == [name.table]]
        if len(found) != 1:
            there = ", ".join(name.qualified for name in found or self.names()) or "none"
            problem = (
                f"several tables are called {written}"
                if found
                else f"there is no table {written} in the lake"
            )
            raise UnknownLogType(f"{problem}: {there}")
        return found[0]

    def summary(self, name: TableName) -> TableSummary:
        """Return the figures of a table. Reads the end of every file that was not read yet."""
        files = self.files(name)
        known = [file.window for file in files if file.window != WHOLE]
        return TableSummary(
            name=name,
            time_column=self._time_column(name),
            files=len(files),
            rows=sum(file.rows for file in files),
            size=sum(file.size for file in files),
            first=moment(min(window.low for window in known)) if known else None,
            last=moment(max(window.high for window in known)) if known else None,
        )

    def files(self, name: TableName) -> list[IndexedFile]:
        """Return the files of a table, each with its rows and times."""
        folder = table.folder_of(self._lake, name)
        if folder is None:
            return []
        return self._index.files(folder, column=self._time_column(name), sharp=True)

    def lag(
        self, name: TableName, *, until: datetime, within: timedelta, most_files: int | None = None
    ) -> Lag | None:
        """Measure how late the rows of a table came that happened within a time before `until`.

        With `most_files`, only the newest files are looked at. None for a table that does not say, or has no such rows.
        """
        try:
            found = self._snapshots.before(name, until, within)
            columns = {column.lower() for column in self._snapshots.columns(name)}
        except UnknownLogType:
            return None
        newest = sorted(found.files, key=lambda file: file.window.high)[-(most_files or len(found.files)) :]
        if found.time_column is None or PARSE_TIME not in columns or not newest:
            return None
        return self._measured(found, [file.path for file in newest], until, within)

    def faults(self, name: TableName) -> Iterator[FileFault]:
        """Look for files that queries cannot read, or do not look for where they are."""
        folder = table.folder_of(self._lake, name)
        if folder is not None:
            yield from _unpublished(folder)
        timed = self._time_column(name) is not None
        for file in self.files(name):
            held = partitions.window_of_path(file.path.relative_to(folder or self._lake).parent)
            if file.state is FooterState.DAMAGED:
                yield FileFault(path=file.path, reason="no Parquet file, or a damaged one")
            elif timed and file.rows and file.window == WHOLE:
                yield FileFault(
                    path=file.path, reason="does not say which times it holds: every query reads it"
                )
            elif timed and file.rows and not held.holds(file.window):
                yield FileFault(
                    path=file.path, reason="holds rows of other times than its folder says: queries miss them"
                )

    def _time_column(self, name: TableName) -> str | None:
        try:
            return self._snapshots.time_column(name)
        except UnknownLogType:
            return None

    def _measured(
        self, found: TableFiles, files: list[Path], until: datetime, within: timedelta
    ) -> Lag | None:
        time = identifier(found.time_column or "")
        lag = f"epoch_us({PARSE_TIME}) - epoch_us({time})"
        rows = parquet.reading([*([found.schema] if found.schema else []), *files])
        bounds = f"{time} >= ?::TIMESTAMP AND {time} < ?::TIMESTAMP AND {PARSE_TIME} IS NOT NULL"
        query = f"SELECT count(*), quantile_disc({lag}, {list(_QUANTILES)}) FROM {rows} WHERE {bounds}"  # noqa: S608  quoted
        ends = [(until - within).replace(tzinfo=None), until.replace(tzinfo=None)]
        with duckdb_errors.translated():
            ((count, quantiles),) = self._connection.execute(query, ends).fetchall()
        if not count:
            return None
        p50, p95, p99 = (timedelta(microseconds=max(0, lag)) for lag in quantiles)
        return Lag(rows=count, p50=p50, p95=p95, p99=p99)


def _unpublished(folder: Path) -> Iterator[FileFault]:
    with publication.looking(folder) as look:
        hidden = sorted(file for file in look.hidden() if file.exists())
    for file in hidden:
        yield FileFault(
            path=file, reason="queries miss it, as its source was not taken in to the end: ingest that again"
        )
