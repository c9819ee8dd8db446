"""APScheduler, kept in one file: an alarm clock that wakes the daemon, and never decides what is due."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

_ALARM = "alarm"


class AlarmClock:
    """Calls functions at a moment or again and again, each in a thread of its own.

    A call that is late is made all the same, and several that are late become one: those who are called find
    out for themselves what there is to do.
    """

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            logger=_silent_logger(),
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(max_workers=8)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def every(self, seconds: float, call: Callable[[], object]) -> None:
        """Call a function again and again, with this many seconds between the beginnings of calls."""
        self._scheduler.add_job(call, IntervalTrigger(seconds=seconds, timezone="UTC"))

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        """Call a function once, so many seconds from now; what was set before is forgotten."""
        moment = datetime.now(UTC) + timedelta(seconds=seconds)
        self._scheduler.add_job(
            call, DateTrigger(run_date=moment, timezone="UTC"), id=_ALARM, replace_existing=True
        )

    def start(self) -> None:
        """Begin to call."""
        self._scheduler.start()

    def stop(self) -> None:
        """Call no more; a call that is going on ends by itself."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _silent_logger() -> logging.Logger:
    """Return a logger that says nothing: a call that is skipped as the last one still goes on is as it should be.

    What is called reports its own failures; the library's plain lines would stand among ours, which are JSON.
    """
    silent = logging.getLogger("runner.alarm")
    silent.addHandler(logging.NullHandler())
    silent.propagate = False
    return silent
