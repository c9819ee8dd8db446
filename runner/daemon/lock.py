"""One daemon for a SQLite state database: a lock on a file beside it, which ends with the process."""

from __future__ import annotations

import fcntl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from runner.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import IO


def lock_beside(database: Path) -> Path:
    """Return the file that the daemon of a SQLite database locks; the database's links have been followed."""
    return database.with_name(f"{database.name}.daemon.lock")


@contextmanager
def only_daemon(file: Path) -> Iterator[None]:
    """Hold the lock as long as the block runs. Raises `StoreError` if another process has it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"another daemon works on this state database ({file} is locked): with SQLite there can be "
                "one (`--standby` waits for its end); with PostgreSQL any number may share the work"
            ) from None
        yield


@contextmanager
def next_daemon(file: Path, when_free: Callable[[], object], *, wait: Callable[[], bool]) -> Iterator[bool]:
    """Wait for the lock, and hold it as long as the block runs.

    A thread waits for it and calls `when_free`; `wait` returns once that has been called, or something else has
    ended the waiting, and says which: the block is given whether the lock is held.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as held:
        threading.Thread(target=_lock, args=(held, when_free), name="standby", daemon=True).start()
        yield wait()


def _lock(held: IO[str], when_free: Callable[[], object]) -> None:
    with suppress(ValueError, OSError):  # the file was closed: nobody waits any more
        fcntl.flock(held, fcntl.LOCK_EX)
        when_free()
