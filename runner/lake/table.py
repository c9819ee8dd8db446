"""What a table of the lake is called, and where its folder is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SCHEMA_FILE = "_schema.parquet"
"""A file without rows that names every declared column: it stands first in every list of files."""

ENGINE_SCHEMA = "main"
"""Where the views are inside the engine: a name with this schema never means a CTE or a file."""

PUBLIC = "public"
"""The schema of the tables whose database has no other."""


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class TableName:
    """A database, a schema and a table, all in lower case, such as `panther_logs`, `public`, `aws_cloudtrail`."""

    database: str
    table: str
    schema: str = PUBLIC

    @classmethod
    def of_parts(cls, parts: Sequence[str]) -> TableName | None:
        """Read the parts of a written name: `db.schema.table` or `db.table`; None for any other form."""
        match [part.lower() for part in parts]:
            case [database, table]:
                return cls(database=database, table=table)
            case [database, schema, table]:
                return cls(database=database, schema=schema, table=table)
        return None

    @property
    def qualified(self) -> str:
        """The name as Panther writes it: `panther_logs.public.aws_cloudtrail`."""
        return f"{self.database}.{self.schema}.{self.table}"

    @property
    def view(self) -> str:
        """The name of the view that stands for the table inside the engine."""
        return f"{self.folder}.{self.table}"

    @property
    def folder(self) -> str:
        """The name of the folder of its database: another schema than `public` is a part of it, after a dot."""
        return self.database if self.schema == PUBLIC else f"{self.database}.{self.schema}"


def tables_of(lake: Path) -> frozenset[TableName]:
    """Return the tables of a lake: its folders `<database>/<table>` and `<database>.<schema>/<table>`."""
    return frozenset(
        _name_of(database.name, table.name) for database in _folders(lake) for table in _folders(database)
    )


def declared(lake: Path) -> list[str]:
    """Return each table with the state of its schema file, sorted: it differs once tables or columns come or go.

    A lake that cannot be reached has none.
    """
    try:
        return sorted(
            f"{database.name}.{folder.name} {_changed_at(folder / SCHEMA_FILE)}"
            for database in _folders(lake)
            for folder in _folders(database)
        )
    except OSError:
        return []


def folder_of(lake: Path, name: TableName) -> Path | None:
    """Return the folder of a table, be it written in another case; None if there is none."""
    plain = lake / name.folder / name.table
    if plain.is_dir():
        return plain
    folders = (
        table
        for database in _folders(lake)
        for table in _folders(database)
        if _name_of(database.name, table.name) == name
    )
    return next(folders, None)


def _name_of(database: str, table: str) -> TableName:
    name, _, schema = database.lower().partition(".")
    return TableName(database=name, schema=schema or PUBLIC, table=table.lower())


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(entry for entry in parent.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _changed_at(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
