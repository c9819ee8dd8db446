"""The outbox in the state database: what each destination is still to be told, and what it was told.

Deliveries are written in the transaction that changes the alert. Whoever sends one claims it first, by a lease; if that
process dies, another sends it again, with the same key.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from runner.destinations.delivery import (
    Delivery,
    DeliveryState,
    delivery_key,
    message_of,
)
from runner.destinations.message import MessageKind
from runner.store import destination_book, grouping
from runner.store.database import upsert
from runner.store.ledger import database_time
from runner.store.portions import portions
from runner.store.schema import deliveries, threads

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.engine import Connection, RowMapping

    from runner.destinations.delivery import Letter
    from runner.destinations.destination import Receipt

_IS_WAITING = deliveries.c.state == DeliveryState.WAITING.value

_NEEDLESS = "it changes nothing there, so nothing was sent"


def put(connection: Connection, letters: Sequence[Letter], now: datetime) -> None:
    """Write letters into the outbox, behind what is there already for the same alert and destination.

    An update takes the place of one that nobody has tried to send yet.
    """
    numbers = _last_sequences(connection, {letter.notice.alert_id for letter in letters})
    replaced = _untried_updates(connection, [one for one in letters if one.kind is MessageKind.UPDATE])
    new: list[dict[str, Any]] = []
    for letter in letters:
        place = (letter.notice.alert_id, letter.destination)
        document = orjson.dumps(letter.as_document(), option=orjson.OPT_NON_STR_KEYS).decode()
        if letter.kind is MessageKind.UPDATE and place in replaced:
            _rewrite(connection, replaced[place], document)
            continue
        numbers[place] += 1
        new.append(_row_of(letter, numbers[place], document, now))
    if new:
        connection.execute(sa.insert(deliveries), new)


def has_due(connection: Connection, destination: str, now: datetime) -> bool:
    """Tell whether something may be sent to a destination now; cheap, and without a lock."""
    query = sa.select(deliveries.c.delivery_id).where(_IS_WAITING, *_due(destination, now)).limit(1)
    return connection.scalar(query) is not None


def take(
    connection: Connection, destination: str, *, owner: str, lease: timedelta, now: datetime, limit: int
) -> list[Delivery]:
    """Claim deliveries that are due, the oldest first; of one alert never a later one before an earlier."""
    moment = database_time(connection)
    chosen = (
        sa.select(deliveries)
        .where(_IS_WAITING, *_due(destination, now), _is_free(moment), _IS_NEXT)
        .order_by(deliveries.c.next_at, deliveries.c.delivery_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(chosen).mappings().all()
    claimed = [row["delivery_id"] for row in rows]
    for some in portions(claimed):
        connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.delivery_id.in_(some))
            .values(owner=owner, lease_until=moment + lease)
        )
    return _deliveries_of(connection, rows)


def sent(
    connection: Connection, delivery: Delivery, receipt: Receipt, now: datetime, *, is_news: bool = True
) -> None:
    """Write down that a destination took a delivery; if that `is_news`, that it can be reached too."""
    _end(connection, delivery, DeliveryState.SENT, now, "" if receipt.was_sent else _NEEDLESS)
    if receipt.thread and receipt.thread != delivery.message.thread:
        place = {"alert_id": delivery.alert_id, "destination": delivery.destination}
        insert = upsert(connection, threads).values(thread=receipt.thread, **place)
        connection.execute(insert.on_conflict_do_nothing())
        if delivery.kind is MessageKind.GROUP:
            grouping.thread_members(connection, delivery, receipt.thread)
    if is_news:
        destination_book.note(connection, delivery.destination, failures=0, retry_at=None, last_sent_at=now)


def put_off(
    connection: Connection,
    delivery: Delivery,
    reason: str,
    *,
    next_at: datetime,
    failures: int,
    retry_at: datetime,
    now: datetime,
) -> None:
    """Write down that a destination did not take a delivery: when it, and when the destination, is tried again."""
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.delivery_id == delivery.delivery_id)
        .values(
            attempts=deliveries.c.attempts + 1,
            next_at=next_at,
            reason=reason,
            owner=None,
            lease_until=None,
        )
    )
    destination_book.note(
        connection,
        delivery.destination,
        failures=failures,
        retry_at=retry_at,
        last_error=reason,
        last_error_at=now,
    )


def give_up(
    connection: Connection, delivery: Delivery, reason: str, now: datetime, *, was_tried: bool = True
) -> None:
    """Write down that a delivery is not tried again, and whether it just was; of a group, that nobody got its alerts."""
    attempts = int(was_tried)
    if delivery.kind is MessageKind.GROUP:
        _end(connection, delivery, DeliveryState.SPLIT, now, reason, attempts=attempts)
        grouping.fail_members(connection, delivery, reason, now)
    else:
        _end(connection, delivery, DeliveryState.FAILED, now, reason, attempts=attempts)
    destination_book.note(connection, delivery.destination, last_error=reason, last_error_at=now)


def extend(connection: Connection, destination: str, owner: str, lease: timedelta) -> set[int]:
    """Say that an owner is still at work on what it has claimed; return the ids of what it has not lost since."""
    held = connection.execute(
        sa.update(deliveries)
        .where(_IS_WAITING, deliveries.c.destination == destination, deliveries.c.owner == owner)
        .values(lease_until=database_time(connection) + lease)
        .returning(deliveries.c.delivery_id)
    )
    return set(held.scalars())


def too_old(connection: Connection, destination: str, before: datetime, limit: int) -> list[Delivery]:
    """Return what has waited for a destination since before a moment and nobody is sending, the oldest first."""
    return _unclaimed(
        connection, limit, deliveries.c.destination == destination, deliveries.c.created_at <= before
    )


def strays(connection: Connection, known: Sequence[str], before: datetime, limit: int) -> list[Delivery]:
    """Return what has been due since before a moment for destinations other than those known, the oldest first."""
    return _unclaimed(
        connection, limit, deliveries.c.destination.not_in(known), deliveries.c.next_at <= before
    )


def _unclaimed(connection: Connection, limit: int, *such: sa.ColumnElement[bool]) -> list[Delivery]:
    chosen = (
        sa.select(deliveries)
        .where(_IS_WAITING, _is_free(database_time(connection)), *such)
        .order_by(deliveries.c.delivery_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return _deliveries_of(connection, connection.execute(chosen).mappings().all())


def release(connection: Connection, destination: str, owner: str) -> None:
    """Give back what an owner has claimed for a destination and not sent."""
    connection.execute(
        sa.update(deliveries)
        .where(_IS_WAITING, deliveries.c.destination == destination, deliveries.c.owner == owner)
        .values(owner=None, lease_until=None)
    )


def release_all(connection: Connection) -> None:
    """Give back everything that is claimed: those who claimed it are known to be gone."""
    connection.execute(
        sa.update(deliveries)
        .where(_IS_WAITING, deliveries.c.owner.is_not(None))
        .values(owner=None, lease_until=None)
    )


def deliveries_of(connection: Connection, alert_id: str) -> list[Delivery]:
    """Return all deliveries of an alert, in order, whatever has become of them."""
    query = (
        sa.select(deliveries)
        .where(deliveries.c.alert_id == alert_id)
        .order_by(deliveries.c.destination, deliveries.c.sequence)
    )
    return _deliveries_of(connection, connection.execute(query).mappings().all())


def failed(connection: Connection, destination: str, limit: int) -> list[Delivery]:
    """Return what a destination will not get, the newest first."""
    query = (
        sa.select(deliveries)
        .where(deliveries.c.destination == destination, deliveries.c.state == DeliveryState.FAILED.value)
        .order_by(deliveries.c.delivery_id.desc())
        .limit(limit)
    )
    return _deliveries_of(connection, connection.execute(query).mappings().all())


def told(connection: Connection, alert_ids: Iterable[str]) -> dict[str, dict[str, Delivery]]:
    """Return which destinations know of alerts, each with the latest delivery: alert id → destination → delivery.

    Whom an alert was held back from does not know of it.
    """
    known = (DeliveryState.WAITING, DeliveryState.SENT, DeliveryState.GROUPED)
    found: dict[str, dict[str, Delivery]] = {}
    for some in portions(sorted(alert_ids)):
        query = (
            sa.select(deliveries)
            .where(
                deliveries.c.alert_id.in_(some),
                deliveries.c.kind != MessageKind.GROUP.value,
                deliveries.c.state.in_([state.value for state in known]),
            )
            .order_by(deliveries.c.alert_id, deliveries.c.sequence)
        )
        for one in _deliveries_of(connection, connection.execute(query).mappings().all()):
            found.setdefault(one.alert_id, {})[one.destination] = one
    return found


def silenced(connection: Connection, alert_ids: Iterable[str]) -> dict[str, set[str]]:
    """Return from whom silences and maintenance windows kept new alerts back: alert id → names of destinations."""
    found: dict[str, set[str]] = {}
    for some in portions(sorted(alert_ids)):
        query = sa.select(deliveries.c.alert_id, deliveries.c.destination).where(
            deliveries.c.alert_id.in_(some), deliveries.c.state == DeliveryState.SILENCED.value
        )
        for alert_id, destination in connection.execute(query):
            found.setdefault(alert_id, set()).add(destination)
    return found


def sent_since(connection: Connection, destination: str, since: datetime) -> int:
    """Return how many messages a destination took after a moment."""
    query = sa.select(sa.func.count()).where(
        deliveries.c.destination == destination,
        deliveries.c.state == DeliveryState.SENT.value,
        deliveries.c.ended_at > since,
    )
    return connection.scalar(query) or 0


def counts(connection: Connection) -> dict[str, Counter[str]]:
    """Return how many deliveries each destination has in each state."""
    query = sa.select(deliveries.c.destination, deliveries.c.state, sa.func.count()).group_by(
        deliveries.c.destination, deliveries.c.state
    )
    found: dict[str, Counter[str]] = {}
    for destination, state, number in connection.execute(query):
        found.setdefault(destination, Counter())[state] = number
    return found


def _next_of_its_alert() -> sa.ColumnElement[bool]:
    """Return whether nothing that was to be told of the alert before is still on its way, by itself or in a group.

    A group may go whatever has been written about its first alert since: that waits for the group.
    """
    earlier, group = deliveries.alias(), deliveries.alias()
    in_group = sa.exists().where(
        group.c.delivery_id == earlier.c.group_id, group.c.state == DeliveryState.WAITING.value
    )
    has_earlier = sa.exists().where(
        earlier.c.alert_id == deliveries.c.alert_id,
        earlier.c.destination == deliveries.c.destination,
        earlier.c.sequence < deliveries.c.sequence,
        sa.or_(
            earlier.c.state == DeliveryState.WAITING.value,
            sa.and_(earlier.c.state == DeliveryState.GROUPED.value, in_group),
        ),
    )
    return sa.or_(deliveries.c.kind == MessageKind.GROUP.value, ~has_earlier)


_IS_NEXT = _next_of_its_alert()


def _due(destination: str, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return deliveries.c.destination == destination, deliveries.c.next_at <= now


def _is_free(moment: datetime) -> sa.ColumnElement[bool]:
    return deliveries.c.lease_until.is_(None) | (deliveries.c.lease_until < moment)


def _row_of(letter: Letter, sequence: int, document: str, now: datetime) -> dict[str, Any]:
    held = DeliveryState.SILENCED if letter.is_silenced else DeliveryState.HELD
    state = held if letter.held_because else DeliveryState.WAITING
    return {
        "alert_id": letter.notice.alert_id,
        "destination": letter.destination,
        "sequence": sequence,
        "kind": letter.kind.value,
        "state": state.value,
        "attempts": 0,
        "created_at": now,
        "next_at": now,
        "ended_at": now if letter.held_because else None,
        "reason": letter.held_because,
        "document": document,
    }


def _last_sequences(connection: Connection, alert_ids: Iterable[str]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for some in portions(sorted(alert_ids)):
        query = (
            sa.select(deliveries.c.alert_id, deliveries.c.destination, sa.func.max(deliveries.c.sequence))
            .where(deliveries.c.alert_id.in_(some))
            .group_by(deliveries.c.alert_id, deliveries.c.destination)
        )
        for alert_id, destination, sequence in connection.execute(query):
            found[alert_id, destination] = sequence
    return found


def _untried_updates(connection: Connection, letters: Sequence[Letter]) -> dict[tuple[str, str], int]:
    """Return the updates that wait and were never tried, by alert and destination."""
    found: dict[tuple[str, str], int] = {}
    for some in portions(sorted({letter.notice.alert_id for letter in letters})):
        query = (
            sa.select(deliveries.c.alert_id, deliveries.c.destination, deliveries.c.delivery_id)
            .where(
                _IS_WAITING,
                deliveries.c.alert_id.in_(some),
                deliveries.c.kind == MessageKind.UPDATE.value,
                deliveries.c.attempts == 0,
                deliveries.c.owner.is_(None),
            )
            .with_for_update(skip_locked=True)
        )
        for alert_id, destination, delivery_id in connection.execute(query):
            found[alert_id, destination] = delivery_id
    return found


def _rewrite(connection: Connection, delivery_id: int, document: str) -> None:
    connection.execute(
        sa.update(deliveries).where(deliveries.c.delivery_id == delivery_id).values(document=document)
    )


def _end(
    connection: Connection,
    delivery: Delivery,
    state: DeliveryState,
    now: datetime,
    reason: str = "",
    *,
    attempts: int = 1,
) -> None:
    ending = {
        "ended": delivery.delivery_id,
        "how": state.value,
        "moment": now,
        "why": reason,
        "tries": attempts,
    }
    connection.execute(_END, ending)


_END = (
    sa.update(deliveries)
    .where(deliveries.c.delivery_id == sa.bindparam("ended"))
    .values(
        state=sa.bindparam("how"),
        attempts=deliveries.c.attempts + sa.bindparam("tries"),
        ended_at=sa.bindparam("moment"),
        reason=sa.bindparam("why"),
        owner=None,
        lease_until=None,
    )
)
"""Made once: it is executed for each message, and making it takes longer than that."""


def _deliveries_of(connection: Connection, rows: Sequence[RowMapping]) -> list[Delivery]:
    known = _threads_of(connection, {row["alert_id"] for row in rows})
    return [_delivery_of(row, known.get((row["alert_id"], row["destination"]), "")) for row in rows]


def _delivery_of(row: RowMapping, thread: str) -> Delivery:
    kind = MessageKind(row["kind"])
    key = delivery_key(row["alert_id"], row["destination"], row["sequence"])
    return Delivery(
        delivery_id=row["delivery_id"],
        alert_id=row["alert_id"],
        destination=row["destination"],
        sequence=row["sequence"],
        kind=kind,
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_at=row["next_at"],
        ended_at=row["ended_at"],
        reason=row["reason"],
        message=message_of(orjson.loads(row["document"]), key=key, kind=kind, thread=thread),
    )


def _threads_of(connection: Connection, alert_ids: Iterable[str]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for some in portions(sorted(alert_ids)):
        rows = connection.execute(sa.select(threads).where(threads.c.alert_id.in_(some)))
        found.update({(row.alert_id, row.destination): row.thread for row in rows})
    return found
