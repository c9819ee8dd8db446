"""No match is lost, and none counts twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from state_lab import HOURLY, RULE, after, error, match

from runner.alerts.alert import AlertRules, AlertStatus, AlertType
from runner.alerts.changes import AlertChange
from runner.store import matches

DAILY = AlertRules(period_minutes=1440, threshold=1, create_alert=True)


def changes(finished) -> list[AlertChange]:
    return [one.change for one in finished.alerts]


def test_the_same_run_twice_adds_nothing(lab):
    first = lab.run(0, match(event="a"), match(event="b"), error())

    again = lab.run(0, match(event="a"), match(event="b"), error())

    assert changes(first) == [AlertChange.NEW, AlertChange.NEW]
    assert changes(again) == [AlertChange.UNCHANGED, AlertChange.UNCHANGED]
    assert again.run.key.revision == 1
    assert lab.counts() == {"alice": 2, "KeyError": 1}
    assert lab.number_of("matches") == 3


def test_an_event_seen_by_overlapping_windows_counts_once(lab):
    lab.run(0, match(event="a"), match(event="b"))

    later = lab.run(5, match(event="b"), match(event="c"))

    assert changes(later) == [AlertChange.GROWN]
    assert lab.counts() == {"alice": 3}


def test_a_run_that_sees_only_known_events_tells_which_alerts_they_belong_to(lab):
    lab.run(0, match(event="a"))

    later = lab.run(5, match(event="a"))

    assert changes(later) == [AlertChange.UNCHANGED]
    assert lab.alerts()[0].last_match_at == after(0)


def test_identical_rows_of_one_run_count_each_and_once(lab):
    lab.run(0, *[match(event="same")] * 3)

    lab.run(5, *[match(event="same")] * 3)

    assert lab.counts() == {"alice": 3}


def test_one_more_identical_row_counts_one_more(lab):
    lab.run(0, *[match(event="same")] * 2)

    lab.run(5, *[match(event="same")] * 3)

    assert lab.counts() == {"alice": 3}


def test_rows_without_identity_alert_on_each_day(lab):
    lab.run(0, match(event="alice at 10:00"))  # what tells an aggregate apart is its run and dedup string

    lab.run(1440, match(event="alice at 10:00 of the next day"))

    assert [alert.first_match_at for alert in lab.alerts()] == [after(0), after(1440)]


def test_an_event_that_two_rules_match_counts_for_each(lab):
    lab.run(0, match(event="a"), match(event="a", rule="Other.Rule"))

    assert sorted(alert.key.rule_id for alert in lab.alerts()) == [RULE, "Other.Rule"]
    assert lab.number_of("matches") == 2


def test_an_earlier_run_moves_the_time_of_a_match_earlier(lab):
    lab.run(30, match(event="a"), match(event="b"))
    before = lab.alerts()[0]

    lab.run(0, match(event="a"))

    (alert,) = lab.alerts()
    assert (alert.first_match_at, alert.last_match_at, alert.match_count) == (after(0), after(30), 2)
    assert alert.alert_id == before.alert_id


def test_a_late_run_tells_of_the_alert_whose_matches_it_moved(lab):
    lab.run(30, match(event="a"))

    late = lab.run(0, match(event="a"))

    assert changes(late) == [AlertChange.REFOLDED]


def test_matches_that_an_earlier_run_takes_over_have_the_order_of_that_run(lab):
    lab.run(30, match(event="second"))

    lab.run(0, match(event="first"), match(event="second"))

    assert lab.alerts()[0].title == "first"


def test_a_late_match_makes_two_windows_of_one(lab):
    lab.run(0, match(event="a"))
    lab.run(50, match(event="b"))
    before = lab.alerts()[0]

    lab.run(-20, match(event="late"))

    first, second = lab.alerts()
    assert {(one.first_match_at, one.match_count) for one in (first, second)} == {
        (after(-20), 2),
        (after(50), 1),
    }
    assert first.alert_id == before.alert_id
    assert first.title == "late"


def test_a_window_that_begins_where_another_alert_once_did_gets_an_id_of_its_own(lab):
    rules = replace(HOURLY, period_minutes=30)
    for minute in (0, -20, -40):
        lab.run(minute, match(event=str(minute)), rules=rules)

    alerts = lab.alerts()

    assert sorted(alert.first_match_at for alert in alerts) == [after(-40), after(0)]
    assert len({alert.alert_id for alert in alerts}) == 2


def test_a_late_run_tells_of_every_alert_that_it_brings_about(lab):
    rules = replace(HOURLY, threshold=2)
    lab.run(0, match(event="a"), rules=rules)
    lab.run(50, match(event="b"), rules=rules)
    lab.run(70, match(event="c"), rules=rules)

    late = lab.run(-20, match(event="late"), rules=rules)

    assert sorted(changes(late)) == [AlertChange.NEW, AlertChange.REFOLDED]
    assert [alert.match_count for alert in lab.alerts()] == [2, 2]


def test_a_match_that_moves_to_another_dedup_string_leaves_an_alert_without_matches(lab):
    lab.run(30, match("alice", "a", row=True))

    lab.run(0, match("bob", "a", row=True))

    assert lab.counts() == {"alice": 0, "bob": 1}
    (empty,) = (alert for alert in lab.alerts() if alert.key.dedup == "alice")
    assert lab.store.events_of(empty, 10) == []
    assert (empty.first_match_at, empty.created_at, empty.title) == (after(30), after(30), "a")


def test_an_alert_without_matches_does_not_hide_the_window_it_lies_in(lab):
    lab.run(30, match("alice", "a"))
    lab.run(0, match("bob", "a"))

    lab.run(10, match("alice", "b"))
    lab.run(40, match("alice", "c"))

    assert sorted((a.first_match_at, a.match_count) for a in lab.alerts() if a.key.dedup == "alice") == [
        (after(10), 2)
    ]


def test_a_window_below_the_threshold_whose_matches_move_away_is_forgotten(lab):
    rules = replace(HOURLY, threshold=2)
    lab.run(30, match("alice", "a"), rules=rules)

    lab.run(0, match("bob", "a"), rules=rules)

    assert lab.rows("SELECT dedup FROM alerts") == [("bob",)]


def test_an_alert_whose_first_match_moves_away_speaks_with_the_words_of_its_next(lab):
    lab.run(10, match("alice", "a"))
    lab.run(40, match("alice", "b"))

    lab.run(0, match("bob", "a"))

    alice = next(alert for alert in lab.alerts() if alert.key.dedup == "alice")
    assert (alice.first_match_at, alice.title, alice.match_count) == (after(40), "b", 1)


def test_a_created_alert_stays_when_its_window_falls_below_the_threshold(lab):
    rules = replace(HOURLY, threshold=3)
    for minute in (0, 20, 50):
        lab.run(minute, match(event=str(minute)), rules=rules)
    before = lab.alerts()[0]

    lab.run(-50, match(event="late"), rules=rules)

    (alert,) = lab.alerts()
    assert (alert.alert_id, alert.created_at) == (before.alert_id, before.created_at)
    assert (alert.first_match_at, alert.match_count) == (after(-50), 2)


def test_alerts_that_a_longer_period_joins_can_still_be_found(lab):
    lab.run(0, match(event="a"))
    lab.run(90, match(event="b"))
    first, second = lab.alerts()

    lab.run(-10, match(event="late"), rules=DAILY)

    (alert,) = lab.alerts()
    assert (alert.alert_id, alert.match_count) == (first.alert_id, 3)
    assert lab.store.find_alert(second.alert_id).merged_into == first.alert_id


def test_an_edited_period_leaves_settled_windows_as_they_are(lab):
    lab.run(0, match(event="a"))
    lab.run(40, match(event="b"))

    lab.run(50, match(event="c"), rules=replace(HOURLY, period_minutes=15))

    assert [(alert.first_match_at, alert.match_count) for alert in lab.alerts()] == [
        (after(0), 2),
        (after(50), 1),
    ]


def test_two_rules_with_one_dedup_string_make_two_alerts(lab):
    lab.run(0, match(event="a"), match(event="b", rule="Other.Rule"))

    assert [alert.match_count for alert in lab.alerts()] == [1, 1]


def test_two_queries_of_one_rule_with_one_dedup_string_make_one_alert(lab):
    lab.run(0, match(event="a"), query="First query")

    second = lab.run(0, match(event="b"), query="Second query")

    assert changes(second) == [AlertChange.GROWN]
    assert [alert.match_count for alert in lab.alerts()] == [2]


@pytest.mark.parametrize("order", [("First", "Second"), ("Second", "First")])
def test_of_two_queries_at_one_time_the_first_by_name_speaks_whichever_ends_first(lab, order):
    for query in order:
        lab.run(0, match("alice", "same", title=query), match("alice", query), query=query)

    (alert,) = lab.alerts()

    assert (alert.title, alert.match_count) == ("First", 3)


def test_a_match_joins_its_alert_after_that_was_resolved(lab):
    lab.run(0, match(event="a"))
    lab.store.change_status(lab.alerts(), AlertStatus.RESOLVED, actor="op", comment="")

    later = lab.run(10, match(event="b"))

    (alert,) = lab.alerts()
    assert changes(later) == [AlertChange.GROWN]
    assert (alert.status, alert.match_count) == (AlertStatus.RESOLVED, 2)


def test_rule_errors_have_a_key_space_of_their_own(lab):
    lab.run(0, match("KeyError", "a"), error("KeyError", occurrences=7))

    alerts = {alert.type: alert.match_count for alert in lab.alerts()}

    assert alerts == {AlertType.SCHEDULED_RULE: 1, AlertType.SCHEDULED_RULE_ERROR: 7}


def test_rule_errors_ignore_the_threshold_and_do_not_count_for_it(lab):
    rules = replace(HOURLY, threshold=3)

    lab.run(0, match(event="a"), match(event="b"), error(), rules=rules)

    assert [alert.type for alert in lab.alerts()] == [AlertType.SCHEDULED_RULE_ERROR]


def test_a_rule_that_creates_no_alerts_keeps_its_matches(lab):
    finished = lab.run(0, match(event="a"), rules=replace(HOURLY, create_alert=False))

    assert (lab.alerts(), finished.alerts) == ([], ())
    assert lab.number_of("matches") == 1


def test_a_threshold_counts_over_runs_and_starts_anew_with_each_window(lab):
    rules = replace(HOURLY, period_minutes=15, threshold=5)
    lab.run(0, *(match(event=str(number)) for number in range(4)), rules=rules)

    below = lab.run(16, match(event="5"), rules=rules)
    reached = lab.run(20, *(match(event=str(number)) for number in range(6, 10)), rules=rules)

    assert (changes(below), changes(reached)) == ([], [AlertChange.NEW])
    assert [(alert.first_match_at, alert.created_at) for alert in lab.alerts()] == [(after(16), after(20))]


def test_title_and_severity_are_those_of_the_first_match_of_the_window(lab):
    rules = replace(HOURLY, threshold=3)
    lab.run(0, match(event="first", severity="LOW"), match(event="second", severity="HIGH"), rules=rules)

    lab.run(10, match(event="third", severity="CRITICAL"), rules=rules)

    assert [(alert.title, alert.severity) for alert in lab.alerts()] == [("first", "LOW")]


def test_a_unique_threshold_counts_distinct_values_over_runs(lab):
    rules = replace(HOURLY, threshold=2, counts_unique=True)

    first = lab.run(0, match(event="a", unique="x"), match(event="b", unique="x"), rules=rules)
    second = lab.run(10, match(event="c", unique="y"), rules=rules)

    assert (changes(first), changes(second)) == ([], [AlertChange.NEW])
    assert lab.counts() == {"alice": 3}


def test_an_alert_for_information_begins_resolved(lab):
    lab.run(0, match(severity="INFO"))

    assert [alert.status for alert in lab.alerts()] == [AlertStatus.RESOLVED]


def test_an_alert_that_turns_out_to_be_more_than_information_is_opened(lab):
    lab.run(10, match(event="a", severity="INFO"))

    lab.run(0, match(event="late", severity="HIGH"))

    assert [(alert.status, alert.severity) for alert in lab.alerts()] == [(AlertStatus.OPEN, "HIGH")]


def test_a_status_that_somebody_set_is_kept_when_a_late_match_changes_the_words(lab):
    lab.run(10, match(event="a"))
    lab.store.change_status(lab.alerts(), AlertStatus.TRIAGED, actor="op", comment="")

    lab.run(0, match(event="late"))

    assert [(alert.status, alert.title) for alert in lab.alerts()] == [(AlertStatus.TRIAGED, "late")]


def test_whole_rows_are_kept_up_to_the_limit_for_each_alert_over_runs(lab):
    for minute in (0, 5, 10):
        lab.run(minute, *(match(event=f"{minute}-{number}", row=True) for number in range(2)))

    kept = lab.store.events_of(lab.alerts()[0], 10)

    assert kept == [{"name": "0-0"}, {"name": "0-1"}, {"name": "5-0"}]
    assert lab.rows("SELECT count(*) FROM match_contents WHERE event IS NOT NULL") == [(3,)]


def test_matches_that_were_known_leave_no_contents_behind(lab):
    lab.run(10, match(event="a", row=True), match(event="b", row=True))

    lab.run(20, match(event="a", row=True), match(event="b", row=True), match(event="b", row=True))
    lab.run(0, match(event="a", row=True))

    with_contents = lab.rows("SELECT match_id FROM match_contents ORDER BY match_id")
    assert with_contents == lab.rows("SELECT match_id FROM matches ORDER BY match_id")
    assert len(with_contents) == 3


def test_the_rows_of_a_late_run_are_kept_as_they_come_first(lab):
    lab.run(10, *(match(event=f"late-{number}", row=True) for number in range(3)))

    lab.run(0, match(event="early", row=True))

    kept = lab.store.events_of(lab.alerts()[0], 10)
    assert kept == [{"name": "early"}, {"name": "late-0"}, {"name": "late-1"}]


def test_each_window_has_whole_rows_of_its_own(lab):
    for minute in (0, 60):
        lab.run(minute, *(match(event=f"{minute}-{number}", row=True) for number in range(3)))

    kept = [len(lab.store.events_of(alert, 10)) for alert in lab.alerts()]

    assert kept == [3, 3]


def test_more_keys_than_are_folded_at_a_time(lab):
    keys = matches.KEYS_PER_CHUNK * 2 + 1
    lab.run(0, *(match(f"user {number}", f"event {number}") for number in range(keys)))

    again = lab.run(5, *(match(f"user {number}", f"other {number}") for number in range(keys)))

    assert len(again.alerts) == keys
    assert lab.rows("SELECT match_count, count(*) FROM alerts GROUP BY match_count") == [(2, keys)]


def test_a_run_without_matches_is_a_run(lab):
    finished = lab.run(0)

    assert (finished.alerts, lab.number_of("matches")) == ((), 0)
