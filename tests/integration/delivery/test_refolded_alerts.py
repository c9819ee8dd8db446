"""What late data change about alerts reaches those who know of them."""

import pytest
from alert_office import MERGED, NEW, UPDATE, Office

from runner.alerts.alert import AlertStatus
from runner.destinations import wording
from runner.destinations.message import MessageKind, payload_of
from runner.destinations.pagerduty import event_of
from runner.store.alert_book import AlertFilter


def history_of(office, alert):
    return [(one.actor, one.status, one.comment) for one in office.store.history_of(alert)]


@pytest.fixture
def office():
    office = Office()
    yield office
    office.store.close()


def test_a_match_that_comes_late_changes_what_an_earlier_alert_says(office):
    office.run(0, "a")
    office.run(90, "b")
    assert office.tell() == [(NEW, "a", 1), (NEW, "b", 1)]

    office.run(-10, "late")

    assert office.tell() == [(UPDATE, "late", 2)]
    assert office.tell("archive") == [(NEW, "a", 1), (NEW, "b", 1)]  # it takes no updates


def test_alerts_that_have_become_one_are_told_to_be_one_and_the_incident_of_the_second_ends(office):
    office.run(0, "a")
    office.run(90, "b")
    office.tell()
    first, second = sorted(office.store.list_alerts(AlertFilter(), 9), key=lambda one: one.created_at)

    office.run(-10, "late", period=1440)  # the rule's period was made longer

    told = office.tell()
    assert sorted(told) == sorted([(UPDATE, "late", 3), (MERGED, "b", 1)])
    merged = office.messages[MERGED]
    assert (merged.notice.alert_id, merged.notice.merged_into) == (second.alert_id, first.alert_id)
    assert event_of(merged)["event_action"] == "resolve"
    assert event_of(merged)["dedup_key"] == second.alert_id
    assert payload_of(merged)["mergedInto"] == first.alert_id
    assert wording.subject_of(merged) == "One with another alert: b"
    assert first.alert_id in wording.text_of(merged)
    assert history_of(office, first) == [("runner", "OPEN", f"took in alert {second.alert_id}")]
    one_with = f"one with alert {first.alert_id}, which has its matches now"
    assert history_of(office, second) == [("runner", "OPEN", one_with)]


def test_an_alert_whose_matches_have_moved_says_that_it_has_none(office):
    office.run(0, "a")
    office.run(70, "b")
    office.tell()

    office.run(30, "b")  # late logs: an earlier run would have seen it

    assert sorted(office.tell()) == [(UPDATE, "a", 2), (UPDATE, "b", 0)]
    (empty,) = (one for one in office.store.list_alerts(AlertFilter(), 9) if not one.match_count)
    assert history_of(office, empty) == [("runner", "OPEN", "its matches belong to other alerts now")]


def test_an_alert_that_has_joined_another_before_anybody_was_told_of_it_is_not_told(office):
    office.run(0, "a")
    office.tell()
    office.run(90, "b")

    office.run(-10, "late", period=1440)

    assert office.tell() == [(UPDATE, "late", 3)]


def test_running_again_tells_nothing(office):
    office.run(0, "a")
    office.run(-10, "late")
    office.tell()

    office.run(-10, "late")
    office.run(0, "a")

    assert office.tell() == []


def test_a_comment_and_an_assignment_are_told_as_comments_and_a_resolution_as_a_status(office):
    office.run(0, "a")
    office.tell()
    (alert,) = office.store.list_alerts(AlertFilter(), 9)

    office.store.desk.comment([alert], "asked the owner", actor="ada")
    office.store.desk.assign([alert], "ada", actor="bob")
    office.store.change_status([alert], AlertStatus.RESOLVED, actor="ada", comment="")

    told = office.tell()
    assert [kind for kind, _, _ in told] == [MessageKind.COMMENT, MessageKind.COMMENT, MessageKind.STATUS]
    assert event_of(office.messages[MessageKind.COMMENT]) is None
    assert event_of(office.messages[MessageKind.STATUS])["event_action"] == "resolve"
    assert wording.subject_of(office.messages[MessageKind.COMMENT]) == "Comment: a"
