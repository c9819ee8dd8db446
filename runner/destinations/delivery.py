"""Delivery: one message for one destination, as the outbox keeps it until it is sent, and after."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from runner.destinations.message import Message, MessageKind, Notice, notice_of
from runner.destinations.report import report_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from runner.destinations.report import Report


class DeliveryState(StrEnum):
    """What has become of a delivery."""

    WAITING = "waiting"
    """It will be sent, perhaps again."""
    SENT = "sent"
    """The destination took it."""
    GROUPED = "grouped"
    """A grouped message stands for it."""
    HELD = "held"
    """It was not to be sent: too old, or beyond a limit."""
    SILENCED = "silenced"
    """A silence or a maintenance window held: whom it was for is told when the alert grows after that."""
    FAILED = "failed"
    """The destination will not take it, or did not within the time limit."""
    SPLIT = "split"
    """It was a group, and has failed: each of its members has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """What is put into the outbox: what to tell one destination about one alert."""

    destination: str
    kind: MessageKind
    notice: Notice
    held_because: str = ""
    """Why it is not to be sent; empty if it is."""
    is_silenced: bool = False
    """Whether that is a silence or a maintenance window, which ends."""
    actor: str = ""
    comment: str = ""
    report: Report | None = None

    def as_document(self) -> dict[str, Any]:
        """Return what `message_of` needs, as a JSON document."""
        document = document_of(self.notice, actor=self.actor, comment=self.comment)
        return {**document, "report": self.report.as_document()} if self.report else document


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One delivery, as the outbox has it. Times are aware, in UTC."""

    delivery_id: int
    alert_id: str
    destination: str
    sequence: int
    """Counts the deliveries of an alert to a destination, from 1: they are sent in this order."""
    kind: MessageKind
    state: DeliveryState
    attempts: int
    """How often it was tried to send it."""
    created_at: datetime
    next_at: datetime
    """When it may be tried next."""
    ended_at: datetime | None
    reason: str
    """Why it was not sent; the latest refusal, if it is still waiting."""
    message: Message


def delivery_key(alert_id: str, destination: str, sequence: int) -> str:
    """Return the idempotency key of a delivery: 32 hexadecimal digits that follow from what it is."""
    text = f"{alert_id}\x1f{destination}\x1f{sequence}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def document_of(
    notice: Notice,
    *,
    actor: str = "",
    comment: str = "",
    others: tuple[Notice, ...] = (),
    count: int = 1,
) -> dict[str, Any]:
    """Return what `message_of` needs, as a JSON document."""
    return {
        "notice": notice.as_document(),
        "actor": actor,
        "comment": comment,
        "others": [other.as_document() for other in others],
        "count": count,
    }


def message_of(document: Mapping[str, Any], *, key: str, kind: MessageKind, thread: str) -> Message:
    """Make the message that a document of the outbox stands for."""
    return Message(
        key=key,
        kind=kind,
        notice=notice_of(document["notice"]),
        actor=document["actor"],
        comment=document["comment"],
        others=tuple(notice_of(other) for other in document["others"]),
        count=document["count"],
        report=report_of(document.get("report")),
        thread=thread,
    )
