"""SureTime: up to which moment time has surely come, so that a clock that stands before it is behind."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

SET_BACK = timedelta(minutes=1)
"""A clock that goes back by no more than this is taken as it is."""
_IN_STEP = timedelta(minutes=1)
_PROBATION = timedelta(hours=1)


class SureTime:
    """What earlier daemons have recorded is taken for true, and so is an hour in step with a steady clock.

    A machine may start with a clock that is years behind, until it hears of the right time. Nothing that was recorded
    may be forgotten for such a clock. What this process itself has recorded within its first hour is not sure yet: its
    own clock may have been ahead. `recorded` (aware) is the latest moment that the state database holds; `steady`
    tells seconds that never go back.
    """

    def __init__(self, recorded: datetime, steady: Callable[[], float] = time.monotonic) -> None:
        self._sure = recorded
        self._steady = steady
        self._anchor: tuple[datetime, float] | None = None

    def behind(self, now: datetime) -> timedelta | None:
        """Return by how much a clock that says `now` (aware) is behind; None if it is not."""
        if now + SET_BACK < self._sure:
            self._anchor = None
            return self._sure - now
        self._live_through(now)
        return None

    def _live_through(self, now: datetime) -> None:
        passed = self._steady()
        if self._anchor is None or not self._is_in_step(*self._anchor, now, passed):
            self._anchor = now, passed
        elif passed - self._anchor[1] >= _PROBATION.total_seconds():
            self._sure = max(self._sure, now)

    def _is_in_step(self, since: datetime, passed_before: float, now: datetime, passed: float) -> bool:
        return abs((now - since) - timedelta(seconds=passed - passed_before)) <= _IN_STEP
