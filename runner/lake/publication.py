"""Publication: the files of one source become visible to readers of a table all at once, though they are renamed in turn.

Who publishes holds a lock of the table, and names the files beforehand; who reads shares the lock while they look. So a
reader sees them all or none. If the publisher dies, its lock is gone and the names are still there: then they are hidden
until somebody publishes them again. A bucket has no locks: there the names are asked for before and after a look.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson

from runner.storage import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_LOCK = ".publishing.lock"
_NAMES = ".publishing"


@contextmanager
def publishing(table: Path, files: Collection[Path]) -> Iterator[None]:
    """Let files of a table become visible within this `with`, or if it is not left in peace, none of them.

    Only one at a time may publish to a table. Raises `OSError`.
    """
    with _locked(table, fcntl.LOCK_EX):
        before = unpublished(table)
        _write_names(table, before.union(files))
        yield
        _write_names(table, before.difference(files))


class Look:
    """A look into a table while nobody publishes."""

    def __init__(self, table: Path) -> None:
        self._table = table
        self._before = unpublished(table)

    def hidden(self) -> frozenset[Path]:
        """Return the files that are to be passed over; to be asked when the look has been taken."""
        return (
            self._before | unpublished(self._table) if isinstance(self._table, ObjectPath) else self._before
        )


@contextmanager
def looking(table: Path) -> Iterator[Look]:
    """Look into a table; nobody publishes to it before this `with` is left. Raises `OSError`."""
    with _locked(table, fcntl.LOCK_SH):
        yield Look(table)


def unpublished(table: Path) -> frozenset[Path]:
    """Return the files that somebody is publishing, or has begun to and died."""
    try:
        return frozenset(table / name for name in orjson.loads((table / _NAMES).read_bytes()))
    except FileNotFoundError:
        return frozenset()


@contextmanager
def _locked(table: Path, kind: int) -> Iterator[None]:
    """Hold the lock of a table; one to which nobody has ever published has none to share."""
    if isinstance(table, ObjectPath):
        yield
        return
    create = os.O_CREAT if kind == fcntl.LOCK_EX else 0
    try:
        lock = os.open(table / _LOCK, os.O_RDONLY | create, 0o644)
    except (FileNotFoundError, NotADirectoryError):
        yield
        return
    try:
        fcntl.flock(lock, kind)
        yield
    finally:
        os.close(lock)


def _write_names(table: Path, files: Collection[Path]) -> None:
    place = table / _NAMES
    if not files:
        place.unlink(missing_ok=True)
        return
    content = orjson.dumps(sorted(file.relative_to(table).as_posix() for file in files))
    if isinstance(place, ObjectPath):
        place.write_bytes(content)
        return
    unfinished = place.with_suffix(".part")
    with unfinished.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(place)
