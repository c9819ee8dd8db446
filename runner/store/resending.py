"""Sending after all what destinations were not given: under the same keys, and as the alerts are now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from runner.alerts.alert import AlertStatus
from runner.destinations.delivery import DeliveryState, Letter
from runner.destinations.message import MessageKind, Notice, notice_of
from runner.store import alert_book, outbox, summaries
from runner.store.portions import portions
from runner.store.schema import deliveries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

    from runner.alerts.alert import Alert

_REVIVE = (
    sa.update(deliveries)
    .where(deliveries.c.delivery_id == sa.bindparam("revived"))
    .values(
        state=DeliveryState.WAITING.value,
        created_at=sa.bindparam("moment"),
        next_at=sa.bindparam("moment"),
        ended_at=None,
        document=sa.bindparam("text"),
    )
)


def try_again(connection: Connection, destination: str, now: datetime) -> int:
    """Let what was given up be sent after all; return how much that is.

    It counts as written now, so that it has the whole time again. Where a later message on the same alert was taken
    meanwhile, one more says at the end how the alert stands: the last word is not that of a message that comes late.
    """
    rows = _failed(connection, destination)
    alerts = alert_book.alerts_of(connection, sorted({row["alert_id"] for row in rows}))
    notices = [_present_notice(connection, row, alerts) for row in rows]
    revived = [
        {"revived": row["delivery_id"], "moment": now, "text": _text(row, notice)}
        for row, notice in zip(rows, notices, strict=True)
    ]
    if revived:
        connection.execute(_REVIVE, revived)
    present = {one.alert_id: one for one in notices if one.alert_id in alerts}
    last = [
        (present[one], _last_word(present[one])) for one in _overtaken(connection, rows) if one in present
    ]
    letters = [Letter(destination=destination, kind=kind, notice=notice) for notice, kind in last if kind]
    outbox.put(connection, letters, now)
    return len(rows)


def _failed(connection: Connection, destination: str) -> Sequence[RowMapping]:
    query = (
        sa.select(deliveries)
        .where(deliveries.c.destination == destination, deliveries.c.state == DeliveryState.FAILED.value)
        .order_by(deliveries.c.delivery_id)
        .with_for_update()
    )
    return connection.execute(query).mappings().all()


def _present_notice(connection: Connection, row: RowMapping, alerts: Mapping[str, Alert]) -> Notice:
    written = replace(notice_of(orjson.loads(row["document"])["notice"]), is_resent=True)
    alert = alerts.get(row["alert_id"])
    if alert is None:  # the result of a query, or an alert that was removed
        return written
    return replace(
        written,
        title=alert.title,
        severity=alert.severity,
        status=alert.status.value,
        first_match_at=alert.first_match_at,
        last_match_at=alert.last_match_at,
        match_count=alert.match_count,
        description=alert.description,
        runbook=alert.runbook,
        reference=alert.reference,
        log_types=alert.log_types,
        context=alert.context,
        summary=summaries.summary_of(connection, alert) if written.summary else None,
        merged_into=alert.merged_into or "",
    )


def _text(row: RowMapping, notice: Notice) -> str:
    document: dict[str, Any] = {**orjson.loads(row["document"]), "notice": notice.as_document()}
    return orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS).decode()


def _overtaken(connection: Connection, rows: Sequence[RowMapping]) -> list[str]:
    """Return the alerts on which the same destination took a later message than one of these."""
    later = deliveries.alias()
    found: list[str] = []
    for some in portions([row["delivery_id"] for row in rows]):
        query = (
            sa.select(deliveries.c.alert_id)
            .distinct()
            .join(
                later,
                sa.and_(
                    later.c.alert_id == deliveries.c.alert_id,
                    later.c.destination == deliveries.c.destination,
                    later.c.sequence > deliveries.c.sequence,
                    later.c.state == DeliveryState.SENT.value,
                ),
            )
            .where(deliveries.c.delivery_id.in_(some))
        )
        found += connection.scalars(query)
    return sorted(set(found))


def _last_word(notice: Notice) -> MessageKind | None:
    """Return what kind of message says how an alert stands; None if it is open, as a new alert is."""
    if notice.merged_into:
        return MessageKind.MERGED
    if not notice.match_count:
        return MessageKind.UPDATE
    return None if notice.status == AlertStatus.OPEN.value else MessageKind.STATUS
