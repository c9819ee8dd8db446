"""What a table of the lake is called, and which files it consists of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import UnknownLogType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SCHEMA_FILE = "_schema.parquet"
"""A file without rows that names every declared column: it stands first in every list of files."""

ENGINE_SCHEMA = "main"
"""Where the views are inside the engine: a name with this schema never means a CTE or a file."""

_PUBLIC = "public"
_PARTITION = "p_date="


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class TableName:
    """A database and a table, both in lower case, such as `panther_logs` and `aws_cloudtrail`."""

    database: str
    table: str

    @classmethod
    def of_parts(cls, parts: Sequence[str]) -> TableName | None:
        """Read the parts of a written name: `db.public.table` or `db.table`; None for any other form."""
        lowered = [part.lower() for part in parts]
        match lowered:
            case [database, "public", table] | [database, table]:
                return cls(database=database, table=table)
        return None

    @property
    def qualified(self) -> str:
        """The name as Panther writes it: `panther_logs.public.aws_cloudtrail`."""
        return f"{self.database}.{_PUBLIC}.{self.table}"

    @property
    def view(self) -> str:
        """The name of the view that stands for the table inside the engine."""
        return f"{self.database}.{self.table}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The files that a run reads, fixed once: what arrives later is not seen."""

    files: dict[TableName, tuple[Path, ...]]

    @property
    def size(self) -> int:
        """The bytes of all files together, without those that are gone by now."""
        return sum(_size(file) for files in self.files.values() for file in files)


def tables_of(lake: Path) -> frozenset[TableName]:
    """Return the tables of a lake: its folders `<database>/<table>`."""
    return frozenset(
        TableName(database=database.name.lower(), table=table.name.lower())
        for database in _folders(lake)
        for table in _folders(database)
    )


def declared(lake: Path) -> list[str]:
    """Return each table with the state of its schema file, sorted: it differs once tables or columns come or go."""
    return sorted(
        f"{database.name}.{folder.name} {_changed_at(folder / SCHEMA_FILE)}"
        for database in _folders(lake)
        for folder in _folders(database)
    )


def snapshot(lake: Path, names: Iterable[TableName], *, until: date) -> Snapshot:
    """List the files of some tables, without the days after `until` (UTC).

    Partitions are by the day of the event time, so no row before the end of `until` is left out. A
    table that has only later days is represented by its first file, for the columns.
    Raises `UnknownLogType` for a table without any file.
    """
    return Snapshot(files={name: tuple(_files_of(lake, name, until)) for name in sorted(names)})


def _files_of(lake: Path, name: TableName, until: date) -> Sequence[Path]:
    folder = _folder(lake, name)
    files = folder and (_files(folder, until) or _files(folder, date.max)[:1])
    if not files:
        raise UnknownLogType(f"the table {name.qualified} has no files yet: ingest some logs first")
    return files


def _folder(lake: Path, name: TableName) -> Path | None:
    plain = lake / name.database / name.table
    if plain.is_dir():
        return plain
    folders = (  # a folder written in another case
        table
        for database in _folders(lake)
        if database.name.lower() == name.database
        for table in _folders(database)
        if table.name.lower() == name.table
    )
    return next(folders, None)


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(entry for entry in parent.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _files(folder: Path, until: date) -> list[Path]:
    """List the files of a table in order of their paths, the schema file first; unfinished ones have a dot."""
    last = f"{_PARTITION}{until.isoformat()}"
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and (not name.startswith(_PARTITION) or name <= last)
        ]
        found += [
            Path(parent, name)
            for name in files
            if name.endswith(".parquet") and not name.startswith((".", "_"))
        ]
    schema = folder / SCHEMA_FILE
    return [schema, *sorted(found)] if schema.exists() else sorted(found)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _changed_at(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
