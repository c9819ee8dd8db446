"""InquiryStore: what the state database knows of a due time, and of one match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.runs.query_run import RunPurpose
from runner.schedule.ledger import GapReason
from runner.store import ledger, outbox, runs
from runner.store.schema import alerts, backlog, gaps, matches
from runner.store.schema import runs as runs_table

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from runner.alerts.alert import AlertKey
    from runner.destinations.delivery import Delivery
    from runner.runs.query_run import QueryRun
    from runner.schedule.ledger import Epoch
    from runner.store.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class DueFacts:
    """What is recorded of a query at one time."""

    epochs: tuple[Epoch, ...]
    """Since when which schedule holds; empty for a query that no daemon has seen."""
    run: QueryRun | None
    """The newest run for this very time: by schedule, else by hand."""
    gap: GapReason | None
    is_owed: bool
    """It is to be run yet, or is running."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedMatch:
    """A match that is stored. `matched_at` is the reference time that it counts for."""

    match_id: int
    matched_at: datetime
    query: str
    run_id: str
    dedup: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowFacts:
    """A window of a key; an alert if it has a `created_at`."""

    alert_id: str
    start: datetime
    count: int
    distinct: int
    """How many values of the rule's `unique` function its matches have."""
    first_match: int
    created_at: datetime | None
    held_by: str
    """The id of the alert that stands for it, as its run raised too many; empty if none does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Whereabouts:
    """Where a match is, or would be."""

    match: CountedMatch | None
    window: WindowFacts | None
    """The last window of its key that had begun by its time."""
    deliveries: tuple[Delivery, ...]
    """Whom the alert of that window was told, or was to be."""


class InquiryStore:
    """Answers questions about single due times and matches. Every method is one transaction; raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due_facts(self, query: str, at: datetime) -> DueFacts:
        """Return what is recorded of a query at a time."""
        with self._database.reading() as connection:
            here = (backlog.c.query == query, backlog.c.due == at)
            gap = connection.scalar(sa.select(gaps.c.reason).where(gaps.c.query == query, gaps.c.due == at))
            return DueFacts(
                epochs=tuple(ledger.epochs_by_query(connection, query).get(query, ())),
                run=_newest_run(connection, query, at),
                gap=None if gap is None else GapReason(gap),
                is_owed=connection.scalar(sa.select(backlog.c.due).where(*here)) is not None,
            )

    def whereabouts(self, key: AlertKey, identity: bytes, at: datetime) -> Whereabouts:
        """Return where the match of an event is; if it was never counted, the window that it would meet at `at`."""
        with self._database.reading() as connection:
            found = _match(connection, key, identity)
            dedup, moment = (found.dedup, found.matched_at) if found else (key.dedup, at)
            window = _window(connection, key, dedup, moment)
            told = outbox.deliveries_of(connection, window.alert_id) if window else []
            return Whereabouts(match=found, window=window, deliveries=tuple(told))


def _newest_run(connection: Connection, query: str, at: datetime) -> QueryRun | None:
    by_hand = sa.case((runs_table.c.purpose == RunPurpose.SCHEDULED.value, 0), else_=1)
    chosen = (
        sa.select(runs_table)
        .where(runs_table.c.query == query, runs_table.c.scheduled_for == at)
        .order_by(by_hand, runs_table.c.revision.desc())
        .limit(1)
    )
    row = connection.execute(chosen).mappings().first()
    return None if row is None else runs.run_of(row)


def _match(connection: Connection, key: AlertKey, identity: bytes) -> CountedMatch | None:
    chosen = (
        sa.select(
            matches.c.match_id, matches.c.matched_at, matches.c.query, matches.c.run_id, matches.c.dedup
        )
        .where(matches.c.identity == identity, matches.c.rule_id == key.rule_id, matches.c.kind == key.kind)
        .order_by(matches.c.ordinal)
        .limit(1)
    )
    row = connection.execute(chosen).mappings().first()
    return None if row is None else CountedMatch(**row)


def _window(connection: Connection, key: AlertKey, dedup: str, moment: datetime) -> WindowFacts | None:
    of_key = (alerts.c.rule_id == key.rule_id, alerts.c.kind == key.kind, alerts.c.dedup == dedup)
    chosen = (
        sa.select(alerts)
        .where(
            *of_key,
            alerts.c.merged_into.is_(None),
            alerts.c.match_count > 0,
            alerts.c.window_start <= moment,
        )
        .order_by(alerts.c.window_start.desc())
        .limit(1)
    )
    row = connection.execute(chosen).mappings().first()
    if row is None:
        return None
    values = sa.select(sa.func.count(matches.c.unique_value.distinct())).where(
        matches.c.rule_id == key.rule_id,
        matches.c.kind == key.kind,
        matches.c.dedup == dedup,
        matches.c.matched_at.between(row["window_start"], row["window_last"]),
    )
    return WindowFacts(
        alert_id=row["alert_id"],
        start=row["window_start"],
        count=row["match_count"],
        distinct=connection.scalar(values) or 0,
        first_match=row["first_match"],
        created_at=row["created_at"],
        held_by=row["held_by"] or "",
    )
