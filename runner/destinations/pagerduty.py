"""PagerDuty: the Events API, version 2. The alert's id is the dedup key, so that it resolves what it triggered."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import orjson

from runner.destinations.destination import Receipt
from runner.destinations.http import refusal
from runner.destinations.message import Message, MessageKind, payload_of
from runner.destinations.wording import subject_of
from runner.errors import DeliveryError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.clock import Clock

URL = "https://events.pagerduty.com"
_SEVERITIES = {"INFO": "info", "LOW": "warning", "MEDIUM": "warning", "HIGH": "error", "CRITICAL": "critical"}
_ACTIONS = {"TRIAGED": "acknowledge", "RESOLVED": "resolve", "CLOSED": "resolve"}
_ENDED = ("RESOLVED", "CLOSED")
_SUMMARY_CHARACTERS = 1024
_DETAILS_BYTES = 400_000
"""PagerDuty refuses events of more than 512 KiB."""
_LARGE = ("alertContext", "description", "runbook", "summary")
"""What is left out of an event that is too large, one after the other."""


class PagerDutySender:
    """Triggers, acknowledges and resolves incidents, through PagerDuty's own client.

    `timeout` (seconds) is that of each step of an exchange. `ca_file` has certificates to trust, in PEM; empty for the
    system's. Raises `SettingsError` if the client is not installed, and `OSError` if the file cannot be read.
    """

    def __init__(
        self, routing_key: str, *, timeout: float, clock: Clock, url: str = URL, ca_file: str = ""
    ) -> None:
        try:
            import pagerduty  # noqa: PLC0415  an extra
        except ImportError:
            raise SettingsError("PagerDuty needs the extra 'notify': pip install 'runner[notify]'") from None
        trust = {"verify": ssl.create_default_context(cafile=ca_file)} if ca_file else {}
        self._failure: type[Exception] = pagerduty.Error
        self._client = _trying_once(pagerduty.EventsApiV2Client, clock)(routing_key, base_url=url, **trust)
        self._client.timeout = timeout

    def send(self, message: Message) -> Receipt:
        """Send one event, if PagerDuty has to know at all; an incident for a test ends at once. Raises `DeliveryError`."""
        event = event_of(message)
        if event is None:
            return Receipt(was_sent=False)
        self._send(event)
        if message.kind is MessageKind.TEST:
            self._send({"event_action": "resolve", "dedup_key": event["dedup_key"]})
        return Receipt()

    def _send(self, event: Mapping[str, Any]) -> None:
        rest = {name: value for name, value in event.items() if name != "event_action"}
        try:
            self._client.send_event(event["event_action"], **rest)
        except self._failure as error:
            raise DeliveryError(f"no answer: {error.__cause__ or error}") from error

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()


def _trying_once(client: type[Any], clock: Clock) -> type[Any]:
    """Return a client that leaves it to the outbox when to try again, and says why it was refused."""

    class Client(client):  # type: ignore[misc]  # the library has no types
        max_network_attempts = 0

        def postprocess(self, response: Any) -> None:
            if not response.is_success:
                raise refusal(response.status_code, response.headers, response.text, clock.now())

    return Client


def event_of(message: Message) -> dict[str, Any] | None:
    """Return the event without its routing key, as PagerDuty's reference of the Events API v2 describes it.

    None if the message changes nothing about the alert's incident.
    """
    notice = message.notice
    action = _action(message)
    if action is None:
        return None
    is_group = message.kind is MessageKind.GROUP  # only if it was written when the name meant another kind
    event: dict[str, Any] = {
        "event_action": action,
        "dedup_key": message.key if is_group else notice.alert_id,
    }
    if action != "trigger":
        return event
    event["payload"] = {
        "summary": (subject_of(message) if is_group else notice.title)[:_SUMMARY_CHARACTERS],
        "source": notice.rule_id,
        "severity": _SEVERITIES.get(notice.severity, "error"),
        "timestamp": notice.created_at.isoformat(),
        "class": notice.type,
        "custom_details": _details(message),
    }
    if notice.link:
        event["links"] = [{"href": notice.link, "text": "The alert"}]
    return event


def _details(message: Message) -> dict[str, Any]:
    """Return what is known about an alert as plain JSON values, no more of them than PagerDuty takes."""
    details = payload_of(message)
    for name in _LARGE:
        if len(_json(details)) <= _DETAILS_BYTES:
            break
        details[name] = "left out: too large for PagerDuty"
    plain: dict[str, Any] = orjson.loads(_json(details))
    return plain


def _json(details: Mapping[str, Any]) -> bytes:
    return orjson.dumps(details, option=orjson.OPT_NON_STR_KEYS)


def _action(message: Message) -> str | None:
    notice = message.notice
    match message.kind:
        case MessageKind.MERGED:
            return "resolve"  # the incident of the alert that took it in goes on
        case MessageKind.UPDATE if not notice.match_count:
            return "resolve"  # its matches belong to others now
        case MessageKind.STATUS:
            return _ACTIONS.get(notice.status, "trigger")
        case MessageKind.COMMENT:
            return None  # events have no place for it, and a trigger may open an incident that was resolved there
        case _ if notice.status in _ENDED:
            return None  # a trigger would open an incident that nobody resolves
    return "trigger"
