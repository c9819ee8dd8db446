"""Which values an alert's matches have most often, counted in the database."""

import json
from dataclasses import replace

from state_lab import HOURLY, match

from runner.alerts.summary import VALUES


def found(event, dedup="alice", **values):
    """Make a match with values of summary attributes."""
    texts = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    return match(dedup, event)._replace(summary=json.dumps(texts))


def summaries(lab) -> list[dict[str, list[tuple[str, int]]]]:
    return [
        {
            attribute: [(one["value"], one["count"]) for one in values]
            for attribute, values in lab.store.summary_of(alert).items()
        }
        for alert in lab.alerts()
    ]


def test_the_most_frequent_values_come_first(lab):
    lab.run(0, found("a", ip="1", user=["x", "y"]), found("b", ip="2", user="x"), found("c", ip="2", user=[]))

    assert summaries(lab) == [{"ip": [("2", 2), ("1", 1)], "user": [("x", 2), ("y", 1)]}]


def test_no_more_than_five_values_are_told_and_equals_in_the_order_of_the_alphabet(lab):
    lab.run(0, *(found(str(n), ip=str(n)) for n in (9, 3, 8, 5, 1, 4, 7)), found("z", ip="9"))

    ((summary,),) = [tuple(one.values()) for one in summaries(lab)]

    assert summary == [("9", 2), ("1", 1), ("3", 1), ("4", 1), ("5", 1)]
    assert len(summary) == VALUES


def test_running_again_counts_nothing_twice(lab):
    for _ in range(3):
        lab.run(0, found("a", ip="1"), found("b", ip="1"))

    assert summaries(lab) == [{"ip": [("1", 2)]}]


def test_an_event_that_another_window_sees_again_is_not_counted_twice(lab):
    lab.run(0, found("a", ip="1"))
    lab.run(30, found("a", ip="1"), found("b", ip="2"))

    assert summaries(lab) == [{"ip": [("1", 1), ("2", 1)]}]


def test_late_matches_move_values_to_the_alert_they_now_belong_to(lab):
    lab.run(0, found("a", ip="1"))
    lab.run(70, found("b", ip="2"))
    assert summaries(lab) == [{"ip": [("1", 1)]}, {"ip": [("2", 1)]}]

    lab.run(-30, found("late", ip="2"), found("a", ip="1"))  # 'a' moves, and with it the first window

    assert summaries(lab) == [{"ip": [("1", 1), ("2", 1)]}, {"ip": [("2", 1)]}]


def test_alerts_do_not_share_values(lab):
    lab.run(0, found("a", ip="1"), found("b", "bob", ip="2"))

    assert sorted(map(str, summaries(lab))) == ["{'ip': [('1', 1)]}", "{'ip': [('2', 1)]}"]


def test_an_alert_of_a_rule_without_summary_attributes_has_none(lab):
    lab.run(0, match("alice", "a"))

    assert summaries(lab) == [{}]


def test_matches_below_the_threshold_count_once_there_is_an_alert(lab):
    rules = replace(HOURLY, threshold=2)
    lab.run(0, found("a", ip="1"), rules=rules)
    lab.run(5, found("b", ip="1"), rules=rules)

    assert summaries(lab) == [{"ip": [("1", 2)]}]
