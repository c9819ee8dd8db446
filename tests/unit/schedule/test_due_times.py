from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.definitions.scheduled_query import Schedule
from runner.schedule.due import due_times, last_due, next_due

MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),
    max_value=datetime(2040, 1, 1),
    timezones=st.just(UTC),
)
CRONS = st.sampled_from(
    [
        "* * * * *",
        "*/5 * * * *",
        "0 */4 * * *",
        "30 2 * * *",
        "0 0 * * 0",
        "0 0 13 * 5",
        "15,45 8-17 * * 1-5",
        "0 0 */2 * 1",
    ]
)
SCHEDULES = st.one_of(
    CRONS.map(lambda cron: Schedule(cron=cron, rate_minutes=None, timeout_minutes=1)),
    st.integers(2, 50_000).map(lambda rate: Schedule(cron=None, rate_minutes=rate, timeout_minutes=1)),
)


def cron(expression):
    return Schedule(cron=expression, rate_minutes=None, timeout_minutes=1)


def rate(minutes):
    return Schedule(cron=None, rate_minutes=minutes, timeout_minutes=1)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        (rate(60), "2026-01-15T00:30:00+00:00", "2026-01-15T01:00:00+00:00"),
        (rate(60), "2026-01-15T01:00:00+00:00", "2026-01-15T02:00:00+00:00"),  # later than, not at
        (rate(1320), "1970-01-01T00:00:00+00:00", "1970-01-01T22:00:00+00:00"),  # multiples since the epoch
        (rate(7), "1969-12-31T23:59:00+00:00", "1970-01-01T00:00:00+00:00"),  # before the epoch too
        (cron("0 0 * * 0"), "2026-01-15T00:00:00+00:00", "2026-01-18T00:00:00+00:00"),  # 0 is Sunday
        (cron("0 0 * * 7"), "2026-01-15T00:00:00+00:00", "2026-01-18T00:00:00+00:00"),  # and so is 7
        (
            cron("0 0 13 * 5"),
            "2026-01-10T00:00:00+00:00",
            "2026-01-13T00:00:00+00:00",
        ),  # the 13th or a Friday
        (cron("0 0 13 * 5"), "2026-01-13T00:00:00+00:00", "2026-01-16T00:00:00+00:00"),
        # a field that begins with a star restricts nothing by itself: the 1st, 3rd, … that is a Monday
        (cron("0 0 */2 * 1"), "2026-01-01T00:00:00+00:00", "2026-01-05T00:00:00+00:00"),
        (cron("0 0 */2 * 1"), "2026-01-05T00:00:00+00:00", "2026-01-19T00:00:00+00:00"),
        (cron("0 0 1 * */2"), "2026-01-02T00:00:00+00:00", "2026-02-01T00:00:00+00:00"),
        (cron("0 0 29 2 *"), "2026-01-01T00:00:00+00:00", "2028-02-29T00:00:00+00:00"),
    ],
)
def test_the_next_due_time_follows_the_schedule(schedule, after, expected):
    assert next_due(schedule, datetime.fromisoformat(after)) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("schedule", [rate(60), cron("0 * * * *")])
def test_a_moment_in_another_zone_is_the_same_moment(schedule):
    in_tokyo = datetime(2026, 1, 15, 9, 30, tzinfo=timezone(timedelta(hours=9)))

    due = next_due(schedule, in_tokyo)

    assert (due, due.utcoffset()) == (datetime(2026, 1, 15, 1, tzinfo=UTC), timedelta(0))


@settings(max_examples=60)
@given(SCHEDULES, MOMENTS, st.integers(1, 900), st.integers(0, 900))
def test_due_times_of_two_stretches_are_those_of_both_together(
    schedule, start, first_minutes, second_minutes
):
    middle = start + timedelta(minutes=first_minutes)
    end = middle + timedelta(minutes=second_minutes)

    parts = [
        *due_times(schedule, after=start, until=middle),
        *due_times(schedule, after=middle, until=end),
    ]

    assert parts == list(due_times(schedule, after=start, until=end))


@settings(max_examples=60)
@given(SCHEDULES, MOMENTS)
def test_nothing_is_due_between_the_last_and_the_next_due_time(schedule, moment):
    last, following = last_due(schedule, moment), next_due(schedule, moment)

    assert last <= moment < following
    assert next_due(schedule, last) == following
    assert last_due(schedule, following) == following
