"""Messages out of the outbox: a destination that works, beside one that hangs; and alerts in a large database."""

from __future__ import annotations

import random
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa
from figures import Figure

from runner.alerts.alert import AlertStatus
from runner.clock import SystemClock
from runner.delivery.backoff import Backoff
from runner.delivery.courier import Persistence
from runner.delivery.dispatch import Discretion, Dispatcher, RuleFacts
from runner.delivery.post_office import PostOffice
from runner.destinations.delivery import Letter
from runner.destinations.message import MessageKind, Notice
from runner.destinations.reading import read_destinations
from runner.store import outbox
from runner.store.alert_book import AlertFilter
from runner.store.database import Database
from runner.store.schema import alerts
from runner.store.state import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runner.destinations.destination import Destination

SECTION = "delivery"
_NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
_PATIENCE = 120.0
_HANG_SECONDS = 5.0
_TURNS = 3
"""The best of so many counts: what else the machine does can only slow it down."""
_OPEN = 1_000
"""The newest alerts are open and somebody's, however many old ones there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySize:
    """How many messages are sent, and how many alerts are stored when they are looked at."""

    messages: int
    few_alerts: int
    many_alerts: int
    rounds: int


def figures(size: DeliverySize) -> Iterator[Figure]:
    """Send to a receiver on loopback, and look at alerts in a small and in a large database."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _sending(Path(folder), size)
        yield from _looking(Path(folder), size)


def _sending(folder: Path, size: DeliverySize) -> Iterator[Figure]:
    with _Receiver() as good, _Receiver(hangs=True) as hanging:
        rates = [_rates(folder / f"{turn}", good, hanging, size.messages) for turn in range(_TURNS)]
    bare, alone, beside = (max(of_one) for of_one in zip(*rates, strict=True))
    yield _figure("messages a second to one destination", alone, "/s", must=200, more_is_better=True)
    yield _figure("of the rate of bare posts over one connection", alone / bare, "x", more_is_better=True)
    yield _figure(
        "of that rate, beside a destination that hangs", beside / alone, "x", must=0.5, more_is_better=True
    )


def _rates(folder: Path, good: _Receiver, hanging: _Receiver, count: int) -> tuple[float, float, float]:
    """Return how many messages a second are posted barely, sent to one destination, and sent beside one that hangs."""
    folder.mkdir()
    bare = _bare_posts(good, count)
    alone = _rate(folder / "alone.db", good, count)
    return bare, alone, _rate(folder / "beside.db", good, count, {"hanging": hanging.url})


def _figure(
    name: str, measured: float, unit: str, *, must: float | None = None, more_is_better: bool = False
) -> Figure:
    return Figure(
        section=SECTION, name=name, measured=measured, unit=unit, must=must, more_is_better=more_is_better
    )


