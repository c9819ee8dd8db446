"""Lookup tables: what they add to events, and what rules look up in them."""

import json
from pathlib import Path

import pytest

from runner.definitions.location import Location
from runner.definitions.lookup_table import AssociatedLogType, LookupTable
from runner.definitions.python_source import PythonSource
from runner.definitions.scheduled_rule import ScheduledRule
from runner.definitions.severity import Severity
from runner.definitions.stream_rule import StreamRule
from runner.detections.content import Content, ContentSources
from runner.detections.event import Event
from runner.detections.lookups import LookupTables

HERE = Location(Path("here.yml"))
USERS = [{"user": "ann", "team": "blue"}, {"user": "sam", "team": "red"}]
NETWORKS = [
    {"net": "10.0.0.0/8", "site": "all"},
    {"net": "10.1.0.0/16", "site": "north"},
    {"net": "192.0.2.1", "site": "x"},
]


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a table's rows and returns its definition."""

    def make(name, rows, key, *selectors, enabled=True):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        associated = (AssociatedLogType(log_type="A.Log", selectors=selectors),)
        return LookupTable(
            name=name,
            enabled=enabled,
            location=HERE,
            data_file=Path(f"{name}.jsonl"),
            primary_key=key,
            associated=associated if selectors else (),
        )

    return make


@pytest.fixture
def tables(table, tmp_path):
    return LookupTables(
        (
            table("users", USERS, "user", "actor", "target.name"),
            table("nets", NETWORKS, "net", "p_any_ip_addresses"),
        ),
        tmp_path,
    )


def enriched(tables, **fields):
    return tables.enriched({"p_log_type": "A.Log", **fields}).get("p_enrichment")


def test_a_selector_finds_the_row_of_its_value(tables):
    assert enriched(tables, actor="ann", target={"name": "sam"}) == {
        "users": {"actor": USERS[0], "target.name": USERS[1]}
    }


def test_a_list_finds_a_row_for_each_of_its_values_and_marks_it(tables):
    found = enriched(tables, p_any_ip_addresses=["10.1.2.3", "198.51.100.1", "192.0.2.1"])

    assert found == {
        "nets": {
            "p_any_ip_addresses": [
                {**NETWORKS[1], "p_match": "10.1.2.3"},
                {**NETWORKS[2], "p_match": "192.0.2.1"},
            ]
        }
    }


@pytest.mark.parametrize("fields", [{"actor": "kim"}, {"target": "no mapping"}, {"actor": None}, {}])
def test_an_event_of_which_no_table_knows_anything_stays_as_it_is(tables, fields):
    event = {"p_log_type": "A.Log", **fields}

    assert tables.enriched(event) is event


def test_only_the_log_types_of_a_table_are_enriched(tables):
    assert enriched(tables, p_log_type="Other.Log", actor="ann") is None


def test_what_the_event_already_has_stays(tables):
    there = {"users": {"actor": {"team": "of the test"}}, "other": {"x": 1}}

    found = enriched(tables, actor="ann", target={"name": "sam"}, p_enrichment=there)

    assert found == {
        "users": {"actor": {"team": "of the test"}, "target.name": USERS[1]},
        "other": {"x": 1},
    }


def test_a_row_is_looked_up_by_its_key_or_by_the_narrowest_network(tables):
    found = [tables.row("users", "ann"), tables.row("nets", "10.1.9.9"), tables.row("nets", "10.2.9.9")]

    assert found == [USERS[0], NETWORKS[1], NETWORKS[0]]
    assert [tables.row("users", "kim"), tables.row("nowhere", "ann"), tables.row("nets", None)] == [None] * 3


def test_a_disabled_table_is_none(table, tmp_path):
    tables = LookupTables((table("users", USERS, "user", "actor", enabled=False),), tmp_path)

    assert not tables
    assert tables.row("users", "ann") is None


def test_a_unit_tests_own_rows_go_before_the_tables(tables):
    event = Event({"_mocked_lookup_data_": {"users": {"ann": "mocked"}}}, None, tables)

    assert [event.lookup("users", "ann"), event.lookup("users", "sam")["TEAM"]] == ["mocked", "red"]


def test_rules_on_log_types_get_enriched_events_and_scheduled_rules_can_look_up(table, tmp_path):
    content = Content(ContentSources(root=tmp_path, lookup_tables=(table("users", USERS, "user", "actor"),)))
    facts = {
        "rule_id": "A.Rule",
        "enabled": True,
        "severity": Severity.LOW,
        "python": PythonSource(Path("a.py"), ""),
        "location": HERE,
    }
    log = {"p_log_type": "A.Log", "actor": "ann"}

    of_stream = content.event(StreamRule(**facts), log)
    of_query = content.event(ScheduledRule(queries=("Q",), **facts), log)

    assert of_stream.deep_get("p_enrichment", "users", "actor", "team") == "blue"
    assert "p_enrichment" not in of_query
    assert of_query.lookup("users", "ann")["team"] == "blue"
