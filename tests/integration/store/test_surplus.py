"""A run that would raise more alerts of a rule than it may: one alert stands for those beyond the limit."""

from dataclasses import replace

import pytest
from state_lab import HOURLY, RULE, error, match, result

from runner.alerts.alert import AlertStatus
from runner.alerts.changes import AlertChange
from runner.destinations.message import MessageKind
from runner.store.alert_book import AlertFilter
from runner.store.outbox_store import Decision

LIMIT = 3
SUMMARY = f"2 more alerts of {RULE}"
FIVE = [
    match("ann", "a", severity="LOW"),
    match("bob", "b", severity="HIGH"),
    match("cid", "c", severity="LOW"),
    match("dan", "d", severity="CRITICAL"),
    match("eva", "e", severity="LOW"),
]


def run(lab, *matches, minute=0, limit=LIMIT):
    return lab.store.finish(lab.claim(minute), replace(result([matches]), alerts_limit=limit))


def titles(lab, **chosen):
    return sorted(alert.title for alert in lab.store.list_alerts(AlertFilter(**chosen), 100))


def summary(lab):
    (found,) = [one for one in lab.alerts() if one.key.kind == "surplus"]
    return found


def announced(lab):
    """Take the announcements; returns what happened to how many alerts."""
    kinds = []

    def decide(news):
        kinds.extend(one.kind for one in news.announced)
        return Decision(letters=[])

    lab.store.outbox.dispatch(decide, 100)
    return kinds


def test_the_most_severe_are_raised_and_one_alert_stands_for_the_others(lab):
    finished = run(lab, *FIVE)

    assert titles(lab) == sorted(["d", "b", "a", SUMMARY])
    assert titles(lab, held_by=summary(lab).alert_id) == ["c", "e"]
    assert [one.change for one in finished.alerts] == [AlertChange.NEW] * 4
    assert announced(lab) == [MessageKind.NEW] * 4


def test_it_says_how_many_there_were_and_how_to_see_them(lab):
    run(lab, *FIVE)

    found = summary(lab)

    assert (found.severity, found.match_count, found.status) == ("LOW", 2, AlertStatus.OPEN)
    assert found.context == {
        "query": "Failed logins",
        "scheduled_for": "2026-03-01T10:00:00Z",
        "raised": 3,
        "held_back": 2,
        "severities": {"LOW": 2},
        "first": ["c", "e"],
    }
    assert "found 5 new alerts of this rule, and raised 3 of them" in found.description
    assert f"runner alerts list --held-by {found.alert_id}" in found.description


def test_no_match_is_lost(lab):
    run(lab, *FIVE, match("eva", "e2"))

    held = lab.store.list_alerts(AlertFilter(held_by=summary(lab).alert_id), 9)
    (eva,) = [one for one in held if one.title == "e"]

    assert lab.number_of("matches") == 6
    assert eva.match_count == 2
    assert lab.store.find_alert(eva.alert_id) == eva


def test_running_again_changes_nothing(lab):
    run(lab, *FIVE)
    before = lab.rows("SELECT alert_id, match_count, held_by FROM alerts ORDER BY alert_id")
    announced(lab)

    again = run(lab, *FIVE)

    assert lab.rows("SELECT alert_id, match_count, held_by FROM alerts ORDER BY alert_id") == before
    assert {one.change for one in again.alerts} == {AlertChange.UNCHANGED}
    assert announced(lab) == []


def test_the_same_rows_give_the_same_alerts_in_any_database(lab):
    run(lab, *FIVE)

    assert summary(lab).alert_id == "778467e33ef7244f9a5eeb1e2936075a"


def test_what_late_logs_bring_for_the_same_time_is_added(lab):
    run(lab, *FIVE)
    announced(lab)

    late = run(lab, *FIVE, *(match(name, name, severity="LOW") for name in ("f", "g", "h", "i")))

    assert summary(lab).title == f"3 more alerts of {RULE}"
    assert len(titles(lab, held_by=summary(lab).alert_id)) == 3
    assert [one.change for one in late.alerts if one.alert_id == summary(lab).alert_id] == [AlertChange.GROWN]
    assert sorted(announced(lab)) == [MessageKind.NEW] * 3 + [MessageKind.UPDATE]


def test_an_alert_that_is_held_back_grows_in_silence(lab):
    run(lab, *FIVE)
    announced(lab)

    later = run(lab, match("eva", "e2"), minute=10)

    assert later.alerts == ()
    assert announced(lab) == []
    assert [
        one.match_count for one in lab.store.list_alerts(AlertFilter(held_by=summary(lab).alert_id), 9)
    ] in (
        [1, 2],
        [2, 1],
    )


def test_an_alert_that_was_held_back_is_raised_once_it_is_one_with_a_raised_one(lab):
    daily = replace(HOURLY, period_minutes=1440)
    run(lab, *FIVE)
    run(lab, match("eva", "later"), minute=90)
    announced(lab)

    lab.store.finish(lab.claim(-10), result([[match("eva", "early")]], daily))

    assert sorted(titles(lab)) == sorted(["d", "b", "a", "early", SUMMARY])
    assert sorted(announced(lab)) == [MessageKind.MERGED, MessageKind.NEW]


def test_what_is_done_to_the_one_is_done_to_all_that_it_stands_for(lab):
    run(lab, *FIVE)

    lab.store.change_status([summary(lab)], AlertStatus.RESOLVED, actor="ada", comment="noise")

    held = lab.store.list_alerts(AlertFilter(held_by=summary(lab).alert_id), 9)
    assert {one.status for one in held} == {AlertStatus.RESOLVED}
    assert len(lab.store.list_alerts(AlertFilter(statuses=(AlertStatus.OPEN,)), 9)) == 3


def test_every_rule_has_its_own_limit_and_errors_are_always_raised(lab):
    run(lab, *FIVE, match("zoe", "other", rule="Other.Rule"), *(error(f"E{n}") for n in range(5)))

    assert titles(lab) == sorted(["d", "b", "a", SUMMARY, "other", *(f"E{n}()" for n in range(5))])


def test_at_the_limit_nothing_is_held_back(lab):
    run(lab, *FIVE, limit=5)

    assert titles(lab) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [([["pager"], ["desk", "pager"]], ("pager", "desk")), ([[], []], ()), ([["pager"], None], None)],
)
def test_it_goes_where_those_would_have_gone(lab, chosen, expected):
    first, second = (
        match(name, name)._replace(details='{"title": "x", "severity": "LOW"' + route + "}")
        for name, route in zip(
            ("y", "z"),
            [f', "destinations": {one}'.replace("'", '"') if one is not None else "" for one in chosen],
            strict=True,
        )
    )

    run(lab, match("a", "a"), first, second, limit=1)

    assert summary(lab).destinations == expected
