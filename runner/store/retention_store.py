"""RetentionStore: removing what is old, as the daemon and operators do it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from runner.store import retention
from runner.store.retention import Cutoffs, Pruned

if TYPE_CHECKING:
    from datetime import datetime

    from runner.clock import Clock
    from runner.settings import Settings
    from runner.store.database import Database


class RetentionStore:
    """Every method is one transaction. Raises `StoreError`; threads and processes may share one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def cutoffs(self, settings: Settings) -> Cutoffs:
        """Return up to when what is to be removed, as the settings have it now."""

        def before(option: str) -> datetime | None:
            days: int = settings[f"retention.{option}"]
            return self._clock.now() - timedelta(days=days) if days else None

        return Cutoffs(runs=before("runs_days"), matches=before("matches_days"), alerts=before("alerts_days"))

    def count(self, cutoffs: Cutoffs) -> Pruned:
        """Return how much would be removed; nothing is."""
        with self._database.reading() as connection:
            return retention.count(connection, cutoffs)

    def prune_portion(self, cutoffs: Cutoffs) -> tuple[Pruned, bool]:
        """Remove one portion of what is old; returns what that was, and whether there may be more."""
        with self._database.transaction() as connection:
            return retention.prune_portion(connection, cutoffs)
