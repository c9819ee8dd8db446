"""What folding a key anew changes about its alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runner.alerts.alert import AlertKey, AlertStatus, alert_id
from runner.alerts.changes import AlertChange, ChangedAlert, plan_key
from runner.alerts.fold import KnownWindow, Window
from runner.alerts.match import MatchKind

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
KEY = AlertKey(rule_id="Okta.FailedLogins", kind=MatchKind.MATCH, dedup="alice")
MINUTE = timedelta(minutes=1)
WINDOW = Window(start=TEN, last=TEN + 20 * MINUTE, count=2, first_match=7, reached_at=TEN)
KNOWN = KnownWindow(
    alert_id="known",
    start=TEN,
    last=TEN + 20 * MINUTE,
    count=2,
    first_match=7,
    created_at=TEN,
    severity="LOW",
    status=AlertStatus.OPEN,
)
SILENT = replace(KNOWN, alert_id="silent", created_at=None)


def test_a_window_that_was_not_known_is_named_by_its_start():
    plan = plan_key(KEY, [WINDOW], [])

    (window,) = plan.windows
    assert (window.alert_id, window.known, window.differs) == (alert_id(KEY, TEN), None, False)


def test_a_window_that_is_as_it_was_is_not_written_again():
    plan = plan_key(KEY, [WINDOW], [KNOWN])

    assert [window.differs for window in plan.windows] == [False]


@pytest.mark.parametrize(
    "change",
    [
        {"count": 3},
        {"last": TEN + 21 * MINUTE},
        {"start": TEN - MINUTE},
        {"first_match": 6},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_window_that_has_changed_is_written_again(change):
    plan = plan_key(KEY, [replace(WINDOW, **change)], [KNOWN])

    assert [(window.alert_id, window.differs) for window in plan.windows] == [("known", True)]


def test_an_alert_keeps_the_time_at_which_it_was_created():
    plan = plan_key(KEY, [replace(WINDOW, reached_at=None)], [KNOWN])

    assert [window.created_at for window in plan.windows] == [TEN]


@pytest.mark.parametrize(
    ("window", "known", "change"),
    [
        (WINDOW, [], AlertChange.NEW),
        (WINDOW, [SILENT], AlertChange.NEW),
        (replace(WINDOW, count=3), [KNOWN], AlertChange.GROWN),
        (WINDOW, [KNOWN], AlertChange.UNCHANGED),
        (replace(WINDOW, reached_at=None), [], None),  # below the threshold
        (
            replace(WINDOW, start=TEN + 15 * MINUTE),
            [KNOWN],
            AlertChange.REFOLDED,
        ),  # the run lies in another window
        (replace(WINDOW, first_match=8), [KNOWN], AlertChange.REFOLDED),  # it says something else
        (replace(WINDOW, count=1), [KNOWN], AlertChange.REFOLDED),
        (replace(WINDOW, count=3), [replace(KNOWN, is_held=True)], None),  # nobody is told of it
    ],
)
def test_a_run_tells_what_it_did_to_each_alert(window, known, change):
    (planned,) = plan_key(KEY, [window], known).windows

    told = planned.change_by(TEN + 10 * MINUTE)

    assert told == (change and ChangedAlert(alert_id=planned.alert_id, change=change))


def test_a_joined_alert_points_at_the_one_that_took_it_in_and_a_silent_window_is_forgotten():
    other = replace(KNOWN, alert_id="other", start=TEN + 15 * MINUTE)

    plan = plan_key(KEY, [WINDOW], [replace(SILENT, start=TEN + MINUTE), KNOWN, other])

    assert (plan.merged, plan.forgotten, plan.emptied) == ({"other": "known"}, ("silent",), ())


def test_an_alert_without_matches_stays_and_a_silent_window_without_matches_is_forgotten():
    plan = plan_key(KEY, [], [KNOWN, SILENT])

    assert (plan.emptied, plan.forgotten, plan.merged) == ((KNOWN,), ("silent",), {})


def test_an_alert_that_was_empty_before_is_not_written_again():
    plan = plan_key(KEY, [], [replace(KNOWN, count=0)])

    assert plan.emptied == ()


def test_what_joins_is_told_of_and_what_was_below_its_threshold_is_not():
    other = replace(KNOWN, alert_id="other", start=TEN + 10 * MINUTE, created_at=TEN + 10 * MINUTE)
    plan = plan_key(KEY, [WINDOW], [KNOWN, replace(SILENT, start=TEN + MINUTE), other])

    assert list(plan.departures()) == [ChangedAlert(alert_id="other", change=AlertChange.MERGED)]


def test_an_alert_whose_matches_have_all_moved_says_something_else_now():
    plan = plan_key(KEY, [], [KNOWN, replace(KNOWN, alert_id="held", is_held=True)])

    assert list(plan.departures()) == [ChangedAlert(alert_id="known", change=AlertChange.REFOLDED)]


def test_an_alert_that_was_held_back_is_raised_when_it_takes_in_one_that_people_know():
    held = replace(KNOWN, alert_id="held", is_held=True)
    other = replace(KNOWN, alert_id="other", start=TEN + 10 * MINUTE, created_at=TEN + 10 * MINUTE)
    plan = plan_key(KEY, [WINDOW], [held, other])

    assert list(plan.departures()) == [
        ChangedAlert(alert_id="held", change=AlertChange.NEW),
        ChangedAlert(alert_id="other", change=AlertChange.MERGED),
    ]


def test_an_alert_that_was_held_back_and_takes_in_another_such_one_stays_so():
    held = replace(KNOWN, alert_id="held", is_held=True)
    other = replace(held, alert_id="other", start=TEN + 10 * MINUTE, created_at=TEN + 10 * MINUTE)

    assert plan_key(KEY, [WINDOW], [held, other]).released == ()
