"""The SQLite file that remembers folders and files; any number of processes may share it."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.lake.index.footers import FooterState
from runner.lake.windows import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from runner.lake.index.footers import Footer
    from runner.lake.index.partitions import FoundFile

_VERSION = 1
_WAIT_SECONDS = 20.0
_SCHEMA = """
CREATE TABLE lake_table (path TEXT PRIMARY KEY, time_column TEXT) WITHOUT ROWID;
CREATE TABLE folder (
    id INTEGER PRIMARY KEY, parent INTEGER, path TEXT NOT NULL UNIQUE, low INTEGER NOT NULL, high INTEGER NOT NULL,
    written INTEGER NOT NULL DEFAULT -1
);
CREATE INDEX folder_by_time ON folder (parent, high);
CREATE TABLE file (
    id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
    written INTEGER NOT NULL, seen INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
    rows INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL DEFAULT 0, in_schema INTEGER NOT NULL DEFAULT 0,
    UNIQUE (folder, name)
);
CREATE INDEX file_by_time ON file (folder, high);
"""
_FILE = "SELECT id, folder, name, size, written, seen, low, high, rows, state FROM file"
_FOLDER = "SELECT id, path, low, high, written FROM folder"
_FORGET_FILES = (
    "DELETE FROM file WHERE folder IN (SELECT id FROM folder WHERE path = ? OR (path > ? AND path < ?))"
)
_FORGET_FOLDERS = "DELETE FROM folder WHERE path = ? OR (path > ? AND path < ?)"
_FORGET_SCHEMA = """
UPDATE file SET in_schema = 0 WHERE folder IN (SELECT id FROM folder WHERE path = ? OR (path > ? AND path < ?))
"""


@dataclass(frozen=True, slots=True)
class FolderRow:
    """A folder by its path within the lake; `written` is its state when it was listed, -1 if it was not."""

    id: int
    path: str
    window: Window
    written: int


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of a folder, and what is known of it; `seen` is when it was first seen, in microseconds since 1970."""

    id: int
    folder: int
    name: str
    size: int
    written: int
    seen: int
    window: Window
    rows: int
    state: FooterState


