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

    from runner.daemon.pulse import Pulse

_log = structlog.get_logger(__name__)

_SETTLE_SECONDS = 0.2
"""How far apart two looks are that have to see the same before a change is taken in."""
_STEP_MILLISECONDS = 100
_TICK_SECONDS = 1.0
_LOOK_SHARE = 0.01
"""The most that regular looks may take of one core: with very many files they become rarer."""
_LOOP = "definitions"
_QUIET_SECONDS = 60.0
"""Within this time it is heard of again when it only waits."""
_LOOK_SECONDS = 600.0
"""Within this time a look ends, or the setting up of watches: there may be tens of thousands of files, far away."""
_KUBERNETES_LINK = "..data"


class DefinitionWatch:
    """Calls `look` in a thread of its own until it is stopped.

    `folders` says which folders to watch, after each look. `seconds` is how far apart regular looks are: they
    find what the file system does not tell of, as network file systems do, and changes behind links.
    `told` is who tells of changes: called with folders and what ends it, it yields once a second whether something has
    changed. Once it fails, regular looks are all there is until the folders change.
    """

    def __init__(
        self,
        *,
        root: Path,
        look: Callable[[], Look],
        folders: Callable[[], Sequence[str]],
        seconds: float,
        pulse: Pulse,
        told: Callable[[Sequence[Path], threading.Event], Iterator[bool]] | None = None,
    ) -> None:
        self._root = root
        self._look = look
        self._folders = folders
        self._seconds = seconds
        self._pulse = pulse
        self._told = told or told_by_the_file_system
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
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._watch_folders(tuple(self._folders()))
            except Exception as error:  # noqa: BLE001  the boundary of a thread, which has to go on
                _log.error("definitions_watch_failed", fault=repr(error))
                self._woken.wait(_TICK_SECONDS)
                self._woken.clear()  # it begins with a look anyway
        self._pulse.end(_LOOP)

    def _watch_folders(self, folders: Sequence[str]) -> None:
        """Watch these folders, and look when there is reason to, until there are other folders."""
        next_look = 0.0  # what changed before the watching began was told to nobody
        self._pulse.beat(_LOOP, _LOOK_SECONDS)
        for is_told in self._ticks(folders):
            if is_told or self._woken.is_set() or time.monotonic() >= next_look:
                taken = self._look_until_settled()
                next_look = time.monotonic() + max(self._seconds, taken / _LOOK_SHARE)
            self._pulse.beat(_LOOP, _QUIET_SECONDS)
            if tuple(self._folders()) != folders:
                break

    def _look_until_settled(self) -> float:
        """Look until nothing is being written; return the CPU seconds of the last look."""
        self._woken.clear()
        while True:
            self._pulse.beat(_LOOP, _LOOK_SECONDS)
            started = time.thread_time()
            look = self._look()
            if look is not Look.UNSETTLED or self._stopping.wait(_SETTLE_SECONDS):
                return time.thread_time() - started

    def _ticks(self, folders: Sequence[str]) -> Iterator[bool]:
        """Yield once a second whether something has changed in these folders, and at once if something has."""
        try:
            yield from self._told([self._root / folder for folder in folders], self._stopping)
        except FileNotFoundError:  # a folder that was there at the last look: the next one will see
            self._stopping.wait(_SETTLE_SECONDS)
        except Exception as error:  # noqa: BLE001  the library tells of some troubles by a bare RuntimeError
            # Too many watches, a file system that has none, a watch that broke while it was used.
            _log.warning(
                "definitions_not_watched", fault=str(error) or repr(error), looked_at_every=self._seconds
            )
            while not self._stopping.is_set():
                self._woken.wait(_TICK_SECONDS)
                yield False


def told_by_the_file_system(folders: Sequence[Path], stopping: threading.Event) -> Iterator[bool]:
    """Yield once a second whether something has changed in these folders, and at once if something has.

    Raises `OSError`, or whatever else the library has when a watch breaks.
    """
    for changes in watchfiles.watch(
        *folders,
        watch_filter=_may_matter,
        recursive=False,
        step=_STEP_MILLISECONDS,
        debounce=10 * _STEP_MILLISECONDS,
        stop_event=stopping,
        rust_timeout=int(_TICK_SECONDS * 1000),
        yield_on_timeout=True,
        raise_interrupt=False,
        ignore_permission_denied=True,
    ):
        yield bool(changes)


def _may_matter(_change: watchfiles.Change, path: str) -> bool:
    """Whether a change of a file or folder may change a definition."""
    name = path.rpartition("/")[2]
    if name.startswith("."):
        return name == _KUBERNETES_LINK
    return name.endswith((".yml", ".yaml", ".py")) or "." not in name
