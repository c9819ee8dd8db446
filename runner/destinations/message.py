"""Message: what is told about an alert, whoever it is told to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.alerts.summary import Summary
    from runner.destinations.report import Report

PAYLOAD_VERSION = "1"
_TITLE_PREFIXES = {"SCHEDULED_RULE": "New Alert: ", "RULE": "New Alert: ", "SYSTEM_ERROR": "System Error: "}
_ERROR_PREFIX = "New rule error: "
_RESENT_PREFIX = "[Re-sent]: "


class MessageKind(StrEnum):
    """Why a message is sent."""

    NEW = "new"
    """The alert was created."""
    UPDATE = "update"
    """It took in further matches, or says something else now."""
    STATUS = "status"
    """Its status changed."""
    COMMENT = "comment"
    """Somebody wrote on it, or it was given to somebody; its status is what it was."""
    MERGED = "merged"
    """Another alert has its matches now: logs that came late have shown that the two are one."""
    GROUP = "group"
    """It stands for many messages that would have come within a minute."""
    REPORT = "report"
    """It is no alert, but the result of a query."""
    TEST = "test"
    """Somebody tries whether the destination works."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """An alert as it was when the message was written. Times are aware, in UTC."""

    alert_id: str
    rule_id: str
    name: str
    """The rule's display name; empty if it has none."""
    type: str
    title: str
    severity: str
    status: str
    created_at: datetime
    first_match_at: datetime
    last_match_at: datetime
    match_count: int
    dedup: str = ""
    description: str = ""
    runbook: str = ""
    reference: str = ""
    link: str = ""
    """The alert's page, if there is one."""
    tags: tuple[str, ...] = ()
    log_types: tuple[str, ...] = ()
    context: Mapping[str, Any] | None = None
    summary: Summary | None = None
    merged_into: str = ""
    """The id of the alert that has its matches now, if another has."""
    is_resent: bool = False
    """Whether somebody had it sent after it was given up."""

    @property
    def heading(self) -> str:
        """The title as Panther puts it above a new alert."""
        if self.is_resent:
            return _RESENT_PREFIX + self.title
        prefix = _TITLE_PREFIXES.get(self.type, _ERROR_PREFIX if self.type.endswith("_ERROR") else "")
        return prefix + self.title

    def as_document(self) -> dict[str, Any]:
        """Return a JSON document from which `notice_of` makes the same notice again."""
        return {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One thing to tell one destination.

    `key` is the same whenever this message is sent again, and never that of another: a receiver that remembers
    it takes the message once.
    """

    key: str
    kind: MessageKind
    notice: Notice
    actor: str = ""
    """Who changed the status; `runner` if nobody did."""
    comment: str = ""
    others: tuple[Notice, ...] = ()
    """For a group: the alerts it stands for, but the first: the most severe ones, if they are very many."""
    count: int = 1
    """How many alerts it stands for."""
    report: Report | None = None
    """For a report: the result, and who gets it."""
    thread: str = ""
    """What the destination said about the first message on this alert, so that this one may follow it."""


def notice_of(document: Mapping[str, Any]) -> Notice:
    """Make a notice of what `Notice.as_document` returned."""
    times = ("created_at", "first_match_at", "last_match_at")
    lists = ("tags", "log_types")
    return Notice(
        **{
            **document,
            **{name: datetime.fromisoformat(document[name]) for name in times},
            **{name: tuple(document[name]) for name in lists},
        }
    )


def payload_of(message: Message) -> dict[str, Any]:
    """Return the JSON document that a generic webhook gets: Panther's fields first, then ours.

    The names and meanings of the first block are those of Panther's custom webhook.
    """
    notice = message.notice
    return {
        "id": notice.rule_id,
        "createdAt": _rfc3339(notice.created_at),
        "severity": notice.severity,
        "type": notice.type,
        "link": notice.link,
        "title": notice.heading if message.kind is MessageKind.NEW else notice.title,
        "name": notice.name or None,
        "alertId": notice.alert_id,
        "alertContext": dict(notice.context or {}),
        "description": notice.description,
        "runbook": notice.runbook,
        "tags": list(notice.tags),
        "version": PAYLOAD_VERSION,
        **_own_fields(message),
    }


def _own_fields(message: Message) -> dict[str, Any]:
    notice = message.notice
    fields: dict[str, Any] = {
        "kind": message.kind.value,
        "idempotencyKey": message.key,
        "status": notice.status,
        "matchCount": notice.match_count,
        "firstMatchAt": _rfc3339(notice.first_match_at),
        "lastMatchAt": _rfc3339(notice.last_match_at),
        "dedupString": notice.dedup,
        "reference": notice.reference,
        "logTypes": list(notice.log_types),
    }
    if notice.merged_into:
        fields["mergedInto"] = notice.merged_into
    if notice.summary:
        fields["summary"] = dict(notice.summary)
    if message.actor:
        fields |= {"actor": message.actor, "comment": message.comment}
    if message.kind is MessageKind.GROUP:
        members = (notice, *message.others)
        fields |= {"groupCount": message.count, "group": [_brief(member) for member in members]}
    return fields


def _brief(notice: Notice) -> dict[str, Any]:
    return {
        "alertId": notice.alert_id,
        "id": notice.rule_id,
        "severity": notice.severity,
        "title": notice.title,
        "link": notice.link,
    }


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
