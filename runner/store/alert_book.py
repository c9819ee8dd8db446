"""What people ask of the alerts, and do to them: list, show, change the status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from runner.alerts.alert import Alert, AlertKey, AlertStatus, AlertType
from runner.destinations.message import MessageKind
from runner.errors import UnknownAlert
from runner.store.announcements import Announcement, announce
from runner.store.portions import portions
from runner.store.schema import alert_history, alerts, match_contents, matches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

_SHORTEST_ID = 4
_AFTER_HEX = "g"
"""Sorts after any digit that an id may go on with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertFilter:
    """Which alerts to list; an empty field admits all."""

    statuses: tuple[AlertStatus, ...] = ()
    severities: tuple[str, ...] = ()
    rule_id: str | None = None
    since: datetime | None = None
    """Created at this reference time or later (aware, UTC)."""
    assignee: str | None = None
    """Who looks after it."""
    held_by: str | None = None
    """Those that this alert stands for, which are listed in no other way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryEntry:
    """One change of an alert's status."""

    at: datetime
    actor: str
    status: AlertStatus
    comment: str


def list_alerts(connection: Connection, chosen: AlertFilter, limit: int) -> list[Alert]:
    """Return alerts, newest first, at most `limit`."""
    query = (
        sa.select(alerts)
        .where(alerts.c.created_at.is_not(None), alerts.c.merged_into.is_(None), *_conditions(chosen))
        .order_by(alerts.c.created_at.desc(), alerts.c.alert_id)
        .limit(limit)
    )
    return [_alert_of(row) for row in connection.execute(query).mappings()]


def alerts_of(connection: Connection, alert_ids: Iterable[str]) -> dict[str, Alert]:
    """Return alerts by id."""
    found: dict[str, Alert] = {}
    for some in portions(list(alert_ids)):
        rows = connection.execute(sa.select(alerts).where(alerts.c.alert_id.in_(some))).mappings()
        found.update({row["alert_id"]: _alert_of(row) for row in rows})
    return found


def count_against_limit(connection: Connection, alert_ids: Collection[str], now: datetime) -> None:
    """Write down that alerts are told now, or would be but for the limit of their rule."""
    for some in portions(sorted(alert_ids)):
        connection.execute(sa.update(alerts).where(alerts.c.alert_id.in_(some)).values(counted_at=now))


