"""How long to wait before something is tried again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.delivery.backoff import Backoff

SECOND = timedelta(seconds=1)


def backoff(random=0.999999) -> Backoff:
    return Backoff(first=SECOND, longest=60 * SECOND, random=lambda: random)


def test_waits_double_up_to_the_longest():
    waits = [round(backoff().wait(failures).total_seconds()) for failures in range(1, 9)]

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


@given(failures=st.integers(1, 10_000), random=st.floats(0, 1, exclude_max=True))
def test_chance_cuts_a_wait_by_half_at_most(failures, random):
    whole = backoff().wait(failures)

    assert whole * 0.49 <= backoff(random).wait(failures) <= whole * 1.01


def test_nobody_is_disturbed_before_they_asked_to_be():
    assert backoff().wait(1, asked=300.0) == 300 * SECOND
    assert round(backoff().wait(9, asked=1.0).total_seconds()) == 60


@pytest.mark.parametrize("asked", [3601.0, 31_536_000.0, 1e12, float("inf")])
def test_nobody_is_left_alone_for_longer_than_an_hour_whatever_they_ask_for(asked):
    assert backoff().wait(1, asked=asked) == 3600 * SECOND
