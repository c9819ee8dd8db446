"""Checkpoints that kill: handed to a daemon by the launcher."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runner.checkpoints import Checkpoint, Checkpoints


@dataclass(frozen=True, kw_only=True, slots=True)
class Kill:
    """Who is killed at the n-th time that a point is reached; once, which the marker file remembers."""

    point: Checkpoint
    nth: int
    marker: str
    victim: str = "daemon"
    """`daemon` or `worker`: the process itself that has reached the point."""
    number: int = signal.SIGKILL


class DeadlyPoints(Checkpoints):
    """Kills with SIGKILL, which nobody can catch, in the very call."""

    def __init__(self, kills: list[Kill], daemon: int) -> None:
        self._kills = kills
        self._daemon = daemon
        self._times: Counter[Checkpoint] = Counter()

    def reached(self, point: Checkpoint) -> None:
        self._times[point] += 1
        for kill in self._kills:
            if kill.point is point and kill.nth == self._times[point] and _first(kill.marker):
                os.kill(self._daemon if kill.victim == "daemon" else os.getpid(), kill.number)


def _first(marker: str) -> bool:
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


class FastClock:
    """A clock that runs so many times faster than the machine's, and stands still once it has come to `until`.

    It stands at `base` until the machine's clock shows `since`: a daemon that starts quickly sees no earlier time.
    """

    def __init__(self, *, base: datetime, since: float, speed: float, until: datetime | None) -> None:
        self._base = base
        self._since = since
        self._speed = speed
        self._until = until

    def now(self) -> datetime:
        passed = max(0.0, time.time() - self._since)
        now = (self._base + timedelta(seconds=passed * self._speed)).astimezone(UTC)
        return now if self._until is None else min(now, self._until)

    def seconds_until(self, moment: datetime) -> float:
        start = max(0.0, self._since - time.time())
        return max(0.0, start + (moment - self.now()).total_seconds() / self._speed)
