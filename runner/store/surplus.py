"""Alerts beyond what one run may raise: stored as all others are, and held by an alert that stands for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import sqlalchemy as sa

from runner.alerts import surplus
from runner.alerts.alert import AlertType, first_status
from runner.alerts.changes import AlertChange, ChangedAlert
from runner.alerts.match import MatchKind
from runner.alerts.surplus import NewAlert
from runner.store.portions import portions
from runner.store.schema import alerts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection

    from runner.alerts.surplus import Surplus
    from runner.runs.query_run import Claim


def hold(
    connection: Connection, claim: Claim, changed: Sequence[ChangedAlert], limit: int
) -> list[ChangedAlert]:
    """Hold back what a run raises beyond the limit; returns what is left, and the alerts that stand for the rest."""
    new = [one.alert_id for one in changed if one.change is AlertChange.NEW]
    if len(new) <= limit:
        return list(changed)
    found = surplus.surpluses_of(_new_alerts(connection, new), limit)
    summaries = [_hold(connection, claim, one) for one in found]
    held = {one.alert_id for each in found for one in each.held}
    return [*(one for one in changed if one.alert_id not in held), *summaries]


def _new_alerts(connection: Connection, ids: Sequence[str]) -> Iterator[NewAlert]:
    """Yield alerts that matches have made: errors of rules are few, and always raised."""
    names = ("alert_id", "rule_id", "severity", "title", "dedup", "first_match", "destinations", "log_types")
    for some in portions(ids):
        query = sa.select(*(alerts.c[name] for name in names)).where(
            alerts.c.alert_id.in_(some), alerts.c.kind == MatchKind.MATCH.value
        )
        for row in connection.execute(query).mappings():
            chosen = row["destinations"]
            lists = {
                "destinations": None if chosen is None else tuple(chosen),
                "log_types": tuple(row["log_types"] or ()),
            }
            yield NewAlert(**{**row, **lists})


def _hold(connection: Connection, claim: Claim, one: Surplus) -> ChangedAlert:
    identity = surplus.summary_id(one.rule_id, claim.key.query, claim.key.scheduled_for)
    for some in portions([alert.alert_id for alert in one.held]):
        connection.execute(sa.update(alerts).where(alerts.c.alert_id.in_(some)).values(held_by=identity))
    before = connection.scalar(sa.select(alerts.c.match_count).where(alerts.c.alert_id == identity))
    if before is None:
        _insert_summary(connection, claim, one, identity)
        return ChangedAlert(alert_id=identity, change=AlertChange.NEW)
    number = before + len(one.held)  # an earlier run for the same time has held some back
    connection.execute(
        sa.update(alerts)
        .where(alerts.c.alert_id == identity)
        .values(match_count=number, title=surplus.title_of(number, one.rule_id), run_id=claim.run_id)
    )
    return ChangedAlert(alert_id=identity, change=AlertChange.GROWN)


def _insert_summary(connection: Connection, claim: Claim, one: Surplus, identity: str) -> None:
    query, at = claim.key.query, claim.key.scheduled_for
    key = surplus.summary_key(one.rule_id, query)
    row = {
        "alert_id": identity,
        "rule_id": key.rule_id,
        "kind": key.kind,
        "dedup": key.dedup,
        "window_start": at,
        "window_last": at,
        "match_count": len(one.held),
        "first_match": 0,
        "created_at": at,
        "type": AlertType.SCHEDULED_RULE.value,
        "title": surplus.title_of(len(one.held), one.rule_id),
        "severity": one.severity,
        "status": first_status(one.severity).value,
        "description": surplus.description_of(one, query, at, identity),
        "runbook": surplus.RUNBOOK,
        "reference": "",
        "context": orjson.dumps(one.context(query, at)).decode(),
        "destinations": one.destinations,
        "log_types": one.log_types,
        "run_id": claim.run_id,
        "holds_matches": False,
    }
    connection.execute(sa.insert(alerts), row)
