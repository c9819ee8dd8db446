"""Alerts that folding has ended: joined with another, left without matches, forgotten; and what their history says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.alerts.system_fault import SYSTEM_ACTOR
from runner.store.schema import alert_history, alerts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from runner.alerts.changes import KeyPlan

_GONE = alerts.c.alert_id == sa.bindparam("gone")
_MERGE = sa.update(alerts).where(_GONE).values(merged_into=sa.bindparam("into"), run_id=sa.bindparam("run"))
_EMPTY = sa.update(alerts).where(_GONE).values(match_count=0, run_id=sa.bindparam("run"))
_FORGET = sa.delete(alerts).where(_GONE)
_RELEASE = sa.update(alerts).where(_GONE).values(held_by=None)
_REMEMBER = sa.insert(alert_history).from_select(
    ["alert_id", "at", "actor", "status", "comment"],
    sa.select(
        alerts.c.alert_id,
        sa.bindparam("happened_at", type_=alert_history.c.at.type),
        sa.literal(SYSTEM_ACTOR),
        alerts.c.status,
        sa.bindparam("said", type_=sa.Text),
    ).where(alerts.c.alert_id == sa.bindparam("of")),
)
"""An entry under the status that the alert has. It is not announced: messages of their own say what happened."""


def write(connection: Connection, plans: Sequence[KeyPlan], *, run_id: str, now: datetime) -> None:
    """Carry out what the plans say of alerts that are no more by themselves, and write it into their history."""
    merged = [(gone, into) for plan in plans for gone, into in plan.merged.items()]
    emptied = [one.alert_id for plan in plans for one in plan.emptied]
    _for_each(connection, _RELEASE, ({"gone": one} for plan in plans for one in plan.released))
    _for_each(connection, _MERGE, ({"gone": gone, "into": into, "run": run_id} for gone, into in merged))
    _for_each(connection, _EMPTY, ({"gone": one, "run": run_id} for one in emptied))
    _for_each(connection, _FORGET, ({"gone": one} for plan in plans for one in plan.forgotten))
    entries = ({"of": of, "said": said, "happened_at": now} for of, said in _entries(merged, emptied))
    _for_each(connection, _REMEMBER, entries)


def _entries(merged: Iterable[tuple[str, str]], emptied: Iterable[str]) -> Iterator[tuple[str, str]]:
    for gone, into in merged:
        yield gone, f"one with alert {into}, which has its matches now"
        yield into, f"took in alert {gone}"
    for one in emptied:
        yield one, "its matches belong to other alerts now"


def _for_each(connection: Connection, statement: sa.Executable, rows: Iterable[Mapping[str, object]]) -> None:
    if given := list(rows):
        connection.execute(statement, given)
