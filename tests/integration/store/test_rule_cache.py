from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from state_lab import TEN

from runner.clock import FrozenClock
from runner.detections.cache import CacheCall
from runner.store.database import Database
from runner.store.rule_cache import RuleCache
from runner.store.schema import rule_cache


@pytest.fixture
def clock():
    return FrozenClock(TEN)


@pytest.fixture
def database(state_url):
    database = Database(state_url)
    yield database
    database.close()


def counting(key="k", expires_in=3600):
    return CacheCall(operation="increment", key=key, value=1, expires_at=int(TEN.timestamp()) + expires_in)


def test_no_count_is_lost_when_several_count_at_once(database, clock):
    caches = [RuleCache(database, clock) for _ in range(2)]

    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda number: caches[number % 2].call(counting()), range(40)))

    assert sorted(counts) == list(range(1, 41))


def test_what_was_kept_is_there_when_the_database_is_opened_again(state_url, clock):
    for _ in range(2):
        database = Database(state_url)
        count = RuleCache(database, clock).call(counting())
        database.close()

    assert count == 2


def test_items_whose_time_is_over_are_deleted_now_and_then(database, clock):
    cache = RuleCache(database, clock)
    for number in range(3):
        cache.call(counting(f"k{number}", expires_in=60))
    clock.advance(timedelta(hours=2))

    cache.call(counting("other", expires_in=9 * 3600))

    with database.reading() as connection:
        assert list(connection.scalars(sa.select(rule_cache.c.key))) == ["other"]
