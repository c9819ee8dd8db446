"""Silences in the state database."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.destinations.silence import Matcher, Silence
from runner.errors import UnknownSilence
from runner.store.schema import silences

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection


def add(
    connection: Connection,
    matcher: Matcher,
    *,
    reason: str,
    author: str,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> Silence:
    """Write a silence down."""
    number = connection.execute(
        sa.insert(silences).returning(silences.c.silence_id),
        {
            "matcher": asdict(matcher),
            "reason": reason,
            "author": author,
            "created_at": now,
            "starts_at": starts_at,
            "ends_at": ends_at,
        },
    ).scalar_one()
    return Silence(
        silence_id=number,
        matcher=matcher,
        reason=reason,
        author=author,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def not_ended(connection: Connection, now: datetime) -> list[Silence]:
    """Return the silences that hold now or will, in the order in which they were made."""
    query = sa.select(silences).where(silences.c.ends_at > now).order_by(silences.c.silence_id)
    return [
        Silence(
            silence_id=row["silence_id"],
            matcher=Matcher(**row["matcher"]),
            reason=row["reason"],
            author=row["author"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
        )
        for row in connection.execute(query).mappings()
    ]


def end(connection: Connection, silence_id: int, now: datetime) -> None:
    """End a silence now. Raises `UnknownSilence` if none that goes on has this number."""
    ended = connection.execute(
        sa.update(silences)
        .where(silences.c.silence_id == silence_id, silences.c.ends_at > now)
        .values(ends_at=now)
    )
    if not ended.rowcount:
        raise UnknownSilence(f"there is no silence {silence_id} that goes on")
