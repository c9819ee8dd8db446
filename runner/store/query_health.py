"""How queries fare: failures in a row, pauses and trials, in the state database.

A query without a row is well. The row of a paused query is what makes its due times gaps as they are recorded,
so that every process that shares the database acts alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.alerts.system_fault import SystemFaultKind, query_paused
from runner.store import ledger, system_errors
from runner.store.schema import query_health

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

    from runner.runs.failure_policy import FailurePolicy
    from runner.runs.query_run import RunFault


@dataclass(frozen=True, kw_only=True, slots=True)
class AilingQuery:
    """A query that fails for good: not yet paused, or paused."""

    query: str
    failures: int
    """In a row."""
    failing_since: datetime
    fingerprint: str
    """What it failed with: its definition, its rules', and the tables of the lake."""
    message: str
    paused_at: datetime | None
    probe_at: datetime | None
    """From when on the next due time of a paused query is run all the same, for a trial."""


def count_failure(
    connection: Connection, query: str, fault: RunFault, policy: FailurePolicy, now: datetime
) -> AilingQuery:
    """Count a failure that will not pass; a query that has had its fill of them is paused.

    The caller keeps others from recording due times meanwhile.
    """
    before = ailing_query(connection, query)
    goes_on = before is not None and before.fingerprint == policy.fingerprint
    failures = before.failures + 1 if before is not None and goes_on else 1
    paused_at = before.paused_at if before is not None and goes_on else None
    if paused_at is None and policy.pause_after and failures >= policy.pause_after:
        paused_at = now
        ledger.close_backlog(connection, query)
    after = AilingQuery(
        query=query,
        failures=failures,
        failing_since=before.failing_since if before is not None else now,
        fingerprint=policy.fingerprint,
        message=f"{fault.kind}: {fault.message}",
        paused_at=paused_at,
        probe_at=None if paused_at is None else now + policy.probe_after,
    )
    _write(connection, after, policy, is_new=before is None)
    if before is not None and not goes_on:
        changed = "its definition or the lake's tables have changed"
        system_errors.mend(connection, SystemFaultKind.QUERY_PAUSED, query, now=now, comment=changed)
    if paused_at is not None:
        _tell_pause(connection, after, policy, now)
    return after


def recover(connection: Connection, query: str, now: datetime, comment: str) -> bool:
    """Forget a query's failures, as it has succeeded or is to be tried anew; returns whether it was paused."""
    before = ailing_query(connection, query)
    if before is not None:
        connection.execute(sa.delete(query_health).where(query_health.c.query == query))
    return system_errors.mend(connection, SystemFaultKind.QUERY_PAUSED, query, now=now, comment=comment) or (
        before is not None and before.paused_at is not None
    )


def ailing_query(connection: Connection, query: str) -> AilingQuery | None:
    """Return how a query fares; None if it is well."""
    row = connection.execute(sa.select(query_health).where(query_health.c.query == query)).mappings().first()
    return None if row is None else _ailing(row)


def ailing_queries(connection: Connection, *, only_paused: bool = False) -> list[AilingQuery]:
    """Return the queries that fail for good, by name."""
    chosen = sa.select(query_health).order_by(query_health.c.query)
    if only_paused:
        chosen = chosen.where(query_health.c.paused_at.is_not(None))
    return [_ailing(row) for row in connection.execute(chosen).mappings()]


def forget_others(
    connection: Connection, may_run: Callable[[str], bool], now: datetime, comment: str
) -> None:
    """Forget the failures of queries that do not run any more, and resolve what stands for them."""
    for one in ailing_queries(connection):
        if not may_run(one.query):
            recover(connection, one.query, now, comment)
    for kind in (SystemFaultKind.QUERY_FAILED, SystemFaultKind.QUERY_PAUSED):
        for query in system_errors.standing_subjects(connection, kind):
            if not may_run(query):
                system_errors.mend(connection, kind, query, now=now, comment=comment)


def _tell_pause(connection: Connection, one: AilingQuery, policy: FailurePolicy, now: datetime) -> None:
    fault = query_paused(
        one.query,
        place=policy.place,
        failures=one.failures,
        probe_minutes=policy.probe_after // timedelta(minutes=1),
        message=one.message,
    )
    system_errors.stand(connection, fault, now=now)


def _write(connection: Connection, one: AilingQuery, policy: FailurePolicy, *, is_new: bool) -> None:
    values = {
        "failures": one.failures,
        "failing_since": one.failing_since,
        "fingerprint": one.fingerprint,
        "message": one.message,
        "paused_at": one.paused_at,
        "probe_at": one.probe_at,
        "probe_seconds": int(policy.probe_after.total_seconds()),
    }
    if is_new:
        connection.execute(sa.insert(query_health), {"query": one.query, **values})
    else:
        connection.execute(sa.update(query_health).where(query_health.c.query == one.query).values(values))


def _ailing(row: RowMapping) -> AilingQuery:
    return AilingQuery(
        query=row["query"],
        failures=row["failures"],
        failing_since=row["failing_since"],
        fingerprint=row["fingerprint"],
        message=row["message"],
        paused_at=row["paused_at"],
        probe_at=row["probe_at"],
    )