def counted_since(connection: Connection, rule_ids: Iterable[str], since: datetime) -> dict[str, int]:
    """Return how many alerts of each rule were counted against its limit after a moment.

    That is by the clock, and not by reference times: when many past times are caught up with, their alerts come now.
    """
    query = (
        sa.select(alerts.c.rule_id, sa.func.count())
        .where(alerts.c.counted_at > since, alerts.c.rule_id.in_(sorted(rule_ids)))
        .group_by(alerts.c.rule_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def find(connection: Connection, prefix: str) -> Alert:
    """Return the one alert whose id begins so. Raises `UnknownAlert` if there is none, or several."""
    if len(prefix) < _SHORTEST_ID:
        raise UnknownAlert(
            f"{prefix!r} is too short: give at least {_SHORTEST_ID} characters of an alert's id"
        )
    start = prefix.lower()
    begins_so = alerts.c.alert_id.between(start, start + _AFTER_HEX)  # a range, so that the index answers
    query = sa.select(alerts).where(alerts.c.created_at.is_not(None), begins_so).limit(2)
    rows = connection.execute(query).mappings().all()
    if not rows:
        raise UnknownAlert(f"there is no alert whose id begins with {prefix!r}")
    if len(rows) > 1:
        raise UnknownAlert(f"several alerts have an id that begins with {prefix!r}: give more of it")
    return _alert_of(rows[0])


def events_of(connection: Connection, alert: Alert, limit: int) -> list[dict[str, Any]]:
    """Return the stored rows of an alert, in order of time: the first few of its matches."""
    if not alert.match_count:
        return []  # its matches have all moved to other alerts
    query = (
        sa.select(match_contents.c.event)
        .join_from(matches, match_contents, matches.c.match_id == match_contents.c.match_id)
        .where(
            matches.c.rule_id == alert.key.rule_id,
            matches.c.kind == alert.key.kind,
            matches.c.dedup == alert.key.dedup,
            matches.c.matched_at.between(alert.first_match_at, alert.last_match_at),
            matches.c.has_event,
        )
        .order_by(matches.c.matched_at, matches.c.query, matches.c.match_id)
        .limit(limit)
    )
    return [orjson.loads(text) for text in connection.scalars(query)]


def late_matches_of(connection: Connection, alert: Alert) -> int:
    """Return how many matches of an alert came to light when a window was evaluated again, for logs that came late."""
    if not alert.match_count:
        return 0
    query = sa.select(sa.func.count()).where(
        matches.c.rule_id == alert.key.rule_id,
        matches.c.kind == alert.key.kind,
        matches.c.dedup == alert.key.dedup,
        matches.c.matched_at.between(alert.first_match_at, alert.last_match_at),
        matches.c.is_late,
    )
    return connection.scalar(query) or 0


def change_status(
    connection: Connection,
    changed: Sequence[Alert],
    status: AlertStatus,
    *,
    actor: str,
    comment: str,
    now: datetime,
) -> None:
    """Set the status of alerts and of those that they stand for, and write down who did it."""
    for some in portions([alert.alert_id for alert in changed]):
        ours = sa.or_(alerts.c.alert_id.in_(some), alerts.c.held_by.in_(some))
        connection.execute(sa.update(alerts).where(ours).values(status=status.value))
    write_down(
        connection,
        [(alert.alert_id, status) for alert in changed],
        kind=MessageKind.STATUS,
        actor=actor,
        comment=comment,
        now=now,
    )


def write_down(
    connection: Connection,
    entries_of: Sequence[tuple[str, AlertStatus]],
    *,
    kind: MessageKind,
    actor: str,
    comment: str,
    now: datetime,
) -> None:
    """Add to the history of alerts, given by id with the status that they have now, and announce it as such."""
    entries = [
        {"alert_id": alert_id, "at": now, "actor": actor, "status": status.value, "comment": comment}
        for alert_id, status in entries_of
    ]
    if entries:
        connection.execute(sa.insert(alert_history), entries)
    announce(
        connection,
        [
            Announcement(alert_id=alert_id, kind=kind, at=now, actor=actor, comment=comment)
            for alert_id, _ in entries_of
        ],
    )


def assign(
    connection: Connection, chosen: Sequence[Alert], assignee: str, *, actor: str, now: datetime
) -> None:
    """Give alerts to somebody, or with an empty name to nobody, and write down who did it."""
    for some in portions([alert.alert_id for alert in chosen]):
        connection.execute(
            sa.update(alerts).where(alerts.c.alert_id.in_(some)).values(assignee=assignee or None)
        )
    comment = f"assigned to {assignee}" if assignee else "assigned to nobody"
    write_down(
        connection,
        [(alert.alert_id, alert.status) for alert in chosen],
        kind=MessageKind.COMMENT,
        actor=actor,
        comment=comment,
        now=now,
    )


def history_of(connection: Connection, alert_id: str) -> list[HistoryEntry]:
    """Return the changes of an alert's status, oldest first."""
    query = (
        sa.select(alert_history)
        .where(alert_history.c.alert_id == alert_id)
        .order_by(alert_history.c.at, alert_history.c.entry_id)
    )
    return [
        HistoryEntry(
            at=row["at"], actor=row["actor"], status=AlertStatus(row["status"]), comment=row["comment"]
        )
        for row in connection.execute(query).mappings()
    ]


def _conditions(chosen: AlertFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if chosen.statuses:
        conditions.append(alerts.c.status.in_([status.value for status in chosen.statuses]))
    if chosen.severities:
        conditions.append(alerts.c.severity.in_(chosen.severities))
    if chosen.rule_id is not None:
        conditions.append(alerts.c.rule_id == chosen.rule_id)
    if chosen.since is not None:
        conditions.append(alerts.c.created_at >= chosen.since)
    if chosen.assignee is not None:
        conditions.append(alerts.c.assignee == chosen.assignee)
    is_held = alerts.c.held_by.is_(None) if chosen.held_by is None else alerts.c.held_by == chosen.held_by
    conditions.append(is_held)
    return conditions


def _alert_of(row: RowMapping) -> Alert:
    destinations = row["destinations"]
    return Alert(
        alert_id=row["alert_id"],
        key=AlertKey(rule_id=row["rule_id"], kind=row["kind"], dedup=row["dedup"]),
        type=AlertType(row["type"]),
        title=row["title"],
        severity=row["severity"],
        status=AlertStatus(row["status"]),
        created_at=row["created_at"],
        first_match_at=row["window_start"],
        last_match_at=row["window_last"],
        match_count=row["match_count"],
        description=row["description"],
        runbook=row["runbook"],
        reference=row["reference"],
        context=orjson.loads(row["context"]),
        destinations=None if destinations is None else tuple(destinations),
        run_id=row["run_id"],
        merged_into=row["merged_into"],
        assignee=row["assignee"] or "",
        held_by=row["held_by"],
        log_types=tuple(row["log_types"] or ()),
    )
