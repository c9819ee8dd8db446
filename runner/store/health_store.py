"""HealthStore: what ails the queries and the definitions, as the daemon and operators see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.alerts.system_fault import SYSTEM_ACTOR, SystemFaultKind
from runner.store import query_health, system_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.alerts.system_fault import SystemFault
    from runner.clock import Clock
    from runner.store.database import Database
    from runner.store.query_health import AilingQuery


class HealthStore:
    """Failing and paused queries, and faults that stand. Every method is one transaction; raises `StoreError`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def ailing_queries(self) -> list[AilingQuery]:
        """Return the queries whose last runs failed for good, by name; some of them may be paused."""
        with self._database.reading() as connection:
            return query_health.ailing_queries(connection)

    def paused_queries(self) -> list[AilingQuery]:
        """Return the queries that are paused, by name."""
        with self._database.reading() as connection:
            return query_health.ailing_queries(connection, only_paused=True)

    def resume(self, query: str, *, actor: str = SYSTEM_ACTOR, reason: str) -> bool:
        """Let a paused query run by its schedule again; returns whether it was paused."""
        with self._database.transaction() as connection:
            comment = (
                reason if actor == SYSTEM_ACTOR else f"resumed by {actor}{f': {reason}' if reason else ''}"
            )
            return query_health.recover(connection, query, self._clock.now(), comment)

    def keep_only(self, may_run: Callable[[str], bool]) -> None:
        """Forget the failures of all queries that do not run any more: they were deleted or disabled."""
        with self._database.transaction() as connection:
            comment = "the query was deleted or disabled"
            query_health.forget_others(connection, may_run, self._clock.now(), comment)

    def standing(self, kind: SystemFaultKind) -> list[str]:
        """Return the subjects for which a kind of fault stands now, sorted."""
        with self._database.reading() as connection:
            return system_errors.standing_subjects(connection, kind)

    def set_faults(self, kind: SystemFaultKind, faults: Sequence[SystemFault], *, mended: str) -> None:
        """Let these faults of a kind stand and no others; `mended` is what is said of those that are gone.

        One that stands already as it is now is not counted again.
        """
        with self._database.transaction() as connection:
            now = self._clock.now()
            subjects = {fault.subject for fault in faults}
            for subject in system_errors.standing_subjects(connection, kind):
                if subject not in subjects:
                    system_errors.mend(connection, kind, subject, now=now, comment=mended)
            for fault in sorted(faults, key=lambda one: one.subject):
                if not system_errors.stands_so(connection, fault):
                    system_errors.stand(connection, fault, now=now)
