"""The time, handed to whoever needs it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Something that knows what time it is."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...

    def seconds_until(self, moment: datetime) -> float:
        """Return how many seconds somebody has to wait for a moment (aware); 0 if it has come."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        """Return how many seconds somebody has to wait for a moment (aware); 0 if it has come."""
        return max(0.0, (moment - self.now()).total_seconds())


class FrozenClock:
    """A clock that stands still until it is moved: for tests, and for rule authors' own tests."""

    def __init__(self, at: datetime) -> None:
        self._now = at.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment at which the clock stands."""
        return self._now

    def seconds_until(self, moment: datetime) -> float:
        """Return by how much the clock has to be moved to a moment (aware), in seconds."""
        return max(0.0, (moment - self._now).total_seconds())

    def advance(self, by: timedelta) -> None:
        """Move the clock on (or back, with a negative duration)."""
        self._now += by
