"""The files that a run reads, fixed once: what arrives later is not seen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.lake.index.footers import FooterState
from runner.lake.index.lake_index import IndexedFile
from runner.lake.windows import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from runner.lake.table import TableName
    from runner.lake.windows import Windows


@dataclass(frozen=True, kw_only=True, slots=True)
class TableFiles:
    """The files of one table that a run reads.

    `schema` is a file without rows that has every column, None if no file could be read for it. `time_column` is
    None for a table without one. `windows` are those that the query asks for, and before the reference time.
    """

    schema: Path | None
    files: Sequence[IndexedFile]
    time_column: str | None
    partition_columns: Mapping[str, str]
    """The partition columns that the query names and the files do not have, and the SQL of each."""
    windows: Windows

    @property
    def paths(self) -> list[Path]:
        """The files to read, the schema first."""
        return [*([self.schema] if self.schema else []), *(file.path for file in self.files)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The files that a run reads, by table."""

    tables: Mapping[TableName, TableFiles]

    def with_stand_ins(self, files: Mapping[TableName, Path]) -> Snapshot:
        """Return a snapshot in which one file each stands for all of some tables."""
        tables = {
            name: replace(read, files=[_whole(files[name])]) if name in files else read
            for name, read in self.tables.items()
        }
        return Snapshot(tables=tables)

    @property
    def size(self) -> int:
        """The bytes of all files with rows together."""
        return sum(file.size for table in self.tables.values() for file in table.files)

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return [path for table in self.tables.values() for path in table.paths]

    @property
    def digest(self) -> str:
        """What stands for the files: the same files, unchanged, have the same."""
        content = hashlib.sha256()
        for name, table in sorted(self.tables.items()):
            for file in table.files:
                content.update(f"{name.view}\0{file.path}\0{file.size}\0{file.written}\n".encode())
        return content.hexdigest()[:16]

    @property
    def reads(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """The windows of the timed tables by their qualified names, as pairs of microseconds; of very many, their hull."""
        return {
            name.qualified: _pairs(table.windows)
            for name, table in self.tables.items()
            if table.time_column and table.windows
        }

    @property
    def has_vanished(self) -> bool:
        """Whether one of the files is gone by now."""
        return not all(path.exists() for path in self.paths)


def _whole(path: Path) -> IndexedFile:
    """Describe a file of which no index knows anything."""
    found = path.stat()
    return IndexedFile(
        path=path,
        size=found.st_size,
        written=found.st_mtime_ns,
        seen=0,
        window=WHOLE,
        rows=0,
        state=FooterState.UNREAD,
    )


_MOST_WINDOWS = 16


def _pairs(windows: Windows) -> tuple[tuple[int, int], ...]:
    if len(windows) > _MOST_WINDOWS:
        return ((windows[0].low, windows[-1].high),)
    return tuple((window.low, window.high) for window in windows)
