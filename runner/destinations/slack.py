"""Slack: messages made of blocks. What comes later on an alert goes into the thread of its first message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.destinations import wording
from runner.destinations.destination import Receipt
from runner.destinations.http import retry_after
from runner.destinations.message import MessageKind
from runner.errors import DeliveryError, SettingsError

if TYPE_CHECKING:
    from runner.clock import Clock
    from runner.destinations.message import Message

_COLOURS = {
    "INFO": "#36a64f",
    "LOW": "#2d7ff9",
    "MEDIUM": "#f2c744",
    "HIGH": "#e8792b",
    "CRITICAL": "#c4271b",
}
_HEADER_CHARACTERS = 150
_SECTION_CHARACTERS = 2900
_BODY_CHARACTERS = 2800
_FIELD_CHARACTERS = 1900
_FIELDS = 10
"""Slack's limits: the header's text, a section's (3,000) with what we put around it, a field's (2,000), their number."""
_MESSAGE_FAULTS = {
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_too_long",
    "too_many_attachments",
    "no_text",
}


class SlackSender:
    """Posts to a channel with a bot's token, or to an incoming webhook, which knows no threads."""

    def __init__(
        self,
        *,
        token: str,
        channel: str,
        webhook_url: str,
        timeout: float,
        clock: Clock,
        url: str,
    ) -> None:
        try:
            import slack_sdk  # noqa: PLC0415  an extra
            from slack_sdk import errors  # noqa: PLC0415
        except ImportError:
            raise SettingsError("Slack needs the extra 'notify': pip install 'runner[notify]'") from None
        seconds = max(1, round(timeout))
        self._channel = channel
        self._clock = clock
        self._refused = errors.SlackApiError
        self._web = None if webhook_url else slack_sdk.WebClient(token, base_url=url, timeout=seconds)
        self._hook = slack_sdk.WebhookClient(webhook_url, timeout=seconds) if webhook_url else None
        for client in (self._web, self._hook):
            if client is not None:
                client.retry_handlers.clear()  # when to try again is the outbox's business

    def send(self, message: Message) -> Receipt:
        """Post one message. Raises `DeliveryError`."""
        text = _cut(_escaped(wording.subject_of(message)), _SECTION_CHARACTERS)
        attachments = [attachment_of(message)]
        try:
            if self._hook is not None:
                return self._receipt(self._hook.send(text=text, attachments=attachments))
            assert self._web is not None  # noqa: S101  one of the two is there
            answer = self._web.chat_postMessage(
                channel=self._channel,
                text=text,
                attachments=attachments,
                thread_ts=message.thread or None,
                metadata={"event_type": "runner_alert", "event_payload": {"key": message.key}},
            )
        except self._refused as error:
            raise self._refusal(error.response) from error
        except Exception as error:  # the client raises whatever urllib raises
            if isinstance(error, DeliveryError):
                raise
            raise DeliveryError(f"no answer: {error}") from error
        return Receipt(thread=message.thread or str(answer["ts"]))

    def close(self) -> None:
        """Do nothing: the client holds no connections."""

    def _receipt(self, answer: Any) -> Receipt:
        if answer.status_code != 200:  # noqa: PLR2004  HTTP's OK
            raise self._refusal(answer)
        return Receipt()

    def _refusal(self, answer: Any) -> DeliveryError:
        said = answer.body if isinstance(getattr(answer, "body", None), str) else answer["error"]
        headers = {str(name).lower(): value for name, value in (answer.headers or {}).items()}
        return DeliveryError(
            f"Slack refused with status {answer.status_code}: {said}",
            is_final=said in _MESSAGE_FAULTS,
            retry_after=retry_after(str(headers.get("retry-after", "")), self._clock.now()),
        )


def attachment_of(message: Message) -> dict[str, Any]:
    """Return one attachment, coloured by severity, whose blocks say all that the message says."""
    return {
        "color": _COLOURS.get(message.notice.severity, _COLOURS["HIGH"]),
        "fallback": wording.subject_of(message),
        "blocks": blocks_of(message),
    }


def blocks_of(message: Message) -> list[dict[str, Any]]:
    """Return a message's blocks, as Slack's Block Kit has them, within Slack's limits; a small last one names it."""
    mark = {"type": "plain_text", "text": wording.mark_of(message)}
    return [*_told(message), {"type": "context", "elements": [mark]}]


def _told(message: Message) -> list[dict[str, Any]]:
    notice = message.notice
    subject = wording.subject_of(message)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(subject, _HEADER_CHARACTERS)}}
    ]
    if message.comment:
        blocks.append(_section(f"*{_escaped(message.actor)}*: {_escaped(message.comment)}"))
    if message.kind is MessageKind.GROUP:
        return [*blocks, _section(_escaped("\n".join(wording.members_of(message))))]
    facts = [f"*{name}*\n{_escaped(value)}" for name, value in wording.facts_of(notice)]
    blocks.append(
        {"type": "section", "fields": [_mrkdwn(fact, _FIELD_CHARACTERS) for fact in facts[:_FIELDS]]}
    )
    if message.kind is MessageKind.NEW:
        blocks += [_section(f"*{name}*\n{_body(name, text)}") for name, text in wording.passages_of(notice)]
    if notice.link:
        blocks.append(_section(f"<{notice.link}|Open the alert>"))
    return blocks


def _body(name: str, text: str) -> str:
    """Return a passage; documents go into a code block, which has to end whatever is cut off."""
    cut = _cut(_escaped(text), _BODY_CHARACTERS)
    return f"```{cut}```" if name == "Context" else cut


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text, _SECTION_CHARACTERS)}


def _mrkdwn(text: str, characters: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": _cut(text, characters)}


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _escaped(text: str) -> str:
    """Escape what Slack takes for its own marks."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
