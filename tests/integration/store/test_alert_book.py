"""What people ask of the alerts, and do to them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from state_lab import HOURLY, after, match

from runner.alerts.alert import AlertStatus
from runner.errors import StoreError
from runner.store.alert_book import AlertFilter, HistoryEntry


@pytest.fixture
def filled(lab):
    """Three alerts: a low one at ten, a high one of another rule at half past, one for information at eleven."""
    lab.run(0, match("low", "a", severity="LOW"))
    lab.run(30, match("high", "b", rule="Other.Rule"))
    lab.run(60, match("info", "c", severity="INFO"))
    return lab


def dedups(alerts) -> list[str]:
    return [alert.key.dedup for alert in alerts]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (AlertFilter(), ["info", "high", "low"]),
        (AlertFilter(statuses=(AlertStatus.OPEN,)), ["high", "low"]),
        (AlertFilter(statuses=(AlertStatus.OPEN, AlertStatus.RESOLVED)), ["info", "high", "low"]),
        (AlertFilter(severities=("LOW", "INFO")), ["info", "low"]),
        (AlertFilter(rule_id="Other.Rule"), ["high"]),
        (AlertFilter(since=after(30)), ["info", "high"]),  # that moment included
        (AlertFilter(since=after(1), severities=("LOW",)), []),
    ],
    ids=str,
)
def test_alerts_are_chosen_by_all_that_is_asked_for(filled, chosen, expected):
    found = filled.store.list_alerts(chosen, 10)

    assert dedups(found) == expected


def test_of_many_alerts_the_newest_are_listed(filled):
    found = filled.store.list_alerts(AlertFilter(), 2)

    assert dedups(found) == ["info", "high"]


def test_a_window_below_its_threshold_is_no_alert(lab):
    lab.run(0, match(), rules=replace(HOURLY, threshold=2))
    ((identity,),) = lab.rows("SELECT alert_id FROM alerts")

    with pytest.raises(StoreError, match="there is no alert"):
        lab.store.find_alert(identity)

    assert lab.alerts() == []


@pytest.mark.parametrize("length", [4, 8, 32])
def test_an_alert_is_found_by_the_beginning_of_its_id(filled, length):
    alert = filled.alerts()[0]

    found = filled.store.find_alert(alert.alert_id[:length].upper())

    assert found == alert


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("abc", "too short"),
        ("", "too short"),
        ("zzzz", "no alert"),
        ("____", "no alert"),  # no wildcard
        ("%%%%", "no alert"),
        ("0000000000000000000000000000000000000", "no alert"),
    ],
)
def test_an_id_that_names_no_alert_is_refused(filled, prefix, message):
    with pytest.raises(StoreError, match=message):
        filled.store.find_alert(prefix)


def test_a_beginning_that_several_ids_share_is_refused(lab):
    # Of so many ids, which are the same each time, some share their first four digits.
    lab.run(0, *(match(f"user {number}", f"event {number}") for number in range(1_500)))
    ids = sorted(identity for (identity,) in lab.rows("SELECT alert_id FROM alerts"))
    shared = next(one[:4] for one, other in itertools.pairwise(ids) if one[:4] == other[:4])

    with pytest.raises(StoreError, match="several alerts"):
        lab.store.find_alert(shared)


def test_many_alerts_change_their_status_at_once_and_tell_who_did_it(filled):
    first, second, _ = filled.alerts()
    filled.clock.advance(after(5) - after(0))

    filled.store.change_status([first, second], AlertStatus.CLOSED, actor="op", comment="known")

    assert [alert.status for alert in filled.alerts()] == [AlertStatus.CLOSED] * 2 + [AlertStatus.RESOLVED]
    entry = HistoryEntry(at=after(5), actor="op", status=AlertStatus.CLOSED, comment="known")
    assert [filled.store.history_of(alert) for alert in filled.alerts()] == [[entry], [entry], []]


def test_the_history_of_an_alert_is_in_order(filled):
    alert = filled.alerts()[0]
    for status in (AlertStatus.TRIAGED, AlertStatus.RESOLVED, AlertStatus.OPEN):
        filled.store.change_status([alert], status, actor="op", comment="")

    history = filled.store.history_of(alert)

    assert [entry.status for entry in history] == ["TRIAGED", "RESOLVED", "OPEN"]


def test_no_alerts_can_change_their_status(filled):
    filled.store.change_status([], AlertStatus.CLOSED, actor="op", comment="")

    assert filled.number_of("alert_history") == 0


def test_thousands_of_alerts_can_be_asked_for_and_closed(lab):
    finished = lab.run(0, *(match(f"user {number}", f"event {number}") for number in range(2_500)))

    found = lab.store.alerts_of(one.alert_id for one in finished.alerts)
    lab.store.change_status(list(found.values()), AlertStatus.CLOSED, actor="op", comment="")

    assert len(found) == 2_500
    assert lab.rows("SELECT status, count(*) FROM alerts GROUP BY status") == [("CLOSED", 2_500)]


def test_unknown_ids_are_left_out(filled):
    assert filled.store.alerts_of(["unknown"]) == {}


def test_an_alert_says_what_its_first_match_says(lab):
    details = '{"title": "T", "severity": "LOW", "context": {"ip": "203.0.113.7"}, "runbook": "Ask.", "destinations": []}'
    rules = replace(
        HOURLY, description="From the rule.", runbook="From the rule.", reference="https://example.org"
    )
    lab.run(0, match()._replace(details=details), rules=rules)

    (alert,) = lab.alerts()

    assert (alert.title, alert.severity, alert.context) == ("T", "LOW", {"ip": "203.0.113.7"})
    assert (alert.description, alert.runbook, alert.reference) == (
        "From the rule.",
        "Ask.",
        "https://example.org",
    )
    assert alert.destinations == ()  # nobody is told


def test_an_alert_without_destinations_of_its_own_is_routed_by_the_settings(filled):
    assert {alert.destinations for alert in filled.alerts()} == {None}


def test_the_rows_of_an_alert_are_at_most_as_many_as_asked_for(lab):
    lab.run(0, *(match(event=str(number), row=True) for number in range(3)))

    rows = lab.store.events_of(lab.alerts()[0], 2)

    assert rows == [{"name": "0"}, {"name": "1"}]


def test_the_log_type_of_the_first_match_is_the_alerts_and_else_what_the_query_read(lab):
    rules = replace(HOURLY, log_types=("aws_cloudtrail",))
    of_row = match("ann", "a")._replace(
        details='{"title": "a", "severity": "LOW", "log_types": ["Okta.SystemLog"]}'
    )

    lab.run(0, of_row, match("bob", "b"), rules=rules)

    assert {alert.key.dedup: alert.log_types for alert in lab.alerts()} == {
        "ann": ("Okta.SystemLog",),
        "bob": ("aws_cloudtrail",),
    }
