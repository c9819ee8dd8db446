"""StandingStore: which daemons are alive and how queries stand, as the rest of the program asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.alerts.system_fault import SystemFaultKind
from runner.status.coverage import DueWindows, Recorded, account, account_exactly
from runner.store import daemons, standing, system_errors

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from runner.schedule.ledger import Interval
    from runner.status.coverage import Coverage
    from runner.status.daemon_record import DaemonRecord, SeenDaemon
    from runner.status.query_status import QueryFacts
    from runner.store.database import Database

_NOTHING = Recorded()


class StandingStore:
    """Every method is one transaction. Raises `StoreError`; threads may share one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, record: DaemonRecord, lasting: timedelta) -> None:
        """Say that a daemon is alive, and will be heard of again within this time."""
        with self._database.transaction() as connection:
            daemons.beat(connection, record, lasting)

    def daemon_stopped(self, owner: str) -> None:
        """Say that a daemon has ended in good order."""
        with self._database.transaction() as connection:
            daemons.stopped(connection, owner)

    def daemons(self) -> list[SeenDaemon]:
        """Return all daemons that are remembered, the one heard of last first."""
        with self._database.reading() as connection:
            return daemons.seen(connection)

    def facts(self, query: str | None = None) -> list[QueryFacts]:
        """Return what is held of every query that was ever seen (or of one), by name."""
        with self._database.reading() as connection:
            return standing.facts(connection, query)

    def waiting_deliveries(self) -> dict[str, tuple[int, datetime]]:
        """Return for each destination how many deliveries wait for it, and since when the oldest does."""
        with self._database.reading() as connection:
            return standing.waiting_deliveries(connection)

    def undelivered(self) -> list[str]:
        """Return the destinations that were not given an alert, for good, as long as that stands."""
        with self._database.reading() as connection:
            return system_errors.standing_subjects(connection, SystemFaultKind.ALERT_DELIVERY)

    def coverage(
        self, facts: Iterable[QueryFacts], period: Interval, *, exactly: bool = False
    ) -> dict[str, Coverage]:
        """Account for the due times of a period (after its start, up to its end), for each query.

        Unless `exactly`, it counts what succeeded first, and looks at single due times only if that does not
        add up.
        """
        chosen = {one.query: one for one in facts}
        only = next(iter(chosen)) if len(chosen) == 1 else None
        windows = DueWindows(period)
        due = {name: windows.of(one.epochs) for name, one in chosen.items()}
        unread = {name: windows.unread(one.epochs) for name, one in chosen.items()}
        with self._database.reading() as connection:
            found: dict[str, Coverage | None] = dict.fromkeys(chosen)
            if not exactly:
                recorded = standing.recorded(connection, period, only)
                for name, one in chosen.items():
                    of_query = recorded.get(name, _NOTHING)
                    if of_query is not None:
                        found[name] = account(due[name], of_query, one.recorded_until, unread[name])
            if None not in found.values():
                return {name: one for name, one in found.items() if one is not None}
            known = standing.outcomes(connection, period, only)
        return {
            name: found[name]
            or account_exactly(due[name], known.get(name, {}), one.recorded_until, unread[name])
            for name, one in chosen.items()
        }
