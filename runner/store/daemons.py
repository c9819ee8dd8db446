"""Daemons in the state database: each says again and again that it is alive, and what it is at."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.status.daemon_record import DaemonRecord, SeenDaemon
from runner.store.database import upsert
from runner.store.ledger import database_time
from runner.store.schema import daemons

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

_FORGOTTEN_AFTER = timedelta(days=7)


def beat(connection: Connection, record: DaemonRecord, lasting: timedelta) -> None:
    """Write down what a daemon says of itself; it counts as alive for so long. Forget those long gone."""
    moment = database_time(connection)
    row = {**asdict(record), "beat_at": moment, "expires_at": moment + lasting, "stopped_at": None}
    insert = upsert(connection, daemons).values(row)
    changed = {name: insert.excluded[name] for name in row if name != "owner"}
    connection.execute(insert.on_conflict_do_update(index_elements=["owner"], set_=changed))
    connection.execute(sa.delete(daemons).where(daemons.c.expires_at < moment - _FORGOTTEN_AFTER))


def stopped(connection: Connection, owner: str) -> None:
    """Write down that a daemon has ended in good order."""
    moment = database_time(connection)
    connection.execute(sa.update(daemons).where(daemons.c.owner == owner).values(stopped_at=moment, busy=0))


def seen(connection: Connection) -> list[SeenDaemon]:
    """Return all daemons that are remembered, the one heard of last first."""
    moment = database_time(connection)
    rows = connection.execute(sa.select(daemons).order_by(daemons.c.beat_at.desc(), daemons.c.owner))
    return [_seen(row, moment) for row in rows.mappings()]


def _seen(row: RowMapping, moment: datetime) -> SeenDaemon:
    own = {name: row[name] for name in DaemonRecord.__dataclass_fields__}
    record = DaemonRecord(**{**own, "troubles": tuple(row["troubles"])})
    return SeenDaemon(
        record=record,
        beat_at=row["beat_at"],
        silent_seconds=max(0.0, (moment - row["beat_at"]).total_seconds()),
        stopped_at=row["stopped_at"],
        is_alive=row["stopped_at"] is None and row["expires_at"] >= moment,
    )
