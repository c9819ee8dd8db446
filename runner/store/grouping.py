"""Grouping: for a destination that asks for it, many new alerts within a minute become one message."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
import sqlalchemy as sa

from runner.definitions.severity import Severity
from runner.destinations.delivery import DeliveryState, document_of
from runner.destinations.message import MessageKind, Notice, notice_of
from runner.store.database import upsert
from runner.store.portions import portions
from runner.store.schema import deliveries, threads

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from runner.destinations.delivery import Delivery

_MINUTE = timedelta(minutes=1)
_MEMBERS_KEPT = 500
"""So many of its alerts a grouped message has in it, the most severe ones; it counts them all."""
_IS_WAITING = deliveries.c.state == DeliveryState.WAITING.value
_IS_NEW = deliveries.c.kind.in_([MessageKind.NEW.value, MessageKind.GROUP.value])
_MAY_BE_JOINED = sa.and_(
    _IS_WAITING,
    deliveries.c.kind == MessageKind.NEW.value,
    deliveries.c.attempts == 0,
    deliveries.c.owner.is_(None),
)
"""What nobody has tried to send, so that no key ever stands for two different messages."""


def group(connection: Connection, destination: str, *, above: int, now: datetime) -> bool:
    """Join the new alerts that wait for a destination into one message; tell whether they were.

    They are if they and the messages on new alerts of the last minute are more than `above`. Unless there were none of
    those, they first wait until the oldest of them has waited for a minute, so that a minute ends with one message.
    """
    number, oldest = _to_join(connection, destination)
    if oldest is None:
        return False
    lately = _lately(connection, destination, now, at_most=above)
    if number + lately <= above:
        return False
    goes_at = oldest + _MINUTE if lately else now
    if goes_at > now:
        _hold_back(connection, destination, goes_at)
        return False
    return _join(connection, destination, oldest, now)


def fail_members(connection: Connection, group: Delivery, reason: str, now: datetime) -> None:
    """Write down that no alert of a group was told: if they are sent after all, then one by one."""
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.group_id == group.delivery_id)
        .values(
            state=DeliveryState.FAILED.value,
            attempts=group.attempts + 1,
            ended_at=now,
            reason=reason,
            group_id=None,
        )
    )


def thread_members(connection: Connection, group: Delivery, thread: str) -> None:
    """Let what is told later of any alert of a group follow the group's message."""
    members = sa.select(deliveries.c.alert_id, deliveries.c.destination, sa.literal(thread)).where(
        deliveries.c.group_id == group.delivery_id
    )
    insert = upsert(connection, threads).from_select(["alert_id", "destination", "thread"], members)
    connection.execute(insert.on_conflict_do_nothing())


def _to_join(connection: Connection, destination: str) -> tuple[int, datetime | None]:
    """Return how many new alerts could be joined, and when the first of them was written."""
    query = sa.select(sa.func.count(), sa.func.min(deliveries.c.created_at)).where(
        _MAY_BE_JOINED, deliveries.c.destination == destination
    )
    number, oldest = connection.execute(query).one()
    return number, oldest


def _lately(connection: Connection, destination: str, now: datetime, *, at_most: int) -> int:
    """Return how many messages on new alerts were sent within the last minute, or are just being sent."""
    is_ours = sa.and_(deliveries.c.destination == destination, _IS_NEW)
    was_sent = sa.and_(deliveries.c.state == DeliveryState.SENT.value, deliveries.c.ended_at > now - _MINUTE)
    is_on_its_way = sa.and_(_IS_WAITING, deliveries.c.owner.is_not(None))
    found = (
        sa.select(sa.true()).where(is_ours, so).limit(at_most).subquery() for so in (was_sent, is_on_its_way)
    )
    return sum(connection.scalar(sa.select(sa.func.count()).select_from(one)) or 0 for one in found)


def _hold_back(connection: Connection, destination: str, goes_at: datetime) -> None:
    connection.execute(
        sa.update(deliveries)
        .where(_MAY_BE_JOINED, deliveries.c.destination == destination, deliveries.c.next_at < goes_at)
        .values(next_at=goes_at)
    )


def _join(connection: Connection, destination: str, oldest: datetime, now: datetime) -> bool:
    """Put one message in the place of several, as old as the oldest of them; tell whether there were several."""
    chosen = (
        sa.select(deliveries.c.delivery_id, deliveries.c.document)
        .where(_MAY_BE_JOINED, deliveries.c.destination == destination)
        .with_for_update(skip_locked=True)
    )
    members = sorted((_mildness(document), number) for number, document in connection.execute(chosen))
    numbers = [number for _, number in members]
    if len(numbers) <= 1:
        return False
    group_id = _write(
        connection, destination, _notices(connection, numbers[:_MEMBERS_KEPT]), len(numbers), (oldest, now)
    )
    for some in portions(numbers):
        connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.delivery_id.in_(some))
            .values(state=DeliveryState.GROUPED.value, ended_at=now, group_id=group_id)
        )
    return True


def _mildness(document: str) -> int:
    """Return a number by which the most severe alert comes first."""
    return -Severity(orjson.loads(document)["notice"]["severity"]).rank


def _notices(connection: Connection, numbers: Sequence[int]) -> list[Notice]:
    found: dict[int, str] = {}
    for some in portions(list(numbers)):
        query = sa.select(deliveries.c.delivery_id, deliveries.c.document)
        found.update(
            (row.delivery_id, row.document)
            for row in connection.execute(query.where(deliveries.c.delivery_id.in_(some)))
        )
    return [notice_of(orjson.loads(found[number])["notice"]) for number in numbers]


def _write(
    connection: Connection,
    destination: str,
    notices: Sequence[Notice],
    count: int,
    times: tuple[datetime, datetime],
) -> int:
    """Write a group under the name of its first alert, as old as the first of two times, and return its number."""
    first, *others = notices
    written_at, now = times
    document = document_of(first, others=tuple(others), count=count)
    last = sa.select(sa.func.max(deliveries.c.sequence)).where(
        deliveries.c.alert_id == first.alert_id, deliveries.c.destination == destination
    )
    number: int = connection.execute(
        sa.insert(deliveries).returning(deliveries.c.delivery_id),
        {
            "alert_id": first.alert_id,
            "destination": destination,
            "sequence": (connection.scalar(last) or 0) + 1,
            "kind": MessageKind.GROUP.value,
            "state": DeliveryState.WAITING.value,
            "attempts": 0,
            "created_at": written_at,
            "next_at": now,
            "reason": "",
            "document": orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS).decode(),
        },
    ).scalar_one()
    return number
