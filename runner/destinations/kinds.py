"""Kinds of destinations: what each may be told in the settings, and how its sender is made."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from email.utils import parseaddr
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from runner.destinations import pagerduty
from runner.destinations.apprise import AppriseSender
from runner.destinations.email import EmailSender, MailServer
from runner.destinations.http import HttpClient
from runner.destinations.lines import FileSender, StreamSender, is_something_else
from runner.destinations.pagerduty import PagerDutySender
from runner.destinations.slack import SlackSender
from runner.destinations.webhook import WebhookSender
from runner.options import Option, count, flag, seconds, text, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from runner.clock import Clock
    from runner.destinations.destination import Sender

REQUIRED = object()
"""The default of an option that has to be given."""
_SLACK_URL = "https://slack.com/api/"
_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
SEVERITIES = ("INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL")
ALERT_TYPES = (
    "RULE",
    "RULE_ERROR",
    "SCHEDULED_RULE",
    "SCHEDULED_RULE_ERROR",
    "POLICY",
    "CORRELATION_RULE",
    "CORRELATION_RULE_ERROR",
    "SYSTEM_ERROR",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What a sender is made with, beside what the settings say of it."""

    root: Path
    """The project folder: relative paths are taken from it."""
    clock: Clock
    timeout: float
    """Seconds until an answer has to be there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of destination."""

    help: str
    options: tuple[Option, ...]
    make: Callable[[Mapping[str, Any], Surroundings], Sender]
    """Raises ValueError if options do not fit together, and `SettingsError` if an extra is missing."""
    unfit: Mapping[str, str] = field(default_factory=dict)
    """Options of every destination that this kind has no use for, each with why."""


def _url(value: Any) -> str:
    address = text(value)
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an http or https URL")
    return address


def _https_url(value: Any) -> str:
    address = _url(value)
    if not address.startswith("https://"):
        raise ValueError("expected an https URL")
    return address.rstrip("/")


def _addresses(value: Any) -> tuple[str, ...]:
    found = texts(value)
    wrong = [one for one in found if "@" not in parseaddr(one)[1]]
    if wrong or not found:
        raise ValueError("expected one or more email addresses")
    return found


def _address(value: Any) -> str:
    (found,) = _addresses([value])
    return found


