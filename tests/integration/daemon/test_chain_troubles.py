"""What keeps the heartbeat back: asked of the daemon's own view of a real state database."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from notices import notice_at

from runner import settings
from runner.clock import FrozenClock
from runner.daemon.outside import Outside
from runner.daemon.pulse import Pulse
from runner.daemon.service_manager import ServiceManager
from runner.definitions.catalogue import read_catalogue
from runner.destinations.delivery import Letter
from runner.destinations.message import MessageKind
from runner.metrics import Metrics
from runner.store import outbox
from runner.store.database import IN_MEMORY
from runner.store.state import StateStore

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
def clock():
    return FrozenClock(NOON)


@pytest.fixture
def store(clock):
    store = StateStore(IN_MEMORY, clock=clock, events_per_alert=3)
    yield store
    store.close()


@pytest.fixture
def outside(clock, store, tmp_path):
    """Make what judges a daemon that has begun in good order."""
    made = Outside(
        settings=settings.load(tmp_path, {}),
        clock=clock,
        store=store,
        workers=SimpleNamespace(busy=(), deaths=0),
        owner="host/1-a",
        metrics=Metrics(),
        pulse=Pulse(lambda: clock.now().timestamp()),
        manager=ServiceManager(),
    )
    made.loaded(read_catalogue(tmp_path), [])
    made.beat()
    return made


def put(store, clock, destination):
    notice = notice_at(NOON)
    with store._database.transaction() as connection:
        outbox.put(
            connection,
            [Letter(destination=destination, kind=MessageKind.NEW, notice=notice)],
            clock.now(),
        )


def test_a_destination_that_is_down_keeps_the_heartbeat_back_once_an_alert_has_waited_too_long(
    outside, store, clock
):
    put(store, clock, "pager")
    at_once = outside.troubles()
    clock.advance(HALF_AN_HOUR)
    outside.beat()
    in_time = outside.troubles()

    clock.advance(timedelta(seconds=1))

    assert (at_once, in_time) == ([], [])
    assert outside.troubles() == ["alerts wait too long for: pager"]


def test_a_destination_that_misses_an_alert_for_good_keeps_the_heartbeat_back(outside, store, clock):
    put(store, clock, "old name")
    clock.advance(timedelta(minutes=10))

    store.outbox.give_up_strays([], clock.now() - timedelta(minutes=5))
    outside.beat()

    assert outside.troubles() == ["alerts were not taken by: old name"]
