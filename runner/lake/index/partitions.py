"""Folders of a table, and which times their names say they hold."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from runner.lake.windows import EARLIEST, WHOLE, Window, microseconds
from runner.storage import ObjectPath

if TYPE_CHECKING:
    from pathlib import Path, PurePath

_DAY, _HOUR = "p_date=", "p_hour="
_HIDDEN = (".", "_")
_LENGTHS = {_DAY: timedelta(days=1), _HOUR: timedelta(hours=1)}
_HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A data file in a folder: its name, its size in bytes, and when it was written, in nanoseconds."""

    name: str
    size: int
    written: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds."""

    files: tuple[FoundFile, ...]
    folders: tuple[str, ...]


def list_folder(folder: Path) -> Listing:
    """List the data files and the folders in a folder.

    Names that begin with `.` or `_` are left out: they are hidden, unfinished, or no rows. Raises `OSError`.
    """
    if isinstance(folder, ObjectPath):
        return _list_bucket(folder)
    files, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_HIDDEN):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.name.endswith(".parquet"):
                files += _found(entry)
    return Listing(tuple(files), tuple(folders))


def _list_bucket(folder: ObjectPath) -> Listing:
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(_HIDDEN)]
    statuses = [(entry, entry.stat()) for entry in entries if entry.is_file() and entry.suffix == ".parquet"]
    return Listing(
        tuple(FoundFile(entry.name, status.st_size, status.st_mtime_ns) for entry, status in statuses),
        tuple(entry.name for entry in entries if entry.is_dir()),
    )


def _found(entry: os.DirEntry[str]) -> list[FoundFile]:
    try:
        status = entry.stat()
    except FileNotFoundError:  # it went away while we looked
        return []
    return [FoundFile(entry.name, status.st_size, status.st_mtime_ns)]


def window_of(name: str, parent: Window) -> Window:
    """Return which times a folder holds by its name: a day, or an hour of the day that its parent holds.

    A name that says nothing leaves its parent's window.
    """
    start = _start_of(name, parent)
    if start is None:
        return parent
    length = _LENGTHS[_DAY if name.startswith(_DAY) else _HOUR]
    low = microseconds(start)
    return Window(low, low + length // timedelta(microseconds=1) - 1)


def window_of_path(path: PurePath) -> Window:
    """Return which times the folders of a path, within its table, say that they hold."""
    window = WHOLE
    for name in path.parts:
        window = window_of(name, window)
    return window


def _start_of(name: str, parent: Window) -> datetime | None:
    try:
        if name.startswith(_DAY):
            return datetime.strptime(name.removeprefix(_DAY), "%Y-%m-%d").replace(tzinfo=UTC)
        hour = int(name.removeprefix(_HOUR)) if name.startswith(_HOUR) else -1
    except ValueError:
        return None
    if parent.low == EARLIEST or not 0 <= hour < _HOURS_A_DAY:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=parent.low, hours=hour)
