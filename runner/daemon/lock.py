"""One daemon for a SQLite state database: a lock on a file beside it, which ends with the process."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
                "one; with PostgreSQL any number may share the work"
            ) from None
        yield
