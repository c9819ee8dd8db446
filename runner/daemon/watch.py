"""DefinitionWatch: a thread that has the definitions looked at: when the file system tells, when asked, and regularly."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import structlog
import watchfiles

from runner.daemon.definitions import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_log = structlog.get_logger(__name__)

_SETTLE_SECONDS = 0.2
"""How far apart two looks are that have to see the same before a change is taken in."""
_STEP_MILLISECONDS = 100
_TICK_SECONDS = 1.0
_LOOK_SHARE = 0.01
"""The most that regular looks may take of one core: with very many files they become rarer."""
_KUBERNETES_LINK = "..data"


class DefinitionWatch:
    """Calls `look` in a thread of its own until it is stopped.

    `folders` says which folders to watch, after each look. `seconds` is how far apart regular looks are: they
    find what the file system does not tell of, as network file systems do, and changes behind links.
    """

    def __init__(
        self, *, root: Path, look: Callable[[], Look], folders: Callable[[], Sequence[str]], seconds: float
    ) -> None:
        self._root = root
        self._look = look
        self._folders = folders
        self._seconds = seconds
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="definitions", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def wake(self) -> None:
        """Have the definitions looked at now."""
        self._woken.set()

    def stop(self, seconds: float = 5.0) -> None:
        """End, after a look that is going on, or after so many seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            folders = tuple(self._folders())
            next_look = 0.0  # what changed before the watching began was told to nobody
            for is_told in self._ticks(folders):
                if is_told or self._woken.is_set() or time.monotonic() >= next_look:
                    taken = self._look_until_settled()
                    next_look = time.monotonic() + max(self._seconds, taken / _LOOK_SHARE)
                if tuple(self._folders()) != folders:
                    break

    def _look_until_settled(self) -> float:
        """Look until nothing is being written; return the CPU seconds of the last look."""
        self._woken.clear()
        while True:
            started = time.thread_time()
            look = self._look()
            if look is not Look.UNSETTLED or self._stopping.wait(_SETTLE_SECONDS):
                return time.thread_time() - started

    def _ticks(self, folders: Sequence[str]) -> Iterator[bool]:
        """Yield once a second whether something has changed in these folders, and at once if something has."""
        try:
            for changes in watchfiles.watch(
                *[self._root / folder for folder in folders],
                watch_filter=_may_matter,
                recursive=False,
                step=_STEP_MILLISECONDS,
                debounce=10 * _STEP_MILLISECONDS,
                stop_event=self._stopping,
                rust_timeout=int(_TICK_SECONDS * 1000),
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                yield bool(changes)
        except FileNotFoundError:  # a folder that was there at the last look: the next one will see
            self._stopping.wait(_SETTLE_SECONDS)
        except OSError as error:  # too many watches, or a file system that has none
            _log.warning("definitions_not_watched", fault=str(error), looked_at_every=self._seconds)
            while not self._stopping.wait(_TICK_SECONDS):
                yield False


def _may_matter(_change: watchfiles.Change, path: str) -> bool:
    """Whether a change of a file or folder may change a definition."""
    name = path.rpartition("/")[2]
    if name.startswith("."):
        return name == _KUBERNETES_LINK
    return name.endswith((".yml", ".yaml", ".py")) or "." not in name
