"""What rules are promised of `panther_detection_helpers.caching`, wherever its values are kept."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from runner.clock import FrozenClock
from runner.detections.cache import MemoryCache
from runner.detections.caching_functions import CachingFunctions
from runner.detections.event import Event
from runner.store.database import Database
from runner.store.rule_cache import RuleCache

START = datetime(2026, 1, 15, 9, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture
def clock():
    return FrozenClock(START)


@pytest.fixture(params=["memory", "sqlite"])
def cache(request, clock, tmp_path, migrated_file):
    if request.param == "memory":
        yield MemoryCache(lambda: clock.now().timestamp())
        return
    database = Database(f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'state.db')}")
    yield RuleCache(database, clock)
    database.close()


@pytest.fixture
def caching(cache, clock):
    return CachingFunctions(cache, lambda: clock.now().timestamp())


def test_a_key_that_nobody_used_holds_nothing(caching):
    found = (caching.get_counter("k"), caching.get_string_set("k"), caching.get_dictionary("k"))

    assert found == (0, set(), {})


def test_a_counter_counts(caching):
    counts = [caching.increment_counter("k"), caching.increment_counter("k", 5), caching.get_counter("k")]

    assert counts == [1, 6, 6]


def test_a_reset_counter_begins_again_and_leaves_the_rest(caching):
    caching.add_to_string_set("k", "a")
    caching.increment_counter("k")

    caching.reset_counter("k")

    assert (caching.get_counter("k"), caching.get_string_set("k")) == (0, {"a"})


def test_an_item_is_gone_when_its_time_is_over(caching, clock):
    caching.increment_counter("k", 7, 60)
    clock.advance(timedelta(seconds=59))
    before = caching.get_counter("k")

    clock.advance(timedelta(seconds=1))

    assert (before, caching.get_counter("k")) == (7, 0)


def test_each_count_sets_the_time_anew(caching, clock):
    caching.increment_counter("k", 1, 60)
    clock.advance(timedelta(seconds=50))
    caching.increment_counter("k", 1, 60)
    clock.advance(timedelta(seconds=50))

    assert caching.get_counter("k") == 2


def test_a_counter_restarts_at_its_value_after_its_time(caching, clock):
    caching.add_to_string_set("k", "a", 60)
    caching.increment_counter("k", 7, 60)
    clock.advance(timedelta(seconds=61))

    count = caching.increment_counter("k", 3)

    assert (count, caching.get_string_set("k")) == (3, set())


@pytest.mark.parametrize("no_number", [None, "soon", [], {}])
def test_without_a_number_an_item_lives_for_ninety_days(caching, clock, no_number):
    caching.put_string_set("k", ["a"], no_number)
    clock.advance(timedelta(days=90) - timedelta(seconds=1))
    before = caching.get_string_set("k")

    clock.advance(timedelta(seconds=1))

    assert (before, caching.get_string_set("k")) == ({"a"}, set())


@pytest.mark.parametrize("given", [3600, "3600", 3600.9, START.timestamp() + 3600])
def test_small_numbers_of_seconds_count_from_now_and_great_ones_are_a_moment(caching, clock, given):
    caching.increment_counter("k", 1, given)
    clock.advance(timedelta(seconds=3599))
    before = caching.get_counter("k")

    clock.advance(timedelta(seconds=1))

    assert (before, caching.get_counter("k")) == (1, 0)


def test_a_month_counts_from_now_too(caching, clock):
    caching.increment_counter("k", 1, 30 * 24 * 3600)

    clock.advance(timedelta(days=29))

    assert caching.get_counter("k") == 1


def test_putting_texts_replaces_the_whole_item(caching):
    caching.increment_counter("k")
    caching.put_dictionary("d", {"a": 1})

    caching.put_string_set("k", ["a", "b", "a"])
    caching.put_string_set("d", ["a"])

    assert (caching.get_counter("k"), caching.get_string_set("k")) == (0, {"a", "b"})
    assert caching.get_dictionary("d") == {}


def test_putting_no_texts_forgets_texts_only(caching):
    caching.put_string_set("k", ["a"])
    caching.increment_counter("k")

    caching.put_string_set("k", [])

    assert (caching.get_counter("k"), caching.get_string_set("k")) == (1, set())


def test_texts_are_added_and_taken_away_one_or_several_at_a_time(caching):
    added = [
        caching.add_to_string_set("k", "abc"),
        caching.add_to_string_set("k", ["d", "e"]),
        caching.add_to_string_set("k", []),
    ]
    left = [caching.remove_from_string_set("k", "abc"), caching.remove_from_string_set("k", {"d", "e"})]

    assert added == [{"abc"}, {"abc", "d", "e"}, {"abc", "d", "e"}]
    assert left == [{"d", "e"}, set()]
    assert caching.get_string_set("k") == set()


def test_texts_restart_after_their_time(caching, clock):
    caching.add_to_string_set("k", "old", 60)
    clock.advance(timedelta(seconds=60))

    left = caching.remove_from_string_set("k", "other")
    found = caching.add_to_string_set("k", "new")

    assert (left, found) == (set(), {"new"})


def test_taking_from_nothing_leaves_nothing_behind(caching):
    left = caching.remove_from_string_set("k", "a", 60)

    assert (left, caching.get_string_set("k")) == (set(), set())


def test_a_dictionary_comes_back_as_it_was_and_replaces_the_item(caching):
    caching.increment_counter("k")

    caching.put_dictionary("k", {"a": [1, {"b": None}]})

    assert (caching.get_dictionary("k"), caching.get_counter("k")) == ({"a": [1, {"b": None}]}, 0)


def test_parts_of_an_event_can_be_kept(caching):
    event = Event({"outer": {"list": [1, {"a": 2}]}})

    caching.put_dictionary("k", event["outer"])

    assert caching.get_dictionary("k") == {"list": [1, {"a": 2}]}


@pytest.mark.parametrize(("value", "error"), [(["a"], TypeError), ("a", TypeError), ({"a": {1}}, ValueError)])
def test_what_is_no_dictionary_is_refused(caching, value, error):
    with pytest.raises(error):
        caching.put_dictionary("k", value)


def test_what_is_too_large_is_refused_and_changes_nothing(caching):
    caching.put_string_set("k", ["a"])

    with pytest.raises(ValueError, match="400,000"):
        caching.put_dictionary("k", {"a": "x" * 400_000})

    assert caching.get_string_set("k") == {"a"}


@pytest.mark.parametrize("key", [None, 5, "", b"k"])
def test_a_key_is_a_text(caching, key):
    with pytest.raises(TypeError, match="key"):
        caching.get_counter(key)


def test_the_time_of_an_item_can_be_set_by_itself(caching, clock):
    caching.increment_counter("k")
    caching.set_key_expiration("k", 60)

    clock.advance(timedelta(seconds=60))

    assert caching.get_counter("k") == 0


def test_a_threshold_is_reached_once_and_then_begins_again(caching):
    reached = [caching.evaluate_threshold("k", 3) for _ in range(7)]

    assert reached == [False, False, True, False, False, True, False]


def test_a_threshold_forgets_what_is_too_old(caching, clock):
    caching.evaluate_threshold("k", 2, 60)
    clock.advance(timedelta(seconds=61))

    assert not caching.evaluate_threshold("k", 2, 60)


@pytest.mark.parametrize(("key", "young"), [("account", True), ("other", False), ("", False), (None, False)])
def test_an_account_is_young_while_there_are_texts_under_its_key(caching, key, young):
    caching.put_string_set("account", ["created"], 3600)

    assert caching.check_account_age(key) is young


def test_the_age_of_an_answer_of_panthers_table_can_be_told(caching):
    now = START.timestamp()

    expired = [caching.ttl_expired({"Item": {"expiresAt": now + by}}) for by in (-1, 1)]

    assert expired == [True, False]
    assert not caching.ttl_expired({})


def test_there_is_no_table(caching):
    with pytest.raises(NotImplementedError, match="DynamoDB"):
        caching.kv_table()


def test_keys_are_those_of_all_rules_together(cache, clock):
    first, second = (CachingFunctions(cache, lambda: clock.now().timestamp()) for _ in range(2))

    first.increment_counter("shared")

    assert second.increment_counter("shared") == 2
