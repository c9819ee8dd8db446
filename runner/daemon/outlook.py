"""Outlook: how all queries stand, as the state database has it, read no more often than needed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from runner.status.query_status import StatusMaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.clock import Clock
    from runner.status.daemon_record import SeenDaemon
    from runner.status.query_status import QueryStatus
    from runner.store.standing_store import StandingStore


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """How things stood at one moment."""

    daemons: tuple[SeenDaemon, ...]
    queries: tuple[QueryStatus, ...]


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

    def view(self, max_age: float = 0.0) -> View:
        """Return how things stand, or stood at most `max_age` seconds ago. Raises `StoreError`."""
        with self._lock:
            now = self._monotonic()
            if self._view is None or now - self._read_at >= max_age:
                self._view = self._read()
                self._read_at = now
            return self._view

    def _read(self) -> View:
        maker = StatusMaker(self._clock.now())
        return View(
            daemons=tuple(self._store.daemons()),
            queries=tuple(maker.status_of(facts) for facts in self._store.facts()),
        )
