"""PlannerLoop: has due times recorded, one thread at a time, and is heard of whatever the state database does."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from runner.daemon.planner import Planner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime, timedelta

    from runner.daemon.planner import PlannerStore
    from runner.daemon.pulse import Pulse
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.metrics import Metrics
    from runner.schedule.timing import QueryTiming

_LOOP = "planner"
_QUIET_SECONDS = 120.0
"""Within this time it is heard of again. It is called every half a minute, and oftener when something is due."""


class PlannerLoop:
    """The planner, as the alarm clock and reloads call it.

    `store` and `timing_of` are the planner's. `now` tells the time, and may raise `StoreError`. `is_stopping` is asked
    between the portions that are recorded: the process may be told to end while it catches up with a long outage.
    """

    def __init__(
        self,
        store: PlannerStore,
        timing_of: Callable[[ScheduledQuery], QueryTiming],
        *,
        now: Callable[[], datetime],
        is_stopping: Callable[[], bool],
        pulse: Pulse,
        metrics: Metrics,
    ) -> None:
        self._planner = Planner(store, timing_of, goes_on=self._goes_on)
        self._now = now
        self._is_stopping = is_stopping
        self._pulse = pulse
        self._metrics = metrics
        self._turn = Lock()

    def load(self, queries: Iterable[ScheduledQuery], may_exist: Callable[[str], bool]) -> None:
        """Take in the queries as they are defined now, as `Planner.load` does. Raises `StoreError`."""
        with self._turn:
            self._planner.load(queries, self._now(), may_exist=may_exist)

    def tick(self) -> int:
        """Record what has fallen due; return how many due times that were. Raises `StoreError`; the next call records it."""
        # It is alive if it is called and comes to its turn: a restart would bring no state database back.
        self._beat()
        with self._turn:
            self._beat()
            recorded = self._planner.plan(self._now())
        self._beat()
        self._metrics.due_times.inc(recorded)
        return recorded

    @property
    def waits_for_clock(self) -> timedelta | None:
        """By how much the clock is behind what is recorded, while nothing is done for that; None if it is right."""
        return self._planner.waits_for_clock

    def end(self) -> None:
        """Expect no more calls."""
        self._pulse.end(_LOOP)

    def next_moment(self) -> datetime | None:
        """Return when something falls due next."""
        return self._planner.next_moment()

    def _goes_on(self) -> bool:
        self._beat()
        return not self._is_stopping()

    def _beat(self) -> None:
        self._pulse.beat(_LOOP, _QUIET_SECONDS)
