"""Backoff: how long to wait before something is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_HIGHEST_POWER = 32
"""Further doublings are beyond any `longest`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backoff:
    """Waits double with each failure, up to `longest`; each is cut by up to a half, at random.

    So those that failed together do not come again together. `random` returns numbers from 0 to below 1.
    """

    first: timedelta
    longest: timedelta
    random: Callable[[], float]
    longest_asked: timedelta = timedelta(hours=1)
    """The other side is left alone for no longer than this, whatever it asks for."""

    def wait(self, failures: int, asked: float | None = None) -> timedelta:
        """Return how long to wait after so many failures in a row (1 or more).

        `asked` is how many seconds the other side wants to be left alone: up to `longest_asked` it is not disturbed
        before.
        """
        doubled = min(self.longest, self.first * (1 << min(failures - 1, _HIGHEST_POWER)))
        heeded = min(asked or 0.0, self.longest_asked.total_seconds())
        return max(doubled * (0.5 + self.random() / 2), timedelta(seconds=heeded))
