"""Folders and globs that files arrive in: which of them are there, whole, and not taken in yet."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.storage import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runner.clock import Clock

Place = str | ObjectPath
"""Where files are: a path or a glob of this machine, or what is in a bucket, which may have wildcards as well."""

_HIDDEN = (".", "_")
_UNFINISHED = (".part", ".partial", ".tmp", ".swp", ".crdownload")
_MAGIC = frozenset("*?[")
_SETTLED_SECONDS = 30.0
"""A file that was last written so long ago is whole, even if it was never looked at before."""


@dataclass(frozen=True, slots=True)
class _State:
    """By what it shows that a file has changed."""

    size: int
    written: int
    inode: int


class SeenFiles:
    """Remembers in a file which sources were taken in, so that they need not be read again to know it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS seen (purpose TEXT, path TEXT, size INTEGER, written INTEGER,"
            " inode INTEGER, PRIMARY KEY (purpose, path)) WITHOUT ROWID"
        )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def holds(self, purpose: str, path: Path, state: _State) -> bool:
        """Tell whether a file was taken in as it is."""
        row = self._connection.execute(
            "SELECT size, written, inode FROM seen WHERE purpose = ? AND path = ?", [purpose, str(path)]
        ).fetchone()
        return bool(row == (state.size, state.written, state.inode))

    def add(self, purpose: str, path: Path, state: _State) -> None:
        """Remember that a file was taken in."""
        self._connection.execute(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)",
            [purpose, str(path), state.size, state.written, state.inode],
        )


class Inbox:
    """The files in some folders (with all below them), or that match some globs, for one purpose.

    A file is ready when it was the same at two looks, or has not been written for a while: so a file that is still
    being written is left alone. Hidden files, and those whose names say that they are unfinished, are no files.
    """

    def __init__(self, places: Sequence[Place], seen: SeenFiles, *, purpose: str, clock: Clock) -> None:
        self._places = places
        self._seen = seen
        self._purpose = purpose
        self._clock = clock
        self._last: dict[Path, _State] = {}

    @property
    def folders(self) -> list[Path]:
        """The folders to be watched for changes; buckets do not tell of any."""
        return sorted({_folder_of(place) for place in self._places if isinstance(place, str)})

    @property
    def is_settled(self) -> bool:
        """Whether every file was ready at the last look, so that nothing comes without a change."""
        return not self._last

    def ready(self) -> list[Path]:
        """Look for files that are whole and were not taken in, the oldest first."""
        now = self._clock.now().timestamp()
        found: list[tuple[int, Path]] = []
        last, self._last = self._last, {}
        for path, state in self._states():
            if self._seen.holds(self._purpose, path, state):
                continue
            if last.get(path) == state or now - state.written / 1e9 > _SETTLED_SECONDS:
                found.append((state.written, path))
            self._last[path] = state
        return [path for _, path in sorted(found)]

    def take(self, path: Path) -> None:
        """Remember that a file of the last look was taken in, as it was then."""
        state = self._last.pop(path, None)
        if state is not None:
            self._seen.add(self._purpose, path, state)

    def _states(self) -> Iterator[tuple[Path, _State]]:
        for path in sorted(set(_files_in(self._places))):
            try:
                status = path.stat()
            except OSError:
                continue  # it went away while we looked
            yield path, _State(status.st_size, status.st_mtime_ns, status.st_ino)


def is_pattern(place: str) -> bool:
    """Tell whether a place is a glob, and not a file or folder."""
    return bool(_MAGIC & set(place)) and not Path(place).exists()


def files_of(places: Iterable[Place]) -> list[Path]:
    """Return the files that are at some places now: files, folders or globs. Raises `OSError` for a bucket out of reach."""
    return list(dict.fromkeys(_files_in(places)))


def _files_in(places: Iterable[Place]) -> Iterator[Path]:
    for place in places:
        if isinstance(place, ObjectPath):
            yield from (file for file in place.files() if not file.name.endswith(_UNFINISHED))
            continue
        path = Path(place)
        if is_pattern(place):
            folder = _folder_of(place)
            yield from _plain(sorted(folder.glob(str(path.relative_to(folder)))))
        elif path.is_dir():
            yield from _plain(_below(path))
        else:
            yield path.absolute()


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(_HIDDEN))
        yield from (Path(parent, name) for name in sorted(names))


def _plain(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file() and not path.name.startswith(_HIDDEN) and not path.name.endswith(_UNFINISHED):
            yield path.absolute()


def _folder_of(place: str) -> Path:
    """Return the folder that holds all that a place can name: of a glob, that before its first wildcard."""
    path = Path(place)
    if not is_pattern(place):
        return path if path.is_dir() else path.parent
    wild = next(number for number, part in enumerate(path.parts) if _MAGIC & set(part))
    return Path(*path.parts[:wild])
