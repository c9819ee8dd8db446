from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.definitions.scheduled_query import Schedule
from runner.schedule.ledger import Epoch, Interval, owed
from runner.status.coverage import DueWindows, Outcome, Recorded, account, account_exactly

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
EVERY_TEN = Schedule(cron=None, rate_minutes=10, timeout_minutes=1)
HOURLY = Schedule(cron="0 * * * *", rate_minutes=None, timeout_minutes=1)
WEEKDAYS = Schedule(cron="0 9 * * 1-5", rate_minutes=None, timeout_minutes=1)
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def at(minutes):
    return TEN + timedelta(minutes=minutes)


def epochs(*pairs):
    return [Epoch(start=start, schedule=schedule) for start, schedule in pairs]


def windows(period, *pairs):
    return DueWindows(Interval(start=period[0], end=period[1])).of(epochs(*pairs))


def test_each_due_time_answers_for_the_time_since_the_one_before():
    found = windows((TEN, at(60)), (at(-100), EVERY_TEN))

    assert found == {at(minute): 600.0 for minute in range(10, 61, 10)}


def test_a_due_time_after_a_long_pause_weighs_more():
    friday_to_monday = (datetime(2026, 3, 6, 8, tzinfo=UTC), datetime(2026, 3, 9, 12, tzinfo=UTC))

    found = windows(friday_to_monday, (at(-9999), WEEKDAYS))

    assert list(found.values()) == [86_400.0, 3 * 86_400.0]


def test_the_first_due_time_answers_for_the_time_since_the_query_was_first_seen():
    assert windows((at(-60), at(10)), (at(4), EVERY_TEN)) == {at(10): 360.0}


def test_time_in_which_a_query_was_disabled_is_not_owed():
    found = windows((TEN, at(60)), (at(-60), EVERY_TEN), (at(25), None), (at(45), EVERY_TEN))

    assert found == {at(10): 600.0, at(20): 600.0, at(50): 300.0, at(60): 600.0}


def test_a_new_schedule_holds_from_its_epoch_on():
    found = windows((TEN, at(120)), (at(-60), EVERY_TEN), (at(25), HOURLY))

    assert list(found) == [at(10), at(20), at(60), at(120)]


@given(
    st.lists(st.tuples(st.integers(-500, 500), st.sampled_from([EVERY_TEN, HOURLY, None])), max_size=5),
    st.integers(-400, 400),
    st.integers(1, 400),
)
def test_the_due_times_are_those_that_the_ledger_says_are_owed(pairs, start, length):
    began = {at(minute): schedule for minute, schedule in pairs}
    history = epochs(*sorted(began.items(), key=lambda pair: pair[0]))
    period = Interval(start=at(start), end=at(start + length))

    found = DueWindows(period).of(history)

    assert list(found) == list(owed(history, after=period.start, until=period.end))
    assert all(seconds > 0 for seconds in found.values())


def test_nothing_due_has_no_share():
    coverage = account({}, Recorded(), LATER)

    assert (coverage.due, coverage.share, coverage.outcomes) == (0, None, {})


def test_what_does_not_add_up_is_to_be_looked_at_one_by_one():
    due = {at(10): 600.0, at(20): 600.0}

    assert account(due, Recorded(succeeded=1), LATER) is None


def test_due_times_that_are_not_recorded_yet_are_owed():
    due = {at(10): 600.0, at(20): 600.0, at(30): 600.0}

    counted = account(due, Recorded(succeeded=1), at(10))
    exact = account_exactly(due, {at(10): "succeeded"}, at(10))

    assert counted == exact
    assert counted.outcomes == {Outcome.SUCCEEDED: 1, Outcome.OWED: 2}


def test_the_share_weighs_due_times_by_what_they_answer_for():
    due = {at(10): 600.0, at(40): 1800.0}

    coverage = account(due, Recorded(succeeded=1, others={at(10): "failed"}), LATER)

    assert coverage.share == pytest.approx(0.75)


@given(st.dictionaries(st.integers(1, 12), st.sampled_from(["succeeded", "truncated", "failed", "owed"])))
def test_counting_and_looking_at_each_agree_whenever_counting_answers(known):
    due = {at(10 * number): 600.0 for number in range(1, 13)}
    outcomes = {at(10 * number): outcome for number, outcome in known.items()}
    others = {moment: outcome for moment, outcome in outcomes.items() if outcome != "succeeded"}
    recorded = Recorded(succeeded=len(outcomes) - len(others), others=others)

    counted = account(due, recorded, LATER)
    exact = account_exactly(due, outcomes, LATER)

    assert counted in (None, exact)
    assert (counted is None) == (len(outcomes) < len(due))
    assert sum(exact.outcomes.values()) == exact.due
