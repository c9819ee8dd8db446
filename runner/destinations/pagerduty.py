"""PagerDuty: the Events API, version 2. The alert's id is the dedup key, so that it resolves what it triggered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from runner.destinations.destination import Receipt
from runner.destinations.message import Message, MessageKind, payload_of

if TYPE_CHECKING:
    from runner.destinations.http import HttpClient

URL = "https://events.pagerduty.com/v2/enqueue"
_SEVERITIES = {"INFO": "info", "LOW": "warning", "MEDIUM": "warning", "HIGH": "error", "CRITICAL": "critical"}
_ACTIONS = {"TRIAGED": "acknowledge", "RESOLVED": "resolve", "CLOSED": "resolve"}
_SUMMARY_CHARACTERS = 1024
_DETAILS_BYTES = 400_000
"""PagerDuty refuses events of more than 512 KiB."""


class PagerDutySender:
    """Triggers, acknowledges and resolves incidents."""

    def __init__(self, routing_key: str, client: HttpClient, *, url: str = URL) -> None:
        self._routing_key = routing_key
        self._client = client
        self._url = url

    def send(self, message: Message) -> Receipt:
        """Send one event. Raises `DeliveryError`."""
        body = orjson.dumps(event_of(message, self._routing_key), option=orjson.OPT_NON_STR_KEYS)
        self._client.post(self._url, body, {"Content-Type": "application/json"})
        return Receipt()

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()


def event_of(message: Message, routing_key: str) -> dict[str, Any]:
    """Return the event, as PagerDuty's reference of the Events API v2 describes it."""
    notice = message.notice
    action = _action(message)
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": message.key if message.kind is MessageKind.GROUP else notice.alert_id,
    }
    if action != "trigger":
        return event
    details = payload_of(message)
    if len(orjson.dumps(details, option=orjson.OPT_NON_STR_KEYS)) > _DETAILS_BYTES:
        details["alertContext"] = "left out: too large for PagerDuty"
    event["payload"] = {
        "summary": _summary(message)[:_SUMMARY_CHARACTERS],
        "source": notice.rule_id,
        "severity": _SEVERITIES.get(notice.severity, "error"),
        "timestamp": notice.created_at.isoformat(),
        "class": notice.type,
        "custom_details": details,
    }
    if notice.link:
        event["links"] = [{"href": notice.link, "text": "The alert"}]
    return event


def _action(message: Message) -> str:
    if message.kind is MessageKind.MERGED:
        return "resolve"  # the incident of the alert that took it in goes on
    is_status = message.kind is MessageKind.STATUS
    return _ACTIONS.get(message.notice.status, "trigger") if is_status else "trigger"


def _summary(message: Message) -> str:
    if message.kind is MessageKind.GROUP:
        return f"{len(message.others) + 1} alerts, the first: {message.notice.title}"
    return message.notice.title
