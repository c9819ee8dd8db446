"""The daemon on a clock that runs faster than the machine's: a day in an hour. Ended by SIGTERM, as ever."""

from __future__ import annotations

import argparse
import logging
import time
from datetime import datetime, timedelta
from pathlib import Path

from runner import logs
from runner.daemon.process import Daemon
from runner.settings import load


class FastClock:
    """A clock that stood at `start` when the machine's stood at `began`, and runs `speed` times as fast.

    `start` is aware; `began` is in seconds since 1970. Every process that is given the same three agrees on the time.
    """

    def __init__(self, start: datetime, began: float, speed: float) -> None:
        self._start = start
        self._began = began
        self._speed = speed

    def now(self) -> datetime:
        """Return the present moment of this clock."""
        return self._start + timedelta(seconds=(time.time() - self._began) * self._speed)

    def seconds_until(self, moment: datetime) -> float:
        """Return how many of the machine's seconds there are until a moment."""
        return max(0.0, (moment - self.now()).total_seconds() / self._speed)


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--start", type=datetime.fromisoformat, required=True)
    parser.add_argument("--began", type=float, required=True)
    parser.add_argument("--speed", type=float, required=True)
    options = parser.parse_args()
    logs.configure(as_json=True, level=logging.INFO)
    daemon = Daemon(load(options.project, {}), FastClock(options.start, options.began, options.speed))
    daemon.stop_on_signals()
    daemon.run()


if __name__ == "__main__":
    main()