def _headers(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError("expected a table of texts")
    return MappingProxyType(dict(value))


def _one_of(*names: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        return str(value)

    return read


def _some_of(*names: str) -> Callable[[Any], tuple[str, ...]]:
    def read(value: Any) -> tuple[str, ...]:
        found = texts(value)
        if set(found) - set(names):
            raise ValueError(f"expected some of {', '.join(names)}")
        return found

    return read


def _webhook(given: Mapping[str, Any], around: Surroundings) -> Sender:
    client = HttpClient(around.timeout, around.clock.now)
    return WebhookSender(given["url"], client, around.clock, secret=given["secret"], headers=given["headers"])


def _slack(given: Mapping[str, Any], around: Surroundings) -> Sender:
    if bool(given["webhook_url"]) == bool(given["token"]):
        raise ValueError("expected either token and channel, or webhook_url")
    if given["token"] and not given["channel"]:
        raise ValueError("expected channel beside token")
    return SlackSender(
        token=given["token"],
        channel=given["channel"],
        webhook_url=given["webhook_url"],
        url=given["url"],
        timeout=around.timeout,
        clock=around.clock,
    )


def _pagerduty(given: Mapping[str, Any], around: Surroundings) -> Sender:
    return PagerDutySender(
        given["routing_key"],
        timeout=around.timeout,
        clock=around.clock,
        url=given["url"],
        ca_file=_trusted(given, around),
    )


def _email(given: Mapping[str, Any], around: Surroundings) -> Sender:
    server = MailServer(
        host=given["host"],
        port=given["port"] or _PORTS[given["tls"]],
        tls=given["tls"],
        user=given["user"],
        password=given["password"],
        ca_file=_trusted(given, around),
    )
    return EmailSender(server, sender=given["from"], recipients=given["to"], timeout=around.timeout)


def _trusted(given: Mapping[str, Any], around: Surroundings) -> str:
    return str(around.root / given["ca_file"]) if given["ca_file"] else ""


def _file(given: Mapping[str, Any], around: Surroundings) -> Sender:
    path = around.root / given["path"]
    if is_something_else(path):
        raise ValueError(f"{path} is no regular file: expected one, or a new one's path")
    return FileSender(path)


def _stdout(_given: Mapping[str, Any], _around: Surroundings) -> Sender:
    return StreamSender(sys.stdout)


def _apprise(given: Mapping[str, Any], _around: Surroundings) -> Sender:
    return AppriseSender(given["url"])


_CA_FILE = Option(
    name="ca_file", read=text, default="", help="Certificates to trust instead of the system's, in PEM."
)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "webhook": Kind(
            help="A JSON document by POST, with Panther's fields and ours.",
            options=(
                Option(name="url", read=_url, default=REQUIRED, help="Where it is posted.", is_secret=True),
                Option(
                    name="secret",
                    read=text,
                    default="",
                    help="Signs each body, by HMAC-SHA256.",
                    is_secret=True,
                ),
                Option(
                    name="headers",
                    read=_headers,
                    default={},
                    help="Further headers, as a table.",
                    is_secret=True,
                ),
            ),
            make=_webhook,
        ),
        "slack": Kind(
            help="Blocks in a channel; updates go into the thread of the alert's first message.",
            options=(
                Option(
                    name="token", read=text, default="", help="A bot token with `chat:write`.", is_secret=True
                ),
                Option(name="channel", read=text, default="", help="The channel's id or name."),
                Option(
                    name="webhook_url",
                    read=_url,
                    default="",
                    help="An incoming webhook, instead of a token; it has no threads.",
                    is_secret=True,
                ),
                Option(name="url", read=_url, default=_SLACK_URL, help="Slack's API."),
            ),
            make=_slack,
        ),
        "pagerduty": Kind(
            help="Events API v2: triggers an incident, acknowledges and resolves it.",
            options=(
                Option(
                    name="routing_key",
                    read=text,
                    default=REQUIRED,
                    help="The integration's key.",
                    is_secret=True,
                ),
                Option(
                    name="url",
                    read=_https_url,
                    default=pagerduty.URL,
                    help="PagerDuty's address for events, without a path; in Europe `https://events.eu.pagerduty.com`.",
                ),
                _CA_FILE,
            ),
            make=_pagerduty,
            unfit={
                "group_above": "PagerDuty resolves incidents one by one, so it gets each alert by itself; "
                "group them there, in the service's settings",
            },
        ),
        "email": Kind(
            help="A mail as text and HTML, by SMTP.",
            options=(
                Option(name="host", read=text, default=REQUIRED, help="The mail server."),
                Option(name="port", read=count, default=None, help="Its port; else the usual one for `tls`."),
                Option(
                    name="tls",
                    read=_one_of(*_PORTS),
                    default="starttls",
                    help="`starttls`, `implicit`, or `none` for a server on this machine.",
                ),
                Option(name="user", read=text, default="", help="Whom to log in as; empty: nobody."),
                Option(name="password", read=text, default="", help="Its password.", is_secret=True),
                _CA_FILE,
                Option(name="from", read=_address, default=REQUIRED, help="The sender's address."),
                Option(name="to", read=_addresses, default=REQUIRED, help="The recipients' addresses."),
            ),
            make=_email,
        ),
        "file": Kind(
            help="The webhook's document as a line of a file.",
            options=(
                Option(
                    name="path",
                    read=text,
                    default=REQUIRED,
                    help="The file; a relative one is taken from the project folder.",
                ),
            ),
            make=_file,
        ),
        "stdout": Kind(
            help="The webhook's document as a line of the standard output.", options=(), make=_stdout
        ),
        "apprise": Kind(
            help="Any other service that Apprise knows.",
            options=(
                Option(
                    name="url",
                    read=text,
                    default=REQUIRED,
                    help="Apprise's URL of the service.",
                    is_secret=True,
                ),
            ),
            make=_apprise,
        ),
    }
)
"""Every kind of destination, by the word that stands for it in the settings."""

SHARED_OPTIONS: tuple[Option, ...] = (
    Option(name="kind", read=_one_of(*KINDS), default=REQUIRED, help="What kind of destination it is."),
    Option(
        name="id",
        read=text,
        default="",
        help="What `OutputIds` and the rules' `destinations` function may call it, beside its name.",
    ),
    Option(
        name="severities",
        read=_some_of(*SEVERITIES),
        default=(),
        help="The severities that it gets; empty for all.",
    ),
    Option(
        name="alert_types",
        read=_some_of(*ALERT_TYPES),
        default=(),
        help="The alert types that it gets; empty for all.",
    ),
    Option(name="log_types", read=texts, default=(), help="The log types that it gets; empty for all."),
    Option(name="tags", read=texts, default=(), help="The rules' tags that it gets; empty for all."),
    Option(
        name="updates",
        read=flag,
        default=True,
        help="Whether it is told that an alert has grown or that its status has changed.",
    ),
    Option(
        name="timeout_seconds",
        read=seconds,
        default=10.0,
        help="How long it may take to take a message, from beginning to end, in seconds.",
    ),
    Option(name="per_minute", read=count, default=None, help="How many messages a minute it gets at most."),
    Option(
        name="group_above",
        read=count,
        default=None,
        help="Above this many new alerts within a minute, the others go as one grouped message at its end.",
    ),
)
"""What may be set for every destination."""
