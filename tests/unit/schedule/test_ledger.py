from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.definitions.scheduled_query import Schedule
from runner.schedule.ledger import (
    CatchUp,
    Epoch,
    Interval,
    catch_up,
    disabled,
    owed,
    window_of,
)

START = datetime(2026, 1, 15, tzinfo=UTC)
HOURLY = Schedule(cron=None, rate_minutes=60, timeout_minutes=1)
EVERY_TEN = Schedule(cron="*/10 * * * *", rate_minutes=None, timeout_minutes=1)


def minutes(count):
    return START + timedelta(minutes=count)


def test_the_first_due_time_comes_after_the_query_was_first_seen():
    epochs = [Epoch(start=minutes(30), schedule=HOURLY)]

    due = list(owed(epochs, after=START - timedelta(days=1), until=minutes(180)))

    assert due == [minutes(60), minutes(120), minutes(180)]


def test_a_due_time_at_the_moment_of_an_edit_belongs_to_the_schedule_before_it():
    epochs = [Epoch(start=START, schedule=HOURLY), Epoch(start=minutes(60), schedule=EVERY_TEN)]

    due = list(owed(epochs, after=START, until=minutes(80)))

    assert due == [minutes(60), minutes(70), minutes(80)]


def test_disabled_time_owes_nothing_and_is_reported_as_such():
    epochs = [
        Epoch(start=START, schedule=HOURLY),
        Epoch(start=minutes(90), schedule=None),
        Epoch(start=minutes(200), schedule=HOURLY),
    ]

    due = list(owed(epochs, after=START, until=minutes(300)))
    off = disabled(epochs, after=START, until=minutes(300))

    assert due == [minutes(60), minutes(240), minutes(300)]
    assert off == [Interval(start=minutes(90), end=minutes(200))]


@pytest.mark.parametrize(
    ("policy", "limit", "run", "gaps"),
    [
        (CatchUp.ALL, 10, [1, 2, 3], []),
        (CatchUp.ALL, 2, [2, 3], [1]),  # the newest are worth most
        (CatchUp.LATEST, 10, [3], [1, 2]),
        (CatchUp.NONE, 10, [], [1, 2, 3]),
    ],
)
def test_catching_up_follows_the_policy(policy, limit, run, gaps):
    decided = list(catch_up([minutes(count) for count in (1, 2, 3)], policy, limit))

    assert [due for due, is_run in decided if is_run] == [minutes(count) for count in run]
    assert [due for due, is_run in decided if not is_run] == [minutes(count) for count in gaps]
    assert [due for due, _ in decided] == [minutes(count) for count in (1, 2, 3)]


def test_catching_up_holds_no_more_due_times_than_it_may_run():
    taken = []

    def missed():
        for count in range(1_000_000):
            taken.append(count)
            yield minutes(count)

    first, is_run = next(catch_up(missed(), CatchUp.ALL, 3))

    assert (first, is_run, len(taken)) == (minutes(0), False, 4)


@settings(max_examples=60)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.integers(0, 1500), st.randoms())
def test_windows_of_owed_due_times_tile_the_time_without_hole_or_overlap(lengths, span, random):
    """The windows of one schedule meet end to start, however the time is cut into stretches."""
    schedule = random.choice([HOURLY, EVERY_TEN])
    epochs = [Epoch(start=START, schedule=schedule)]
    cuts = [START]
    for length in lengths:
        cuts.append(cuts[-1] + timedelta(minutes=length))
    end = cuts[-1] + timedelta(minutes=span)

    due = [
        moment
        for after, until in zip(cuts, [*cuts[1:], end], strict=True)
        for moment in owed(epochs, after=after, until=until)
    ]

    windows = [window_of(schedule, moment) for moment in due]
    assert due == sorted(set(due))
    assert all(one.end == following.start for one, following in pairwise(windows))
