"""Matches of one key become windows of a fixed length, and windows become alerts at the threshold."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.alerts.alert import AlertRules, AlertStatus
from runner.alerts.fold import KnownWindow, Step, Window, windows_of
from runner.alerts.match import MatchKind

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
HOURLY = AlertRules(period_minutes=60, threshold=1, create_alert=True)


def after(minutes: int) -> datetime:
    return TEN + timedelta(minutes=minutes)


def step(minute: int, count: int = 1, values: str = "", first_match: int = 0) -> Step:
    return Step(at=after(minute), count=count, values=frozenset(values), first_match=first_match)


def known(window: Window) -> KnownWindow:
    return KnownWindow(
        alert_id="",
        start=window.start,
        last=window.last,
        count=window.count,
        first_match=window.first_match,
        created_at=window.reached_at,
        severity="LOW",
        status=AlertStatus.OPEN,
    )


def test_no_matches_make_no_windows():
    windows = windows_of([], HOURLY)

    assert windows == []


def test_a_window_has_a_fixed_length_from_its_first_match():
    steps = [step(0), step(50), step(70)]

    windows = windows_of(steps, HOURLY)

    assert [(window.start, window.count) for window in windows] == [(after(0), 2), (after(70), 1)]


def test_a_match_exactly_one_period_after_the_first_opens_a_new_window():
    steps = [step(7), step(66), step(67)]

    windows = windows_of(steps, HOURLY)

    assert [window.start for window in windows] == [after(7), after(67)]


def test_the_count_begins_anew_in_each_window():
    rules = AlertRules(period_minutes=15, threshold=5, create_alert=True)

    windows = windows_of([step(0, count=4), step(16)], rules)

    assert [(window.count, window.reached_at) for window in windows] == [(4, None), (1, None)]


def test_an_alert_is_created_at_the_time_that_reaches_the_threshold():
    rules = replace(HOURLY, threshold=3)

    (window,) = windows_of([step(0), step(10), step(20), step(30)], rules)

    assert (window.reached_at, window.start, window.last, window.count) == (after(20), after(0), after(30), 4)


def test_an_alert_speaks_with_the_words_of_the_first_match_of_its_window():
    rules = replace(HOURLY, threshold=3)

    (window,) = windows_of([step(0, first_match=11), step(10, count=2, first_match=12)], rules)

    assert window.first_match == 11


@pytest.mark.parametrize("threshold", [0, 1])
def test_a_threshold_of_zero_is_a_threshold_of_one(threshold):
    (window,) = windows_of([step(0)], replace(HOURLY, threshold=threshold))

    assert window.reached_at == after(0)


def test_a_rule_that_creates_no_alerts_still_has_windows():
    rules = replace(HOURLY, create_alert=False)

    (window,) = windows_of([step(0, count=9)], rules)

    assert (window.count, window.reached_at) == (9, None)


def test_a_unique_function_makes_the_threshold_count_distinct_values():
    rules = replace(HOURLY, threshold=3, counts_unique=True)

    (window,) = windows_of([step(0, 5, "a"), step(10, 5, "ab"), step(20, 1, "c")], rules)

    assert (window.reached_at, window.count) == (after(20), 11)


def test_distinct_values_of_an_ended_window_do_not_count():
    rules = replace(HOURLY, threshold=2, counts_unique=True)

    windows = windows_of([step(0, 1, "a"), step(60, 1, "b")], rules)

    assert [window.reached_at for window in windows] == [None, None]


def test_errors_ignore_the_threshold_and_always_alert():
    rules = AlertRules(period_minutes=60, threshold=100, create_alert=False, counts_unique=True)

    (window,) = windows_of([step(0)], rules.of_kind(MatchKind.ERROR))

    assert window.reached_at == after(0)


def test_the_rules_of_matches_are_the_rules_themselves():
    rules = AlertRules(period_minutes=60, threshold=100, create_alert=False)

    assert rules.of_kind(MatchKind.MATCH) is rules


minutes = st.lists(st.integers(0, 600), max_size=30, unique=True).map(sorted)
steps_in_order = minutes.flatmap(
    lambda times: st.tuples(
        *(
            st.builds(step, st.just(time), st.integers(1, 4), st.sampled_from(["", "a", "ab"]), st.just(time))
            for time in times
        )
    )
)
some_rules = st.builds(
    AlertRules,
    period_minutes=st.integers(1, 120),
    threshold=st.integers(1, 6),
    create_alert=st.booleans(),
    counts_unique=st.booleans(),
)


@given(steps=steps_in_order, rules=some_rules)
def test_windows_tile_and_count_every_match_once(steps, rules):
    period = timedelta(minutes=rules.period_minutes)

    windows = windows_of(steps, rules)

    assert sum(window.count for window in windows) == sum(step.count for step in steps)
    assert all(window.start <= window.last < window.start + period for window in windows)
    assert all(one.start + period <= other.start for one, other in itertools.pairwise(windows))
    assert {window.start for window in windows} <= {step.at for step in steps}


@given(steps=steps_in_order, rules=some_rules)
def test_a_window_reaches_the_threshold_within_itself_or_not_at_all(steps, rules):
    windows = windows_of(steps, rules)

    reached = [window for window in windows if window.reached_at is not None]

    assert all(window.start <= window.reached_at <= window.last for window in reached)
    assert all(rules.create_alert and window.count >= 1 for window in reached)


@given(steps=steps_in_order, rules=some_rules, cut=st.integers(0, 30))
def test_a_known_window_taken_as_one_step_folds_to_the_same_windows(steps, rules, cut):
    rules = replace(rules, counts_unique=False)
    before = windows_of(steps[:cut], rules)

    after_it = windows_of([*(known(window).as_step() for window in before), *steps[cut:]], rules)

    assert [_figures(window) for window in after_it] == [_figures(one) for one in windows_of(steps, rules)]


def _figures(window: Window) -> tuple[object, ...]:
    return window.start, window.last, window.count, window.first_match, window.reached_at is None
