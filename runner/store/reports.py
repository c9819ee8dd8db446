"""Reports in the outbox: the results of queries that are mailed, each once for its time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import sqlalchemy as sa

from runner.destinations.delivery import DeliveryState, Letter
from runner.destinations.message import MessageKind
from runner.store import outbox
from runner.store.schema import deliveries, threads

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from runner.destinations.delivery import Delivery
    from runner.destinations.report import Report

_REPORT = MessageKind.REPORT.value


def turn_of(report: Report) -> str:
    """Return what two runs for one time have to take turns at."""
    return f"report {report.report_id}"


def put(connection: Connection, report: Report, destination: str, now: datetime) -> bool:
    """Write a report into the outbox, unless the same was there before; returns whether it was written.

    A run for the same time with another result, as late logs bring it, is sent after it.
    """
    before = _latest_digest(connection, report, destination)
    if before == report.result.digest:
        return False
    written = replace(report, corrects=before is not None)
    letter = Letter(
        destination=destination, kind=MessageKind.REPORT, notice=written.as_notice(), report=written
    )
    outbox.put(connection, [letter], now)
    return True


def forget_rows(connection: Connection, delivery: Delivery) -> None:
    """Drop the rows of a report that was taken: what was sent is known by its digest."""
    report = delivery.message.report
    if report is None:
        return
    document = orjson.loads(
        connection.scalar(
            sa.select(deliveries.c.document).where(deliveries.c.delivery_id == delivery.delivery_id)
        )
        or b"{}"
    )
    kept = {**report.without_rows().as_document(), "digest": report.result.digest}
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.delivery_id == delivery.delivery_id)
        .values(document=orjson.dumps({**document, "report": kept}).decode())
    )


def prune(connection: Connection, before: datetime, limit: int) -> int:
    """Remove reports that were dealt with before a moment; returns how many messages that were."""
    old = (
        sa.select(deliveries.c.alert_id)
        .where(
            deliveries.c.kind == _REPORT,
            deliveries.c.state != DeliveryState.WAITING.value,
            deliveries.c.ended_at < before,
        )
        .limit(limit)
    )
    gone = list(connection.scalars(old))
    for table in (deliveries, threads) if gone else ():
        connection.execute(sa.delete(table).where(table.c.alert_id.in_(gone)))
    return len(gone)


def _latest_digest(connection: Connection, report: Report, destination: str) -> str | None:
    query = (
        sa.select(deliveries.c.document)
        .where(deliveries.c.alert_id == report.report_id, deliveries.c.destination == destination)
        .order_by(deliveries.c.sequence.desc())
        .limit(1)
    )
    document = connection.scalar(query)
    return None if document is None else str(orjson.loads(document)["report"]["digest"])
