"""Every kind of destination, down for an hour of simulated time, in every way that a real receiver can be."""

import io
import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from urllib.parse import unquote_plus

import pytest
from notices import notice_at
from receivers import Answer, Mailbox, MailServer, Receiver

from runner.clock import FrozenClock
from runner.delivery.backoff import Backoff
from runner.delivery.courier import Courier, Persistence
from runner.destinations.delivery import Letter
from runner.destinations.kinds import KINDS
from runner.destinations.lines import StreamSender
from runner.destinations.message import MessageKind
from runner.destinations.reading import read_destinations
from runner.store import outbox
from runner.store.database import IN_MEMORY
from runner.store.state import StateStore

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
ALERTS = 5


QUICK = (Answer(status=503), Answer(status=429, headers={"Retry-After": "90"}))
EVERY = (*QUICK, Answer(breaks_off=True), Answer(hangs=True))
"""It refuses, asks for time, breaks off in mid-answer after it has taken the message, hangs."""


class Failures:
    """Answers without end."""

    def __init__(self, answers):
        self.left = itertools.cycle(answers)

    def pop(self, _place):
        return next(self.left)


class HttpService:
    """A service behind HTTP. `key_of` finds in a request what tells a message sent again from another one."""

    def __init__(self, kind, key_of, said=b"{}", failures=EVERY, certificate=None, **options):
        self.receiver, self.failures = Receiver(certificate), failures
        self.kind, self.key_of, self.said, self.options = kind, key_of, said, options

    def settings(self, _folder):
        url = self.receiver.url
        places = {"url": url, "place": url.removeprefix("http://"), "address": self.receiver.address}
        return {"kind": self.kind, **{name: value.format(**places) for name, value in self.options.items()}}

    def sender(self, sender):
        return sender

    def go_down(self):
        self.receiver.answers = Failures(self.failures)

    def come_back(self):
        self.receiver.answers = [Answer(body=self.said) for _ in range(ALERTS)]

    def seen(self):
        return [(title_in(one.body.decode()), self.key_of(one)) for one in self.receiver.received]

    def close(self):
        self.receiver.close()


class MailService:
    """A mail server that says for an hour that it has no time."""

    def __init__(self):
        self.mailbox = Mailbox()
        self.server = MailServer(self.mailbox, hostname="127.0.0.1", port=0)
        self.server.start()

    def settings(self, _folder):
        return {
            "kind": "email",
            "host": "127.0.0.1",
            "port": self.server.port,
            "tls": "none",
            "from": "runner@example.org",
            "to": ["soc@example.org"],
        }

    def sender(self, sender):
        return sender

    def go_down(self):
        self.mailbox.refuses_with = "451 try again later"

    def come_back(self):
        self.mailbox.refuses_with = ""

    def seen(self):
        mails = [message_from_bytes(one.content, policy=policy.default) for one in self.mailbox.mails]
        return [(title_in(mail["Subject"]), mail["Message-ID"]) for mail in mails]

    def close(self):
        self.server.stop()


class LogFile:
    """A file in a folder that is not there for an hour."""

    def settings(self, folder):
        self.folder = folder / "mounted"
        self.folder.mkdir()
        return {"kind": "file", "path": str(self.folder / "alerts.jsonl")}

    def sender(self, sender):
        return sender

    def go_down(self):
        self.folder.rename(self.folder.with_name("away"))

    def come_back(self):
        self.folder.with_name("away").rename(self.folder)

    def seen(self):
        return seen_in((self.folder / "alerts.jsonl").read_text())

    def close(self):
        pass


class Output(io.StringIO):
    """A stream whose reader is away for an hour."""

    is_down = False

    def write(self, text):
        if self.is_down:
            raise BrokenPipeError(32, "Broken pipe")
        return super().write(text)


class StandardOutput:
    """What is behind the standard output of the program."""

    def __init__(self):
        self.output = Output()

    def settings(self, _folder):
        return {"kind": "stdout"}

    def sender(self, _sender):
        return StreamSender(self.output)

    def go_down(self):
        self.output.is_down = True

    def come_back(self):
        self.output.is_down = False

    def seen(self):
        return seen_in(self.output.getvalue())

    def close(self):
        pass


