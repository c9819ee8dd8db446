"""What the summary attributes of a rule hold in one event."""

import json

import pytest

from runner.detections.event import Event
from runner.worker.summary_values import SummaryReader

ROW = {
    "sourceIPAddress": "203.0.113.7",
    "count": 3,
    "ok": True,
    "nothing": None,
    "actor": {"alternateId": "ada", "roles": ["admin", "auditor", "admin"]},
    "targets": [{"id": "a"}, {"id": "b"}, {"other": 1}],
    "a.b": "a column",
    "a": {"b": "an object"},
}


def read(*attributes, row=ROW):
    return json.loads(SummaryReader(attributes).of_event(Event(row)))


@pytest.mark.parametrize(
    ("attribute", "texts"),
    [
        ("sourceIPAddress", ["203.0.113.7"]),
        ("SOURCEIPADDRESS", ["203.0.113.7"]),  # as columns are found in any case
        ("actor:alternateId", ["ada"]),
        ("actor.ALTERNATEID", ["ada"]),
        ("actor:roles", ["admin", "auditor"]),  # once in an event
        ("targets:id", ["a", "b"]),
        ("count", ["3"]),
        ("ok", ["true"]),
        ("a.b", ["a column"]),  # before the object
        ("actor", ['{"alternateId":"ada","roles":["admin","auditor","admin"]}']),
    ],
)
def test_an_attribute_is_a_field_or_a_path(attribute, texts):
    assert read(attribute) == {attribute: texts}


@pytest.mark.parametrize(
    "attribute", ["nothing", "absent", "actor:absent", "count:below", "targets:id:below"]
)
def test_what_is_not_there_is_not_counted(attribute):
    assert read(attribute) == {}


def test_a_rule_without_summary_attributes_has_nothing_to_count():
    assert SummaryReader(()).of_event(Event(ROW)) is None


def test_values_and_lists_are_cut():
    row = {"long": "x" * 1_000, "many": list(range(5_000))}

    found = read("long", "many", row=row)

    assert [len(text) for text in found["long"]] == [200]
    assert found["many"] == [str(number) for number in range(20)]


def test_what_no_database_keeps_in_a_text_is_replaced():
    assert read("x", row={"x": "a\0b\ud800"}) == {"x": ["a�b?"]}
