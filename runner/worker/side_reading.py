"""Definition files read by several processes at once."""

from __future__ import annotations

import multiprocessing
import threading
from typing import TYPE_CHECKING

from runner.definitions.partial import read_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from runner.definitions.reading import Reading

_LEAST_PER_PROCESS = 100
"""Files: handing their readings over takes a tenth of the time of reading them, and starting a process some more."""


def read_side_by_side(root: Path, names: Sequence[str], *, processes: int) -> list[Reading | None]:
    """Do as `read_files` does, this process taking its share of the files and forks of it the others.

    With other threads around there is one process only: a fork would have their locks, held for ever. A process that
    dies leaves its share to this one.
    """
    count = max(1, min(processes, len(names) // _LEAST_PER_PROCESS))
    if threading.active_count() > 1:
        count = 1
    shares = [names[number::count] for number in range(count)]
    helpers = [_Helper(root, share) for share in shares[1:]]
    read = [read_files(root, shares[0]), *(helper.readings() for helper in helpers)]
    return [read[place % count][place // count] for place in range(len(names))]


class _Helper:
    """A fork that reads some files."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self._task = (root, names)
        context = multiprocessing.get_context("fork")
        self._connection, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_send_readings, args=(theirs, *self._task), daemon=True)
        self._process.start()
        theirs.close()

    def readings(self) -> list[Reading | None]:
        """Wait for the readings; without an answer, read the files here."""
        try:
            found: list[Reading | None] = self._connection.recv()
        except (EOFError, OSError):
            found = read_files(*self._task)
        self._process.join()
        self._connection.close()
        return found


def _send_readings(connection: Connection, root: Path, names: Sequence[str]) -> None:
    connection.send(read_files(root, names))
