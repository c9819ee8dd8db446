"""The post office: what it looks after besides sending."""

import queue
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from notices import notice_at
from structlog.testing import capture_logs

from runner.alerts.system_fault import SystemFaultKind
from runner.clock import FrozenClock
from runner.delivery.backoff import Backoff
from runner.delivery.courier import Persistence
from runner.delivery.dispatch import Discretion, Dispatcher, RuleFacts
from runner.delivery.post_office import PostOffice
from runner.destinations.delivery import Letter
from runner.destinations.message import MessageKind
from runner.destinations.reading import read_destinations
from runner.store import outbox
from runner.store.alert_book import AlertFilter
from runner.store.database import IN_MEMORY
from runner.store.state import StateStore

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PATIENCE = 30.0


@pytest.fixture
def clock():
    return FrozenClock(NOON)


@pytest.fixture
def store(clock):
    store = StateStore(IN_MEMORY, clock=clock, events_per_alert=3)
    yield store
    store.close()


class Heard:
    """Hears of threads, and remembers who has ended."""

    def __init__(self):
        self.promises = defaultdict(list)
        self.ended = set()
        self.rests = queue.Queue()

    def beat(self, loop, within):
        self.promises[loop].append(within)
        if within == min(self.promises[loop]) < max(self.promises[loop]):
            self.rests.put(loop)

    def end(self, loop):
        self.ended.add(loop)


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def post(store, clock, tmp_path, heard):
    """Make a post office that knows of one destination: `file`."""
    tables = {"file": {"kind": "file", "path": "alerts.jsonl"}}
    backoff = Backoff(first=MINUTE, longest=HOUR, random=lambda: 0.5)
    return PostOffice(
        Dispatcher(
            destinations=read_destinations(tables, root=tmp_path, clock=clock),
            facts_of=lambda _rule_id: RuleFacts(),
            discretion=Discretion(page_max_age=24 * HOUR, alerts_per_hour=1000),
        ),
        store.outbox,
        clock=clock,
        owner="me",
        persistence=Persistence(message=backoff, destination=backoff, give_up_after=24 * HOUR),
        pulse=heard,
    )


def put(store, clock, *destinations, number=1):
    notice = notice_at(NOON, alert_id=f"{number:032x}", title=f"Alert {number}")
    letters = [Letter(destination=name, kind=MessageKind.NEW, notice=notice) for name in destinations]
    with store._database.transaction() as connection:
        outbox.put(connection, letters, clock.now())


def states(store):
    return {name: dict(count) for name, count in store.outbox.counts().items()}


def test_what_waits_for_a_destination_that_is_gone_is_given_up_and_told(store, clock, post):
    put(store, clock, "old name", "file")
    clock.advance(5 * MINUTE)

    with capture_logs() as logs:
        given_up = post.tidy()

    assert given_up == 1
    assert states(store) == {"old name": {"failed": 1}, "file": {"waiting": 1}}
    (missed,) = store.outbox.failed("old name", 10)
    assert (missed.attempts, missed.reason) == (0, "there is no such destination")
    assert Counter((one["event"], one["destination"], one["attempt"]) for one in logs) == {
        ("delivery_failed", "old name", 0): 1
    }
    (error,) = store.list_alerts(AlertFilter(), 10)
    assert (error.key.rule_id, error.key.dedup) == (SystemFaultKind.ALERT_DELIVERY, "old name")
    assert error.title == "The destination old name is not there any more"


def test_the_other_destinations_are_told_that_one_is_gone(store, clock, post, tmp_path):
    put(store, clock, "old name")
    clock.advance(5 * MINUTE)
    post.tidy()

    post.dispatch()
    post.send_due()

    assert "is not there any more" in (tmp_path / "alerts.jsonl").read_text()


def test_another_daemon_with_newer_settings_has_five_minutes_to_send_what_it_alone_knows_of(
    store, clock, post
):
    put(store, clock, "new name")
    clock.advance(5 * MINUTE - timedelta(seconds=1))

    assert post.tidy() == 0
    clock.advance(timedelta(seconds=1))
    store.outbox.take("new name", owner="other", lease=HOUR, limit=1)

    assert post.tidy() == 0


def test_a_post_office_that_starts_finds_at_once_what_was_waiting_for_nobody(store, clock, post):
    put(store, clock, "old name")
    clock.advance(HOUR)

    post.start()
    deadline = time.monotonic() + PATIENCE
    while states(store)["old name"] != {"failed": 1} and time.monotonic() < deadline:
        time.sleep(0.01)
    post.stop(PATIENCE)

    assert states(store)["old name"] == {"failed": 1}


def test_each_thread_says_that_it_is_alive_when_it_works_and_when_it_waits_and_when_it_ends(post, heard):
    post.start()
    resting = set()
    while resting != {"dispatcher", "courier-file"}:
        resting.add(heard.rests.get(timeout=PATIENCE))
    post.stop(PATIENCE)

    assert {loop: promises[:2] for loop, promises in heard.promises.items()} == {
        "dispatcher": [900.0, 60.0],
        "courier-file": [900.0, 60.0],
    }
    assert heard.ended == {"dispatcher", "courier-file"}