class IndexFile:
    """The index on disk, or in memory if `path` is None. Everything raises `sqlite3.Error` where it fails."""

    def __init__(self, path: Path | None) -> None:
        self._connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False, timeout=_WAIT_SECONDS
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._prepare()

    def _prepare(self) -> None:
        """Make the tables; those of another version are thrown away."""
        if self._is_ready():
            return
        with self.writing():
            if self._is_ready():  # another process was faster
                return
            names = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in names:
                self._connection.execute(f'DROP TABLE "{name}"')
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version={_VERSION}")

    def _is_ready(self) -> bool:
        return bool(self._connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Do what is inside in one transaction, alone among all processes."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def use_time_column(self, table: str, column: str | None) -> None:
        """Remember which column the windows of a table's files are of; with another than before, all is forgotten."""
        query = "SELECT time_column FROM lake_table WHERE path = ?"
        row = self._connection.execute(query, [table]).fetchone()
        if row == (column,):
            return
        with self.writing():
            self._connection.execute("INSERT OR REPLACE INTO lake_table VALUES (?, ?)", [table, column])
            if row is not None:
                self._forget_below(table)

    def time_column(self, table: str) -> str | None:
        """Return the column that the windows of a table's files are of; None for none, or for an unknown table."""
        query = "SELECT time_column FROM lake_table WHERE path = ?"
        row = self._connection.execute(query, [table]).fetchone()
        return None if row is None else row[0]

    def folder(self, path: str) -> FolderRow | None:
        """Return a folder by its path."""
        row = self._connection.execute(f"{_FOLDER} WHERE path = ?", [path]).fetchone()
        return None if row is None else _folder_row(row)

    def folders_in(self, parent: FolderRow, window: Window) -> list[FolderRow]:
        """Return the folders in a folder that may hold rows of a window."""
        found = self._connection.execute(
            f"{_FOLDER} WHERE parent = ? AND high >= ? AND low <= ?", [parent.id, window.low, window.high]
        )
        return [_folder_row(row) for row in found]

    def add_folder(self, path: str, window: Window) -> FolderRow:
        """Return a folder that stands for a table, made if need be."""
        found = self.folder(path)
        if found is not None:
            return found
        self._connection.execute(
            "INSERT OR IGNORE INTO folder (path, low, high) VALUES (?, ?, ?)", [path, window.low, window.high]
        )
        return self.add_folder(path, window)

    def remove_folder(self, path: str) -> None:
        """Forget a folder with all that is in it."""
        with self.writing():
            self._forget_below(path)

    def keep_listing(
        self,
        folder: FolderRow,
        *,
        written: int,
        files: Iterable[FoundFile],
        folders: Mapping[str, Window],
        seen: int,
    ) -> None:
        """Write down what a folder holds: files that changed are unread again, and what is gone is forgotten."""
        with self.writing():
            self._keep_files(folder, files, seen)
            self._keep_folders(folder, folders)
            self._connection.execute("UPDATE folder SET written = ? WHERE id = ?", [written, folder.id])

    def files_in(self, folder: FolderRow, window: Window) -> list[FileRow]:
        """Return the files of a folder that may hold rows of a window."""
        found = self._connection.execute(
            f"{_FILE} WHERE folder = ? AND high >= ? AND low <= ?", [folder.id, window.low, window.high]
        )
        return [_file_row(row) for row in found]

    def files_seen(self, folder: FolderRow, after: int) -> list[FileRow]:
        """Return the files of a folder that were first seen after a moment, in microseconds since 1970."""
        found = self._connection.execute(f"{_FILE} WHERE folder = ? AND seen > ?", [folder.id, after])
        return [_file_row(row) for row in found]

    def keep_footers(self, footers: Sequence[tuple[FileRow, Footer | None]]) -> None:
        """Write down what files say of themselves; None for one that went away."""
        with self.writing():
            self._connection.executemany(
                "UPDATE file SET state = ?, rows = ?, low = ?, high = ? WHERE id = ? AND written = ?",
                [
                    (
                        int(footer.state),
                        footer.rows,
                        footer.window.low,
                        footer.window.high,
                        file.id,
                        file.written,
                    )
                    for file, footer in footers
                    if footer is not None
                ],
            )
            self._connection.executemany(
                "DELETE FROM file WHERE id = ? AND written = ?",
                [(file.id, file.written) for file, footer in footers if footer is None],
            )

    def files_without_schema(self, folder: FolderRow) -> list[FileRow]:
        """Return the files of a folder whose columns are not in the table's schema yet."""
        found = self._connection.execute(f"{_FILE} WHERE folder = ? AND in_schema = 0", [folder.id])
        return [_file_row(row) for row in found]

    def keep_in_schema(self, files: Iterable[FileRow]) -> None:
        """Write down that the columns of some files are in the table's schema."""
        with self.writing():
            self._connection.executemany(
                "UPDATE file SET in_schema = 1 WHERE id = ? AND written = ?",
                [(file.id, file.written) for file in files],
            )

    def forget_schema(self, table: str) -> None:
        """Let the columns of all files of a table be looked at again."""
        with self.writing():
            self._connection.execute(_FORGET_SCHEMA, _range_of(table))

    def _forget_below(self, path: str) -> None:
        self._connection.execute(_FORGET_FILES, _range_of(path))
        self._connection.execute(_FORGET_FOLDERS, _range_of(path))

    def _keep_files(self, folder: FolderRow, files: Iterable[FoundFile], seen: int) -> None:
        query = "SELECT name, size, written FROM file WHERE folder = ?"
        known = {name: what for name, *what in self._connection.execute(query, [folder.id])}
        found = {file.name: [file.size, file.written] for file in files}
        gone = [(folder.id, name) for name, what in known.items() if found.get(name) != what]
        window = folder.window
        self._connection.executemany("DELETE FROM file WHERE folder = ? AND name = ?", gone)
        self._connection.executemany(
            "INSERT INTO file (folder, name, size, written, seen, low, high) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (folder.id, name, *what, seen, window.low, window.high)
                for name, what in found.items()
                if known.get(name) != what
            ],
        )

    def _keep_folders(self, parent: FolderRow, folders: Mapping[str, Window]) -> None:
        rows = self._connection.execute("SELECT path FROM folder WHERE parent = ?", [parent.id]).fetchall()
        known = {path for (path,) in rows}
        for path in known - folders.keys():
            self._forget_below(path)
        self._connection.executemany(
            "INSERT OR IGNORE INTO folder (parent, path, low, high) VALUES (?, ?, ?, ?)",
            [(parent.id, path, folders[path].low, folders[path].high) for path in folders.keys() - known],
        )


def _range_of(path: str) -> list[str]:
    """Return a path, and between which texts all paths below it are: 0 is the character after the slash."""
    return [path, f"{path}/", f"{path}0"]


def _folder_row(row: tuple[int, str, int, int, int]) -> FolderRow:
    id_, path, low, high, written = row
    return FolderRow(id_, path, Window(low, high), written)


def _file_row(row: tuple[int, int, str, int, int, int, int, int, int, int]) -> FileRow:
    id_, folder, name, size, written, seen, low, high, rows, state = row
    return FileRow(id_, folder, name, size, written, seen, Window(low, high), rows, FooterState(state))
