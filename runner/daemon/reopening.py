"""Reopening: due times whose windows got logs after they were evaluated fall due once more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from runner import late_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from runner.clock import Clock
    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.lake.landed_files import LandingWatch
    from runner.late_data import LateWindow
    from runner.metrics import Metrics
    from runner.settings import Settings
    from runner.store.state import StateStore

_log = structlog.get_logger(__name__)

_OVERLAP = timedelta(minutes=5)
"""How far a look reaches back before the one before it: other processes of this lake write to its index too."""


class Reopening:
    """Looks for files that landed late. What it knows is in the state database and in the lake's index.

    Its first look takes in all that may be opened again, so that a restart loses nothing; those that follow take in what
    landed since. To find a window twice does nothing: it waits in the backlog, or was evaluated since.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        store: StateStore,
        landings: LandingWatch,
        catalogue: Callable[[], Catalogue],
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._store = store
        self._landings = landings
        self._catalogue = catalogue
        self._metrics = metrics
        self._looked_at: datetime | None = None

    def look(self) -> int:
        """Look once; return how many due times are to be evaluated again. Raises `StoreError`; the next look goes on."""
        now = self._clock.now()
        spans = self._spans()
        late = list(self._late(spans, now)) if spans else []
        again = [one for one in late if one.due >= now - spans[one.query][0]]
        count = self._reopen([(one, spans[one.query][1]) for one in again], now) if again else 0
        self._looked_at = now
        return count

    def _spans(self) -> dict[str, tuple[timedelta, timedelta]]:
        """Return for each query whose windows are opened again for how long, and how soon."""
        spans = {}
        for query in self._catalogue().queries.values():
            hours = self._option(query, "reopen_hours")
            if query.enabled and hours:
                wait = timedelta(minutes=self._option(query, "wait_minutes"))
                spans[query.name] = (timedelta(hours=hours), wait)
        return spans

    def _option(self, query: ScheduledQuery, name: str) -> float:
        value: float = self._settings.of_query(query.name, query.tags, name)
        return value

    def _late(self, spans: dict[str, tuple[timedelta, timedelta]], now: datetime) -> Iterable[LateWindow]:
        return late_data.find(
            self._store,
            self._landings,
            queries=spans.keys(),
            since=now - max(back for back, _ in spans.values()),
            seen_after=self._looked_at - _OVERLAP if self._looked_at else None,
        )

    def _reopen(self, late: list[tuple[LateWindow, timedelta]], now: datetime) -> int:
        owed = [(one.query, one.due, max(now, one.again_at(wait))) for one, wait in late]
        count = self._store.ledger.reopen(owed)
        if count:
            self._metrics.reopened.inc(count)
            queries = sorted({one.query for one, _ in late})
            _log.info("windows_reopened", count=count, queries=queries)
        return count