class _Receiver:
    """An HTTP server on loopback that takes everything, or keeps everybody waiting."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.taken = 0
        released = self._released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                if hangs:
                    released.wait(_HANG_SECONDS)
                receiver.taken += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Say nothing of clients that hang up: the benchmark does so at its end."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()


def _bare_posts(receiver: _Receiver, count: int) -> float:
    """Return how many posts a second one connection makes, without any of our work."""
    connection = HTTPConnection("127.0.0.1", receiver.port, timeout=10)
    body = b"x" * 800
    started = time.perf_counter()
    for _ in range(count):
        connection.request("POST", "/", body)
        connection.getresponse().read()
    connection.close()
    return count / (time.perf_counter() - started)


def _rate(file: Path, good: _Receiver, count: int, others: Mapping[str, str] = MappingProxyType({})) -> float:
    """Return how many messages a second the destination `good` gets; each of the `others` is to get them all too."""
    urls, wanted = {"good": good.url, **others}, good.taken + count
    clock = SystemClock()
    store = StateStore(f"sqlite:///{file}", clock=clock, events_per_alert=10)
    with Database(f"sqlite:///{file}").transaction() as connection:
        letters = [
            Letter(destination=name, kind=MessageKind.NEW, notice=_notice(number))
            for number in range(count)
            for name in urls
        ]
        outbox.put(connection, letters, clock.now())
    tables = {name: {"kind": "webhook", "url": url, "timeout_seconds": 60} for name, url in urls.items()}
    post = _post_office(store, read_destinations(tables, root=file.parent, clock=clock))
    started = time.perf_counter()
    post.start()
    _wait(lambda: good.taken >= wanted)  # asked first, as it costs nothing: the database is busy
    _wait(lambda: store.outbox.counts().get("good", {}).get("waiting", 0) == 0)
    seconds = time.perf_counter() - started
    post.stop(0.1)
    store.close()
    return count / seconds


def _post_office(store: StateStore, destinations: Sequence[Destination]) -> PostOffice:
    backoff = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=1), random=random.random)
    dispatcher = Dispatcher(
        destinations=destinations,
        facts_of=lambda _rule_id: RuleFacts(),
        discretion=Discretion(page_max_age=timedelta(days=1), alerts_per_hour=1000),
    )
    persistence = Persistence(message=backoff, destination=backoff, give_up_after=timedelta(days=1))
    return PostOffice(
        dispatcher, store.outbox, clock=SystemClock(), owner="benchmark", persistence=persistence
    )


def _wait(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not is_done() and time.monotonic() < deadline:
        time.sleep(0.02)


def _notice(number: int) -> Notice:
    return Notice(
        alert_id=f"{number:032x}",
        rule_id="Okta.FailedLogins",
        name="Failed logins",
        type="SCHEDULED_RULE",
        title=f"Failed logins of user{number}@example.com",
        severity="HIGH",
        status="OPEN",
        created_at=_NOON,
        first_match_at=_NOON,
        last_match_at=_NOON,
        match_count=3,
        context={"user": f"user{number}@example.com", "addresses": ["203.0.113.7"]},
    )


def _looking(folder: Path, size: DeliverySize) -> Iterator[Figure]:
    few = _look_times(folder / "few.db", size.few_alerts, size.rounds)
    many = _look_times(folder / "many.db", size.many_alerts, size.rounds)
    for name in few:
        yield _figure(f"{name} among {size.many_alerts:,} alerts", many[name] * 1000, "ms", must=100)
        growth = many[name] / few[name]
        yield _figure(f"{name}: of the time among {size.few_alerts:,}", growth, "x", must=3)


def _look_times(file: Path, count: int, rounds: int) -> dict[str, float]:
    """Return the median seconds of listing, filtering and opening alerts."""
    store = StateStore(f"sqlite:///{file}", clock=SystemClock(), events_per_alert=10)
    with Database(f"sqlite:///{file}").transaction() as connection:
        connection.execute(sa.insert(alerts), [_alert_row(number) for number in range(count)])
    chosen = AlertFilter(statuses=(AlertStatus.OPEN,), severities=("HIGH",), rule_id="Rule.7")
    looks: dict[str, Callable[[], object]] = {
        "list": lambda: store.list_alerts(AlertFilter(), 50),
        "open, high and of one rule": lambda: store.list_alerts(chosen, 50),
        "of one rule": lambda: store.list_alerts(AlertFilter(rule_id="Rule.7"), 50),
        "of one person": lambda: store.list_alerts(AlertFilter(assignee="ada"), 50),
        "critical, of which there are none": lambda: store.list_alerts(
            AlertFilter(severities=("CRITICAL",)), 50
        ),
        "open": lambda: store.find_alert(f"{count // 2:032x}"),
    }
    times = {name: statistics.median(_seconds(look) for _ in range(rounds)) for name, look in looks.items()}
    store.close()
    return times


def _seconds(look: Callable[[], object]) -> float:
    started = time.perf_counter()
    look()
    return time.perf_counter() - started


def _alert_row(number: int) -> dict[str, object]:
    at = _NOON - timedelta(minutes=number)
    return {
        "alert_id": f"{number:032x}",
        "rule_id": f"Rule.{number % 50}",
        "kind": "match",
        "dedup": f"user{number}",
        "window_start": at,
        "window_last": at,
        "match_count": 3,
        "first_match": number,
        "created_at": at,
        "type": "SCHEDULED_RULE",
        "title": f"Failed logins of user{number}",
        "severity": "HIGH" if number % 3 else "LOW",
        "status": "OPEN" if number < _OPEN else "RESOLVED",
        "assignee": "ada" if number < _OPEN else None,
        "description": "",
        "runbook": "",
        "reference": "",
        "context": "{}",
        "destinations": None,
        "run_id": "r",
    }
