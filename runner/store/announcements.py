"""Announcements: what has happened to alerts, written in the transaction in which it happens.

Whoever changes an alert need not know who is to be told. The daemon turns announcements into deliveries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.destinations.message import MessageKind
from runner.store.schema import announcements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """Something that happened to an alert."""

    alert_id: str
    kind: MessageKind
    """New, an update, or a change of status."""
    at: datetime
    """When it happened, by the clock of whoever did it."""
    actor: str = ""
    comment: str = ""


def announce(connection: Connection, announced: Iterable[Announcement]) -> None:
    """Write down what has happened."""
    rows = [
        {
            "alert_id": one.alert_id,
            "kind": one.kind.value,
            "at": one.at,
            "actor": one.actor,
            "comment": one.comment,
        }
        for one in announced
    ]
    if rows:
        connection.execute(sa.insert(announcements), rows)


def oldest(connection: Connection, limit: int) -> set[str]:
    """Return the ids of the alerts that the oldest announcements are about."""
    chosen = sa.select(announcements.c.alert_id).order_by(announcements.c.announcement_id).limit(limit)
    return set(connection.scalars(chosen))


def take(connection: Connection, limit: int) -> list[Announcement]:
    """Remove the oldest announcements, and return them in order."""
    chosen = sa.select(announcements).order_by(announcements.c.announcement_id).limit(limit)
    rows: Sequence[sa.RowMapping] = connection.execute(chosen).mappings().all()
    if rows:
        last = rows[-1]["announcement_id"]
        connection.execute(sa.delete(announcements).where(announcements.c.announcement_id <= last))
    return [
        Announcement(
            alert_id=row["alert_id"],
            kind=MessageKind(row["kind"]),
            at=row["at"],
            actor=row["actor"],
            comment=row["comment"],
        )
        for row in rows
    ]
