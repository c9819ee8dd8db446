"""Pulse: whether every loop of the process is alive, by the promises that each of them makes."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Pulse:
    """Each loop says that it is alive, and within how many seconds it will say so again. Threads share one.

    `monotonic` tells seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._promises: dict[str, float] = {}

    def beat(self, loop: str, within: float) -> None:
        """Say that a loop is alive, and promise to say so again within so many seconds."""
        with self._lock:
            self._promises[loop] = self._monotonic() + within

    def end(self, loop: str) -> None:
        """Say that a loop has ended as it should: nothing more is to be heard of it."""
        with self._lock:
            self._promises.pop(loop, None)

    def late(self) -> list[str]:
        """Return the loops that have broken their promise."""
        now = self._monotonic()
        with self._lock:
            return sorted(loop for loop, until in self._promises.items() if until < now)