def title_in(text):
    """Return the one of our titles that a message speaks of."""
    (title,) = {f"Alert {number} of it" for number in range(ALERTS) if f"Alert {number} of it" in text}
    return title


def seen_in(lines):
    found = [json.loads(line) for line in lines.splitlines()]
    return [(title_in(one["title"]), one["idempotencyKey"]) for one in found]


def slack_key(received):
    return re.search(r'"key": ?"([0-9a-f]{32})"', unquote_plus(received.body.decode()))[1]


def key_in_text(received):
    return re.search(r"message ([0-9a-f]{32})", unquote_plus(received.body.decode()))[1]


SERVICES = {
    "webhook": lambda _: HttpService("webhook", lambda one: one.headers["Idempotency-Key"], url="{url}"),
    "slack": lambda _: HttpService(
        "slack",
        slack_key,
        said=b'{"ok": true, "ts": "1"}',
        url="{url}",
        token="xoxb-1",
        channel="C1",
    ),
    # What takes a text and nothing else has the key in the text.
    "slack webhook": lambda _: HttpService("slack", key_in_text, said=b"ok", webhook_url="{url}"),
    "apprise": lambda _: HttpService("apprise", key_in_text, url="json://{place}", failures=QUICK),
    "pagerduty": lambda certificate: HttpService(
        "pagerduty",
        lambda one: one.document["dedup_key"],
        said=b'{"dedup_key": "it"}',
        certificate=certificate,
        url="{address}",
        routing_key="r" * 32,
        ca_file=str(certificate.file),
    ),
    "email": lambda _: MailService(),
    "file": lambda _: LogFile(),
    "stdout": lambda _: StandardOutput(),
}


def test_no_kind_of_destination_is_left_out():
    assert {name.split()[0] for name in SERVICES} == set(KINDS)


@pytest.fixture(params=SERVICES)
def service(request, certificate):
    service = SERVICES[request.param](certificate)
    yield service
    service.close()


@pytest.fixture
def store():
    store = StateStore(IN_MEMORY, clock=FrozenClock(NOON), events_per_alert=3)
    yield store
    store.close()


def letter(number) -> Letter:
    notice = notice_at(NOON, alert_id=f"{number:032x}", title=f"Alert {number} of it")
    return Letter(destination="it", kind=MessageKind.NEW, notice=notice)


def run_for(courier, clock, time):
    end = clock.now() + time
    while clock.now() < end:
        while courier.send_due():
            pass
        clock.advance(30 * SECOND)


def test_after_an_hour_every_alert_is_delivered_and_again_only_with_the_same_key(service, store, tmp_path):
    tables = {"it": {**service.settings(tmp_path), "timeout_seconds": 0.2}}
    (destination,) = read_destinations(tables, root=tmp_path, clock=FrozenClock(NOON))
    destination = replace(destination, sender=service.sender(destination.sender))
    clock, backoff = (
        store._clock,
        Backoff(first=5 * SECOND, longest=5 * MINUTE, random=lambda: 0.5),
    )
    persistence = Persistence(message=backoff, destination=backoff, give_up_after=24 * HOUR)
    courier = Courier(destination, store.outbox, clock=clock, owner="me", persistence=persistence)
    with store._database.transaction() as connection:
        outbox.put(connection, [letter(number) for number in range(ALERTS)], NOON)

    service.go_down()
    run_for(courier, clock, HOUR)
    during = dict(store.outbox.counts()["it"])
    service.come_back()
    run_for(courier, clock, 20 * MINUTE)
    destination.sender.close()

    assert during == {"waiting": ALERTS}
    assert dict(store.outbox.counts()["it"]) == {"sent": ALERTS}
    keys = Counter(title for title, _ in set(service.seen()))
    assert keys == Counter({f"Alert {number} of it": 1 for number in range(ALERTS)})
    assert len({key for _, key in service.seen()}) == ALERTS
