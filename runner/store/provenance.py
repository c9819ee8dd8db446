"""Provenance: everything that an alert rests on, as far as the state database still has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.store import outbox, runs
from runner.store.schema import matches
from runner.store.schema import runs as runs_table

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from runner.alerts.alert import Alert
    from runner.destinations.delivery import Delivery
    from runner.runs.query_run import QueryRun


@dataclass(frozen=True, kw_only=True, slots=True)
class Contribution:
    """What one run brought to an alert."""

    run: QueryRun
    matches: int
    """How many matches it was the first to see."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where an alert comes from, and who was told."""

    contributions: tuple[Contribution, ...]
    """In order of reference time; those of runs that are kept no longer are missing."""
    deliveries: tuple[Delivery, ...]


def provenance_of(connection: Connection, alert: Alert, limit: int) -> Provenance:
    """Return what an alert rests on: at most `limit` runs, the first ones."""
    brought = (
        sa.select(matches.c.run_id, sa.func.sum(matches.c.occurrences).label("number"))
        .where(
            matches.c.rule_id == alert.key.rule_id,
            matches.c.kind == alert.key.kind,
            matches.c.dedup == alert.key.dedup,
            matches.c.matched_at.between(alert.first_match_at, alert.last_match_at),
        )
        .group_by(matches.c.run_id)
        .subquery("brought")
    )
    query = (
        sa.select(runs_table, brought.c.number)
        .join_from(brought, runs_table, brought.c.run_id == runs_table.c.run_id)
        .order_by(runs_table.c.scheduled_for, runs_table.c.run_id)
        .limit(limit)
    )
    rows = connection.execute(query).mappings()
    return Provenance(
        contributions=tuple(Contribution(run=runs.run_of(row), matches=int(row["number"])) for row in rows),
        deliveries=tuple(outbox.deliveries_of(connection, alert.alert_id)),
    )
