from datetime import UTC, datetime, timedelta

from runner.definitions.scheduled_query import Schedule
from runner.schedule.agenda import Agenda
from runner.schedule.timing import QueryTiming, skew_of

START = datetime(2026, 1, 15, 0, 1, tzinfo=UTC)
HOURLY = Schedule(cron=None, rate_minutes=60, timeout_minutes=1)
EVERY_TEN = Schedule(cron="*/10 * * * *", rate_minutes=None, timeout_minutes=1)


def agenda():
    made = Agenda()
    made.set({"a": HOURLY, "b": EVERY_TEN, "c": EVERY_TEN}, START)
    return made


def test_queries_with_one_schedule_fall_due_together_and_once():
    made = agenda()

    first = made.take_due(START + timedelta(minutes=9))
    again = made.take_due(START + timedelta(minutes=9))

    assert (first, again) == ({"b", "c"}, frozenset())


def test_the_next_moment_is_that_of_the_schedule_that_is_due_first():
    made = agenda()

    assert made.next_moment() == datetime(2026, 1, 15, 0, 10, tzinfo=UTC)


def test_after_a_long_sleep_each_query_is_named_once():
    made = agenda()

    assert made.take_due(START + timedelta(days=1)) == {"a", "b", "c"}
    assert made.next_moment() == datetime(2026, 1, 16, 0, 10, tzinfo=UTC)


def test_nothing_is_due_on_an_empty_agenda():
    made = Agenda()

    assert (made.next_moment(), made.take_due(START)) == (None, frozenset())


def test_a_querys_skew_is_always_the_same_and_within_its_bound():
    most = timedelta(seconds=30)
    names = [f"query {number}" for number in range(200)]

    skews = [skew_of(name, most) for name in names]

    assert skews == [skew_of(name, most) for name in names]
    assert min(skews) < timedelta(seconds=3) < timedelta(seconds=27) < max(skews) < most


def test_a_run_starts_after_its_due_time_by_settle_and_skew():
    timing = QueryTiming(settle=timedelta(minutes=7), skew=timedelta(0))

    assert timing.start_of("a", START) == START + timedelta(minutes=7)
