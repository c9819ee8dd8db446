"""LedgerStore: what queries owe, as the daemon sees it. Every method is one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.checkpoints import NO_CHECKPOINTS, Checkpoint
from runner.store import ledger

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from runner.checkpoints import Checkpoints
    from runner.clock import Clock
    from runner.runs.query_run import Claim
    from runner.schedule.ledger import Epoch, GapReason
    from runner.schedule.owed import DuePlan
    from runner.store.database import Database


class LedgerStore:
    """Epochs, watermarks, gaps and the backlog. Raises `StoreError`; threads may share one."""

    def __init__(self, database: Database, clock: Clock, checkpoints: Checkpoints = NO_CHECKPOINTS) -> None:
        self._database = database
        self._clock = clock
        self._reached = checkpoints.reached

    def epochs(self) -> dict[str, list[Epoch]]:
        """Return every query's epochs, in order of time."""
        with self._database.reading() as connection:
            return ledger.epochs_by_query(connection)

    def watermarks(self) -> dict[str, datetime]:
        """Return up to when each query's due times are recorded."""
        with self._database.reading() as connection:
            return ledger.watermarks_by_query(connection)

    def begin_epochs(self, epochs: Mapping[str, Epoch]) -> None:
        """Remember that new schedules hold for some queries."""
        self._reached(Checkpoint.EPOCHS_BEGIN)
        with self._database.transaction() as connection:
            ledger.begin_epochs(connection, epochs)
            self._reached(Checkpoint.EPOCHS_UNCOMMITTED)
        self._reached(Checkpoint.EPOCHS_RECORDED)

    def record_due(self, plans: Sequence[DuePlan]) -> None:
        """Record due times and move the watermarks; what is there already stays."""
        self._reached(Checkpoint.DUE_BEGINS)
        with self._database.transaction() as connection:
            ledger.record_due(connection, plans, self._clock.now())
            self._reached(Checkpoint.DUE_UNCOMMITTED)
        self._reached(Checkpoint.DUE_RECORDED)

    def take_back(self, now: datetime) -> int:
        """Forget what was recorded for times that have not come; return how many epochs and due times."""
        with self._database.transaction() as connection:
            return ledger.take_back(connection, now)

    def claim_next(self, owner: str, lease: timedelta) -> Claim | None:
        """Claim the due time that comes first; None if nothing is to be started now."""
        self._reached(Checkpoint.CLAIM_BEGINS)
        with self._database.transaction() as connection:
            claim = ledger.claim_next(connection, owner, lease, self._clock.now())
            if claim is not None:
                self._reached(Checkpoint.CLAIM_UNCOMMITTED)
        if claim is not None:
            self._reached(Checkpoint.CLAIM_COMMITTED)
        return claim

    def reopen(self, owed: Sequence[tuple[str, datetime, datetime]]) -> int:
        """Let due times that were evaluated be run once more: query, due time and when to start; return how many are new."""
        with self._database.transaction() as connection:
            return ledger.reopen(connection, owed)

    def extend_leases(self, owner: str, run_ids: Collection[str], lease: timedelta) -> None:
        """Say that this owner is still at work on these runs; what it has lost since stays lost."""
        if not run_ids:
            return
        with self._database.transaction() as connection:
            ledger.extend_leases(connection, owner, run_ids, lease)
            self._reached(Checkpoint.LEASES_UNCOMMITTED)
        self._reached(Checkpoint.LEASES_EXTENDED)

    def release_all(self) -> None:
        """Give back everything that is claimed: nobody else can be at work on this database."""
        with self._database.transaction() as connection:
            ledger.release_all(connection)

    def server_time(self) -> datetime | None:
        """Return what time it is for a database server; None if the database is a file of this machine."""
        with self._database.reading() as connection:
            return ledger.server_time(connection)

    def next_start(self) -> datetime | None:
        """Return when the first due time that nobody has may start."""
        with self._database.reading() as connection:
            return ledger.next_start(connection)

    def backlog_size(self) -> int:
        """Return how many due times are still to be run, or are running."""
        with self._database.reading() as connection:
            return ledger.backlog_size(connection)

    def list_gaps(self, query: str | None, limit: int) -> list[tuple[str, datetime, GapReason]]:
        """Return gaps as query, due time and reason, oldest first."""
        with self._database.reading() as connection:
            return ledger.list_gaps(connection, query, limit)
