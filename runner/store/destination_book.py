"""How each destination does: how often in a row it has failed, until when it is left alone, and what it said last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from runner.store.database import upsert
from runner.store.schema import destination_states

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection


def note(connection: Connection, destination: str, **facts: Any) -> None:
    """Write down how a destination does."""
    insert = upsert(connection, destination_states).values(
        destination=destination, **{"failures": 0, **facts}
    )
    connection.execute(insert.on_conflict_do_update(index_elements=["destination"], set_=facts))


def state_of(connection: Connection, destination: str) -> tuple[int, datetime | None]:
    """Return how often in a row a destination has failed, and before when it is not tried again."""
    row = connection.execute(
        sa.select(destination_states.c.failures, destination_states.c.retry_at).where(
            destination_states.c.destination == destination
        )
    ).first()
    return (row.failures, row.retry_at) if row else (0, None)


def states(connection: Connection) -> dict[str, Mapping[str, Any]]:
    """Return what is known of each destination, by name."""
    rows = connection.execute(sa.select(destination_states)).mappings()
    return {row["destination"]: dict(row) for row in rows}
