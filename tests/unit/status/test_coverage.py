from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.definitions.scheduled_query import Schedule
from runner.schedule.ledger import Epoch, Interval, owed
from runner.status.coverage import DueWindows, Outcome, Recorded, account, account_exactly

MINUTE = timedelta(minutes=1)
TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
DAILY = Schedule(cron="0 0 * * *", rate_minutes=None, timeout_minutes=1)
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


def test_what_no_window_held_between_two_schedules_is_told_and_not_covered():
    """The first query of the new schedule looks back by ten minutes, and the last of the old one read up to midnight."""
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    period = Interval(start=midnight, end=midnight + timedelta(days=1))
    history = epochs((at(-9999), DAILY), (midnight + timedelta(hours=23, minutes=30), EVERY_TEN))
    made = DueWindows(period)

    due, unread = made.of(history), made.unread(history)
    coverage = account(due, Recorded(succeeded=3), LATER, unread)

    assert unread == (Interval(start=midnight, end=midnight + timedelta(hours=23, minutes=30)),)
    assert coverage.share == pytest.approx(1800 / 86_400)
    assert coverage.unread == unread
    assert coverage == account_exactly(due, dict.fromkeys(due, "succeeded"), LATER, unread)


def test_the_longer_windows_of_a_new_schedule_reach_back_over_the_edit():
    history = epochs((at(-60), EVERY_TEN), (at(25), HOURLY))
    made = DueWindows(Interval(start=TEN, end=at(120)))

    due, unread = made.of(history), made.unread(history)

    assert (due, unread) == ({at(10): 600.0, at(20): 600.0, at(60): 2400.0, at(120): 3600.0}, ())


def test_a_period_in_which_the_query_ran_and_no_window_was_is_not_covered_at_all():
    history = epochs((at(-9999), DAILY), (at(600), EVERY_TEN))
    period = Interval(start=TEN, end=at(500))

    before, after = DueWindows(period).unread(history), DueWindows(Interval(start=TEN, end=at(605)))

    assert before == ()  # nobody knew of the edit then
    assert after.unread(history) == (Interval(start=TEN, end=at(600)),)
    assert account({}, Recorded(), LATER, after.unread(history)).share == 0.0


@given(
    st.lists(
        st.tuples(st.integers(0, 4000), st.sampled_from([EVERY_TEN, HOURLY, DAILY, None])),
        min_size=1,
        max_size=5,
        unique_by=lambda pair: pair[0],
    )
)
def test_what_is_unread_is_what_no_window_holds_while_a_query_ran(pairs):
    history = epochs(*((at(minute), schedule) for minute, schedule in sorted(pairs, key=lambda one: one[0])))
    period = Interval(start=at(0), end=at(6000))
    made = DueWindows(period)

    unread = made.unread(history)

    read, run = minutes_read(history, until=6000), minutes_run(history, until=6000)
    assert minutes_in(unread) == run - read
    assert sum(made.of(history).values()) <= 60 * len(read)


def minutes_in(intervals):
    pairs = [((one.start - TEN) // MINUTE, (one.end - TEN) // MINUTE) for one in intervals]
    return {minute for first, last in pairs for minute in range(first + 1, last + 1)}


def minutes_read(history, until):
    """Return the minutes that end in some window, minute by minute; none from before the query ran."""
    found, ran_since = set(), 0
    ends = [one.start for one in history[1:]] + [at(until)]
    for number, (epoch, end) in enumerate(zip(history, ends, strict=True)):
        if epoch.schedule is None:
            continue
        if number == 0 or history[number - 1].schedule is None:
            ran_since = (epoch.start - TEN) // MINUTE
        length = {EVERY_TEN: 10, HOURLY: 60, DAILY: 1440}[epoch.schedule]
        for due in owed([epoch], after=epoch.start, until=end):
            last = (due - TEN) // MINUTE
            found |= set(range(max(ran_since, last - length) + 1, last + 1))
    return found


def minutes_run(history, until):
    """Return the minutes in which a query ran, but for those after its last due time before it was disabled, or now."""
    read, found, stretch = minutes_read(history, until), set(), range(0)
    ends = [*(one.start for one in history[1:]), at(until)]
    for epoch, end in zip(history, ends, strict=True):
        first, last = ((one - TEN) // MINUTE for one in (epoch.start, end))
        if epoch.schedule is None:
            stretch = range(0)
            continue
        stretch = range(stretch.start if stretch else first + 1, last + 1)
        newest = max((one for one in stretch if one in read), default=0)
        found |= {one for one in stretch if one <= newest}
    return found


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
