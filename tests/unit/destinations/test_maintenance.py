"""Maintenance windows: when they hold, and what is wrong with their tables."""

from datetime import UTC, datetime, timedelta

import pytest

from runner.destinations.maintenance import read_windows, windows_at
from runner.destinations.silence import Matcher
from runner.errors import SettingsError

SUNDAY = datetime(2026, 1, 18, 2, tzinfo=UTC)
SECOND, WEEK = timedelta(seconds=1), timedelta(weeks=1)
PATCHING = {"cron": "0 2 * * 0", "minutes": 90, "rule": "AWS.*", "reason": "hosts are patched"}


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        (SUNDAY - SECOND, False),
        (SUNDAY, True),
        (SUNDAY + timedelta(minutes=90) - SECOND, True),
        (SUNDAY + timedelta(minutes=90), False),
        (SUNDAY + WEEK, True),
    ],
)
def test_a_window_holds_from_its_start_until_before_its_end(moment, holds):
    windows = read_windows({"patching": PATCHING})

    assert [one.window for one in windows_at(windows, moment)] == ["patching"] * holds


def test_a_window_says_which_it_is_and_why():
    (silence,) = windows_at(read_windows({"patching": PATCHING}), SUNDAY)

    assert str(silence) == "maintenance window patching: hosts are patched"
    assert silence.matcher == Matcher(rule="AWS.*")
    assert (silence.starts_at, silence.ends_at) == (SUNDAY, SUNDAY + timedelta(minutes=90))


def test_between_two_times_the_next_one_is_shown():
    (window,) = read_windows({"patching": PATCHING})

    assert window.at(SUNDAY + timedelta(hours=5)).starts_at == SUNDAY + WEEK


def test_a_window_that_is_longer_than_the_time_between_two_never_ends():
    windows = read_windows({"always": {**PATCHING, "cron": "* * * * *"}})

    assert windows_at(windows, SUNDAY + timedelta(seconds=59))


def test_all_faults_of_all_windows_are_told_at_once():
    with pytest.raises(SettingsError) as caught:
        read_windows(
            {
                "a": {**PATCHING, "cron": "0 25 * * *", "minute": 5},
                "b": {"cron": "0 2 * * *", "minutes": 0, "reason": "x", "everything": True},
                "c": {"cron": "0 2 * * *", "minutes": 5, "reason": "x"},
                "d": {**PATCHING, "everything": True},
                "e": {"cron": "0 2 * * *"},
            }
        )

    faults = str(caught.value).splitlines()
    assert faults[0] == 'maintenance."a".minute: there is no such option: did you mean minutes?'
    assert faults[1].startswith('maintenance."a".cron: hour field `25`')
    assert faults[2] == 'maintenance."b".minutes: expected a whole number of 1 or more'
    which = "say which alerts are meant by patterns, or set everything = true"
    assert faults[3:5] == [f'maintenance."c": {which}', f'maintenance."d": {which}']
    assert [fault.split(":")[1] for fault in faults[5:]] == [" minutes is missing", " reason is missing"]
