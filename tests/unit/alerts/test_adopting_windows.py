"""Alerts keep their ids when late matches move their windows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from runner.alerts.alert import AlertRules, AlertStatus
from runner.alerts.fold import KnownWindow, Step, Window, adopt, windows_of

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)


def after(minutes: int) -> datetime:
    return TEN + timedelta(minutes=minutes)


def window(start: int, last: int) -> Window:
    return Window(start=after(start), last=after(last), count=1, first_match=0, reached_at=None)


def known(name: str, start: int, last: int, *, is_alert: bool = True) -> KnownWindow:
    return KnownWindow(
        alert_id=name,
        start=after(start),
        last=after(last),
        count=1,
        first_match=0,
        created_at=after(last) if is_alert else None,
        severity="LOW",
        status=AlertStatus.OPEN,
    )


def test_an_unmoved_window_keeps_its_id():
    first, second = known("first", 0, 20), known("second", 60, 60)

    adoption = adopt([window(0, 20), window(60, 90)], [first, second])

    assert adoption.kept == {0: first, 1: second}
    assert (adoption.merged, adoption.emptied) == ({}, ())


def test_a_window_that_begins_earlier_keeps_the_id_of_the_one_it_takes_in():
    alert = known("alert", 0, 20)

    adoption = adopt([window(-30, 0), window(40, 50)], [alert])

    assert adoption.kept == {0: alert}


def test_a_window_before_all_known_ones_is_new():
    alert = known("alert", 0, 20)

    adoption = adopt([window(-90, -80), window(0, 20)], [alert])

    assert adoption.kept == {1: alert}


def test_of_two_alerts_in_one_window_the_earlier_keeps_its_id():
    first, second = known("first", 0, 20), known("second", 60, 60)

    adoption = adopt([window(0, 60)], [first, second])

    assert adoption.kept == {0: first}
    assert adoption.merged == {0: (second,)}


def test_a_window_that_is_no_alert_gives_way_to_an_alert():
    silent, alert = known("silent", 0, 20, is_alert=False), known("alert", 60, 60)

    adoption = adopt([window(0, 60)], [silent, alert])

    assert adoption.kept == {0: alert}
    assert adoption.merged == {0: (silent,)}


def test_a_window_whose_first_match_has_moved_away_goes_to_where_its_next_one_is():
    alert = known("alert", 0, 50)

    adoption = adopt([window(30, 50)], [alert])

    assert adoption.kept == {0: alert}


def test_a_window_whose_matches_have_all_moved_away_takes_no_other_one_over():
    empty, other = known("empty", 0, 20), known("other", 120, 120)

    adoption = adopt([window(120, 120)], [empty, other])

    assert adoption.kept == {0: other}
    assert adoption.emptied == (empty,)


def test_a_window_whose_matches_have_all_moved_earlier_goes_with_them():
    between, moved = known("between", 0, 20), known("moved", 120, 130)

    adoption = adopt([window(-90, -90), window(0, 20)], [between, moved])

    assert adoption.kept == {0: moved, 1: between}


def test_a_window_that_was_empty_before_goes_nowhere():
    long_empty = replace(known("long empty", 120, 130), count=0)

    adoption = adopt([window(0, 20)], [long_empty])

    assert (adoption.kept, adoption.emptied) == ({}, (long_empty,))


def test_without_windows_all_known_ones_are_empty():
    alert = known("alert", 0, 20)

    adoption = adopt([], [alert])

    assert adoption.emptied == (alert,)


times = st.lists(st.integers(0, 300), min_size=1, max_size=20, unique=True).map(sorted)


@given(before=times, now=times, period=st.integers(5, 60), alerts=st.lists(st.booleans(), min_size=20))
def test_every_known_window_is_kept_or_merged_or_empty(before, now, period, alerts):
    rules = AlertRules(period_minutes=period, threshold=1, create_alert=True)
    windows = windows_of([Step(at=after(time), count=1) for time in now], rules)
    known_windows = [
        known(str(number), _minute(one.start), _minute(one.last), is_alert=alerts[number])
        for number, one in enumerate(windows_of([Step(at=after(time), count=1) for time in before], rules))
    ]

    adoption = adopt(windows, known_windows)

    merged = [one for guests in adoption.merged.values() for one in guests]
    everybody = [*adoption.kept.values(), *merged, *adoption.emptied]
    assert sorted(one.alert_id for one in everybody) == sorted(one.alert_id for one in known_windows)
    assert all(position in adoption.kept for position in adoption.merged)


@given(before=times, late=times, period=st.integers(5, 60))
def test_matches_that_only_come_late_leave_no_window_empty_and_merge_none(before, late, period):
    rules = AlertRules(period_minutes=period, threshold=1, create_alert=True)
    steps = [Step(at=after(time), count=1) for time in sorted({*before, *late})]
    known_windows = [
        known(str(number), _minute(one.start), _minute(one.last))
        for number, one in enumerate(windows_of([Step(at=after(time), count=1) for time in before], rules))
    ]

    adoption = adopt(windows_of(steps, rules), known_windows)

    assert (adoption.merged, adoption.emptied) == ({}, ())


def _minute(moment: datetime) -> int:
    return int((moment - TEN).total_seconds() // 60)
