"""LakeIndex: which files of a table may hold rows of a window, found by looking only at what changed."""

from __future__ import annotations

import sqlite3
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from runner.lake import publication
from runner.lake.index import footers, partitions
from runner.lake.index.footers import FooterState
from runner.lake.index.index_file import IndexFile
from runner.lake.index.schema_files import SchemaFiles
from runner.lake.table import SCHEMA_FILE
from runner.lake.windows import ALL_TIME, WHOLE, Window, microseconds
from runner.storage import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from runner.clock import Clock
    from runner.lake.index.footers import Footer
    from runner.lake.index.index_file import FileRow, FolderRow
    from runner.lake.windows import Windows

_T = TypeVar("_T")

_SETTLED_NANOSECONDS = 2_000_000_000
"""Within this time of a change of a folder another may leave its time as it is: then it is looked at again."""

_TOGETHER = 1_000
_READERS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexedFile:
    """A file of the lake.

    `size` is in bytes, `written` in nanoseconds and `seen` (when the index first saw it) in microseconds since 1970.
    The rows' times are within `window`; that may be wider than need be, until `is_read`.
    """

    path: Path
    size: int
    written: int
    seen: int
    window: Window
    rows: int
    state: FooterState


class LakeIndex:
    """The index of a lake, in a folder that processes may share; without a folder, in memory.

    It is a cache: what cannot be written or read is done without, and a damaged index is made anew.
    """

    def __init__(self, lake: Path, place: Path | None, clock: Clock) -> None:
        self._lake = lake.resolve()
        self._clock = clock
        self._passing = None if place is not None else tempfile.TemporaryDirectory(prefix="runner-index-")
        self.place = (place or Path(self._passing.name if self._passing else "")).resolve()
        self._schemas = SchemaFiles(self.place / "schemas")
        self._file = self._open()

    def close(self) -> None:
        """Let go of the index."""
        self._file.close()
        if self._passing is not None:
            self._passing.cleanup()

    def files(
        self, folder: Path, windows: Windows = ALL_TIME, *, column: str | None, sharp: bool = False
    ) -> list[IndexedFile]:
        """Return the files in a table's folder that may hold rows of some windows of a column, in order of paths.

        Looks only into folders whose days may be in a window, and only at what changed there. A `sharp` answer
        has read the end of every file that it names.
        """
        table = self._path_of(folder)

        def find(index: IndexFile) -> list[IndexedFile]:
            index.use_time_column(table, column)
            folders = self._refresh(index, table, windows)
            found = [(file, parent.path) for parent in folders for file in _files_in(index, parent, windows)]
            unread = [
                (file, path)
                for file, path in found
                if file.state is FooterState.UNREAD
                and (sharp or not any(window.holds(file.window) for window in windows))
            ]
            if self._read_footers(index, unread, column):
                found = [
                    (file, parent.path) for parent in folders for file in _files_in(index, parent, windows)
                ]
            return sorted((self._indexed(file, path) for file, path in found), key=lambda file: file.path)

        return self._looked(folder, find)

    def newly_seen(self, folder: Path, window: Window, *, seen_after: int) -> list[IndexedFile]:
        """Return the files in a table's folder that may hold rows of a window and were not seen before a moment.

        The moment is in microseconds since 1970. The end of each of these files has been read. Nothing is known of a
        table that no query has read yet, nor of one without a time column.
        """
        table = self._path_of(folder)

        def find(index: IndexFile) -> list[IndexedFile]:
            column = index.time_column(table)
            if column is None:
                return []
            folders = self._refresh(index, table, (window,))
            new = [(file, parent.path) for parent in folders for file in index.files_seen(parent, seen_after)]
            unread = [(file, path) for file, path in new if file.state is FooterState.UNREAD]
            if self._read_footers(index, unread, column):
                new = [
                    (file, parent.path) for parent in folders for file in index.files_seen(parent, seen_after)
                ]
            return [self._indexed(file, path) for file, path in new if file.window.meets(window)]

        return self._looked(folder, find)

    def schema(self, folder: Path) -> Path | None:
        """Return a file without rows that has every column of a table; None for a table without files.

        It is the table's own, else one that is made of all its files.
        """
        own = folder / SCHEMA_FILE
        if own.exists():
            return own
        table = self._path_of(folder)
        made = self._schemas.path_of(table)
        with self._schemas.locked():
            self._mended(lambda index: self._extend_schema(index, table, is_new=not made.exists()))
        return made if made.exists() else None

    def _looked(self, folder: Path, find: Callable[[IndexFile], list[IndexedFile]]) -> list[IndexedFile]:
        """Find files of a table, but none of a source that is not there as a whole."""
        with publication.looking(folder) as look:
            found = self._mended(find)
            hidden = look.hidden()
        return [file for file in found if file.path not in hidden] if hidden else found

    def _path_of(self, folder: Path) -> str:
        return folder.relative_to(self._lake).as_posix()

    def _extend_schema(self, index: IndexFile, table: str, *, is_new: bool) -> None:
        if is_new:
            index.forget_schema(table)
        known = [] if is_new else [index.add_folder(table, WHOLE)]
        folders = self._refresh(index, table, ALL_TIME) if is_new else _below(index, known)
        files = [(file, parent.path) for parent in folders for file in index.files_without_schema(parent)]
        if files:
            self._schemas.extend(table, sorted(self._lake / path / file.name for file, path in files))
            index.keep_in_schema(file for file, _ in files)

    def _refresh(self, index: IndexFile, table: str, windows: Windows) -> list[FolderRow]:
        """Bring the folders that may hold rows of some windows up to date, and return them."""
        waiting = [index.add_folder(table, WHOLE)]
        current = []
        while waiting:
            folder = waiting.pop()
            if self._list(index, folder):
                current.append(folder)
                waiting += _folders_in(index, folder, windows)
        return current

    def _list(self, index: IndexFile, folder: FolderRow) -> bool:
        """List a folder if it has changed; tell whether it is there."""
        path = self._lake / folder.path
        now = microseconds(self._clock.now())
        try:
            written = _written(path)  # before looking: what comes while we look shows the next time
            if written is not None and written == folder.written:
                return True
            listing = partitions.list_folder(path)
        except (FileNotFoundError, NotADirectoryError):
            index.remove_folder(folder.path)
            return False
        settled = written is not None and now * 1_000 - written > _SETTLED_NANOSECONDS
        index.keep_listing(
            folder,
            written=written if written is not None and settled else -1,
            files=listing.files,
            folders={
                f"{folder.path}/{name}": partitions.window_of(name, folder.window) for name in listing.folders
            },
            seen=now,
        )
        return True

    def _read_footers(
        self, index: IndexFile, files: Sequence[tuple[FileRow, str]], column: str | None
    ) -> bool:
        for start in range(0, len(files), _TOGETHER):
            some = files[start : start + _TOGETHER]
            with ThreadPoolExecutor(_READERS) as readers:
                found = readers.map(lambda one: self._footer(one[0], one[1], column), some)
                index.keep_footers([(file, footer) for (file, _), footer in zip(some, found, strict=True)])
        return bool(files)

    def _footer(self, file: FileRow, folder: str, column: str | None) -> Footer | None:
        try:
            return footers.read(self._lake / folder / file.name, column)
        except FileNotFoundError:
            return None

    def _indexed(self, file: FileRow, folder: str) -> IndexedFile:
        return IndexedFile(
            path=self._lake / folder / file.name,
            size=file.size,
            written=file.written,
            seen=file.seen,
            window=file.window,
            rows=file.rows,
            state=file.state,
        )

    def _open(self) -> IndexFile:
        """Open the index; one that cannot be opened is made anew, and if that fails too, in memory."""
        path = self.place / "index.db"
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            return IndexFile(path)
        except (sqlite3.OperationalError, OSError):
            return IndexFile(None)
        except sqlite3.DatabaseError:
            return self._anew(path)

    def _anew(self, path: Path) -> IndexFile:
        try:
            for ending in ("", "-wal", "-shm"):
                Path(f"{path}{ending}").unlink(missing_ok=True)
            return IndexFile(path)
        except (sqlite3.Error, OSError):
            return IndexFile(None)

    def _mended(self, action: Callable[[IndexFile], _T]) -> _T:
        """Do something with the index, and again with another if it is damaged or cannot be written."""
        try:
            return action(self._file)
        except sqlite3.OperationalError:
            self._file.close()
            self._file = IndexFile(None)
        except sqlite3.DatabaseError:
            self._file.close()
            self._file = self._anew(self.place / "index.db")
        return action(self._file)


def _written(folder: Path) -> int | None:
    """Return when the names in a folder last changed; None for one in a bucket, which does not say."""
    return None if isinstance(folder, ObjectPath) else folder.stat().st_mtime_ns


def _hull(windows: Windows) -> Window:
    return Window(windows[0].low, windows[-1].high) if windows else Window(0, -1)


def _meeting(found: Iterable[_T], windows: Windows, window_of: Callable[[_T], Window]) -> list[_T]:
    return [one for one in found if any(window_of(one).meets(window) for window in windows)]


def _folders_in(index: IndexFile, folder: FolderRow, windows: Windows) -> list[FolderRow]:
    return _meeting(index.folders_in(folder, _hull(windows)), windows, lambda one: one.window)


def _files_in(index: IndexFile, folder: FolderRow, windows: Windows) -> list[FileRow]:
    return _meeting(index.files_in(folder, _hull(windows)), windows, lambda one: one.window)


def _below(index: IndexFile, folders: Sequence[FolderRow]) -> list[FolderRow]:
    """Return folders with all that is known in them."""
    found = list(folders)
    for folder in found:
        found += index.folders_in(folder, WHOLE)
    return found
