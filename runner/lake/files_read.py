"""FilesRead: which files of the lake a run has read, in few words, so that they can be kept with the run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from runner.lake.windows import EARLIEST, LATEST, moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.lake.snapshot import Snapshot, TableFiles
    from runner.lake.table import TableName


@dataclass(frozen=True, kw_only=True, slots=True)
class FileRead:
    """One file: its path in the lake's folder, its bytes, and when it was written, in nanoseconds since 1970."""

    path: str
    size: int
    written: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRead:
    """What was read of one table."""

    table: str
    time_column: str | None
    since: str | None
    """The first moment that the query asks for, ISO 8601 in UTC; None if it has no beginning, or no time."""
    until: str | None
    """Up to when, not included."""
    count: int
    """How many files."""
    size: int
    """Their bytes together."""
    files: tuple[FileRead, ...]
    """The first of them, in order of paths."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesRead:
    """What a run has read."""

    digest: str
    """Equal for the same files, unchanged."""
    tables: tuple[TableRead, ...]

    def as_document(self) -> dict[str, Any]:
        """Return a JSON document from which `files_read_of` makes the same again."""
        return asdict(self)


def files_read(snapshot: Snapshot, lake: Path, limit: int) -> FilesRead:
    """Say what a snapshot holds; of each table at most `limit` files are named, all are counted."""
    folder = lake.resolve()
    tables = (_table(name, files, folder, limit) for name, files in sorted(snapshot.tables.items()))
    return FilesRead(digest=snapshot.digest, tables=tuple(tables))


def files_read_of(document: Mapping[str, Any]) -> FilesRead:
    """Read what `as_document` has written."""
    return FilesRead(
        digest=document["digest"],
        tables=tuple(
            TableRead(**{**table, "files": tuple(FileRead(**file) for file in table["files"])})
            for table in document["tables"]
        ),
    )


def _table(name: TableName, read: TableFiles, lake: Path, limit: int) -> TableRead:
    timed = read.windows if read.time_column else ()
    low, high = (timed[0].low, timed[-1].high) if timed else (EARLIEST, LATEST)
    return TableRead(
        table=name.qualified,
        time_column=read.time_column,
        since=None if low == EARLIEST else _written(low),
        until=None if high == LATEST else _written(high + 1),
        count=len(read.files),
        size=sum(file.size for file in read.files),
        files=tuple(
            FileRead(path=file.path.relative_to(lake).as_posix(), size=file.size, written=file.written)
            for file in read.files[:limit]
        ),
    )


def _written(microseconds: int) -> str:
    return moment(microseconds).isoformat().replace("+00:00", "Z")
