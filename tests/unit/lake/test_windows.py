import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.lake.windows import ALL_TIME, LATEST, Window, common, joined, microseconds, moment

MOMENTS = st.integers(0, 30)
WINDOWS = st.lists(st.builds(Window, MOMENTS, MOMENTS), max_size=4).map(joined)


def moments_of(windows):
    return {at for at in range(40) for window in windows if window.low <= at <= window.high}


@given(WINDOWS, WINDOWS)
def test_what_is_common_is_in_both_and_what_is_joined_in_either(first, second):
    both, either = common(first, second), joined([*first, *second])

    assert moments_of(both) == moments_of(first) & moments_of(second)
    assert moments_of(either) == moments_of(first) | moments_of(second)


@given(WINDOWS)
def test_joined_windows_are_apart_from_each_other_and_in_order(windows):
    assert all(before.high < after.low for before, after in itertools.pairwise(windows))
    assert common(windows, ALL_TIME) == windows


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 7, 1, 12, 0, 0, 5, tzinfo=UTC), 1_782_907_200_000_005),
        (datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), -1_000_000),
    ],
)
def test_a_moment_is_counted_in_microseconds_and_comes_back(at, expected):
    assert microseconds(at) == expected
    assert moment(expected) == at


def test_the_end_of_time_is_written_as_the_last_moment_there_is():
    assert moment(LATEST) == datetime.max.replace(tzinfo=UTC)
