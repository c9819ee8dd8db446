"""Wording: what a person reads about an alert, as short facts and as plain text."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson

from runner.alerts.summary import lines_of
from runner.destinations.message import MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from runner.destinations.message import Message, Notice

SHOWN_MEMBERS = 20
"""How many alerts of a group are named."""


def subject_of(message: Message) -> str:
    """Return one line that says what happened."""
    notice = message.notice
    match message.kind:
        case MessageKind.GROUP:
            return f"{message.count} new alerts, the most severe ({notice.severity}): {notice.title}"
        case MessageKind.NEW:
            return notice.heading
        case MessageKind.REPORT:
            return notice.title
        case kind:
            return f"{_HAPPENED[kind](notice)}: {notice.title}"


_HAPPENED: Mapping[MessageKind, Callable[[Notice], str]] = MappingProxyType(
    {
        MessageKind.STATUS: lambda notice: notice.status,
        MessageKind.COMMENT: lambda _: "Comment",
        MessageKind.MERGED: lambda _: "One with another alert",
        MessageKind.UPDATE: lambda notice: f"{notice.match_count} matches",
        MessageKind.TEST: lambda _: "Test",
    }
)


def facts_of(notice: Notice) -> list[tuple[str, str]]:
    """Return the facts that fit on a line each; what is not known is left out."""
    facts = [
        ("Severity", notice.severity),
        ("Status", notice.status),
        ("Rule", notice.name or notice.rule_id),
        ("Matches", str(notice.match_count)),
        ("First match", _moment(notice.first_match_at)),
        ("Last match", _moment(notice.last_match_at)),
        ("Tags", ", ".join(notice.tags)),
        ("One with alert", notice.merged_into),
    ]
    return [(name, value) for name, value in facts if value]


def passages_of(notice: Notice) -> list[tuple[str, str]]:
    """Return the longer texts, each with its name; what is not there is left out."""
    passages = [
        ("Description", notice.description),
        ("Runbook", notice.runbook),
        ("Reference", notice.reference),
        ("Context", _pretty(notice.context)),
        ("Most frequent values", "\n".join(lines_of(notice.summary or {}))),
    ]
    return [(name, text) for name, text in passages if text]


def members_of(message: Message) -> list[str]:
    """Return a line for each of the most severe alerts of a group, and one for how many more there are."""
    members = (message.notice, *message.others)
    lines = [f"{one.severity} {one.title}" for one in members[:SHOWN_MEMBERS]]
    if message.count > len(lines):
        lines.append(f"and {message.count - len(lines)} more")
    return lines


def mark_of(message: Message) -> str:
    """Return a line that names the alert, and the message: one that was sent again has the same."""
    alert = "" if message.kind is MessageKind.GROUP else f"Alert {message.notice.alert_id}, "
    return f"{alert}message {message.key}".capitalize()


def text_of(message: Message) -> str:
    """Return the whole message as plain text."""
    return "\n".join([*_lines(message), "", mark_of(message)]) + "\n"


def _lines(message: Message) -> Iterator[str]:
    notice = message.notice
    yield subject_of(message)
    yield ""
    if message.comment:
        yield f"{message.actor}: {message.comment}"
        yield ""
    if message.kind is MessageKind.GROUP:
        yield from members_of(message)
        return
    yield from (f"{name}: {value}" for name, value in facts_of(notice))
    if notice.link:
        yield f"Alert: {notice.link}"
    for name, text in passages_of(notice):
        yield from ("", f"{name}:", text)


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _pretty(document: Mapping[str, Any] | None) -> str:
    if not document:
        return ""
    return orjson.dumps(dict(document), option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
