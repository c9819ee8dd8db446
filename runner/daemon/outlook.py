"""Outlook: how all queries stand, as the state database has it, read no more often than needed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from runner.status.query_status import StatusMaker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.clock import Clock
    from runner.status.daemon_record import SeenDaemon
    from runner.status.query_status import QueryStatus
    from runner.store.standing_store import StandingStore


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """How things stood at one moment."""

    daemons: tuple[SeenDaemon, ...]
    queries: tuple[QueryStatus, ...]
    deliveries: Mapping[str, tuple[int, float]]
    """For each destination, how many deliveries wait for it, and for how many seconds the oldest does."""
    undelivered: tuple[str, ...]
    """The destinations that were not given an alert, for good."""


_LOOK_SHARE = 0.01


class Outlook:
    """Threads share one; `monotonic` tells seconds that never go back."""

    def __init__(
        self, store: StandingStore, clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._lock = Lock()
        self._view: View | None = None
        self._read_at = 0.0
        self._cost = 0.0

    def view(self, max_age: float = 0.0) -> View:
        """Return how things stand, or stood at most `max_age` seconds ago. Raises `StoreError`.

        With very many queries, who does not insist on the present (0) is told of an older past: to look takes no
        more than a hundredth of one core.
        """
        with self._lock:
            now = self._monotonic()
            oldest = max(max_age, self._cost / _LOOK_SHARE) if max_age else 0.0
            if self._view is None or now - self._read_at >= oldest:
                started = time.thread_time()
                self._view = self._read()
                self._cost = time.thread_time() - started
                self._read_at = now
            return self._view

    def _read(self) -> View:
        now = self._clock.now()
        maker = StatusMaker(now)
        return View(
            daemons=tuple(self._store.daemons()),
            queries=tuple(maker.status_of(facts) for facts in self._store.facts()),
            deliveries={
                name: (number, max(0.0, (now - since).total_seconds()))
                for name, (number, since) in self._store.waiting_deliveries().items()
            },
            undelivered=tuple(self._store.undelivered()),
        )
