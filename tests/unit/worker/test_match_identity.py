import json
from datetime import timedelta
from decimal import Decimal

import pytest

from runner.detections.event import Event
from runner.worker.identity import Identities, json_of

ROW = {"p_row_id": "r1", "p_event_time": "2026-01-15 08:00:00.000", "user": "ann"}


@pytest.fixture
def identity(job, rule_job):
    """Tell the identity of a row for a rule, in a run `hours` after the usual one."""

    def identity_of(row, dedup="d", hours=0, query="A query", **rule):
        usual = job(query=query)
        one = job(query=query, at=usual.reference + timedelta(hours=hours))
        return Identities(one, rule_job(**rule)).of_match(Event(row), dedup)

    return identity_of


def without(*names):
    return {name: value for name, value in ROW.items() if name not in names}


def test_an_event_with_a_row_id_is_the_same_whatever_else_was_selected(identity):
    assert identity(ROW) == identity({"p_row_id": "r1", "other": 1}, dedup="e", hours=1)


def test_two_row_ids_are_two_events(identity):
    assert identity(ROW) != identity({**ROW, "p_row_id": "r2"})


def test_an_event_with_a_time_is_told_apart_by_its_content(identity):
    row = without("p_row_id")

    assert identity(row) == identity(dict(reversed(row.items())), dedup="e", hours=1)
    assert identity(row) != identity({**row, "user": "bob"})


@pytest.mark.parametrize("spell", [str.upper, str.title])
def test_the_columns_that_tell_events_apart_are_found_in_any_case(identity, spell):
    by_id = {spell("p_row_id"): "r1"}
    by_content = {spell("p_event_time"): "2026-01-15", "user": "ann"}
    by_setting = {spell("user"): "ann", "n": 1}

    assert identity(by_id) == identity(by_id, hours=1)
    assert identity(by_content) == identity(by_content, hours=1)
    assert identity(by_setting, identity=("user",)) == identity({"USER": "ann"}, hours=1, identity=("User",))


def test_a_row_id_that_is_null_tells_nothing(identity):
    row = {**ROW, "p_row_id": None}

    assert identity(row) == identity(row, hours=1)
    assert identity(row) != identity({**row, "user": "bob"})


def test_the_columns_of_the_settings_go_before_the_row_id(identity):
    other = {**ROW, "p_row_id": "r2", "p_event_time": "later"}

    assert identity(ROW, identity=("user",)) == identity(other, hours=1, identity=("user",))


@pytest.mark.parametrize("columns", [("usr",), ("user", "usr")], ids=["all", "one of two"])
def test_a_column_of_the_settings_that_is_missing_makes_no_two_rows_the_same(identity, columns):
    assert identity(ROW, identity=columns) == identity(ROW)


def test_columns_of_the_settings_that_are_all_null_make_no_two_rows_the_same(identity):
    row = {**ROW, "user": None}

    assert identity(row, identity=("user",)) == identity(row)


def test_nested_columns_of_the_settings_are_compared_by_content(identity):
    rows = [{"key": {"b": [1, {"c": 2}], "a": 1}}, {"key": {"a": 1, "b": [1, {"c": 2}]}}, {"key": {"a": 2}}]

    first, second, third = (identity(row, identity=("key",)) for row in rows)

    assert first == second
    assert first != third


def test_an_aggregate_counts_in_every_run_and_once_in_each(identity):
    row = {"user": "ann", "failures": 12}

    assert identity(row) == identity(row)
    assert identity(row) == identity({**row, "failures": 13})  # late data: still the row of this run
    assert identity(row) != identity(row, hours=24)
    assert identity(row) != identity(row, dedup="e")
    assert identity(row) != identity(row, query="Another query")


def test_under_rematch_count_an_event_counts_in_every_run_and_once_in_each(identity):
    assert identity(ROW, counts_again=True) == identity(ROW, counts_again=True)
    assert identity(ROW, counts_again=True) != identity(ROW, counts_again=True, hours=1)
    assert identity(ROW, counts_again=True) != identity({**ROW, "p_row_id": "r2"}, counts_again=True)


def test_errors_and_matches_of_one_dedup_string_are_told_apart(job, rule_job):
    identities = Identities(job(), rule_job())

    assert identities.of_key("error", "KeyError") != identities.of_key("match", "KeyError")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": {"d": 1, "c": 2}}, {"a": {"c": 2, "d": 1}, "b": 1}),
        (2**70, 2**70),  # more than 64 bits
        ([2**70, "\ud800"], [2**70, "\ud800"]),  # half a surrogate pair
        (Decimal("1.5"), "1.5"),
        ({1: "one"}, {"1": "one"}),
        ({"deep": [[[]]]}, {"deep": [[[]]]}),
    ],
)
def test_any_value_is_written_as_json(value, expected):
    assert json.loads(json_of(value)) == expected


def test_keys_are_sorted_however_deep():
    assert (
        json_of({"b": {"z": 1, "y": 2**70}, "a": 0})
        == b'{"a": 0, "b": {"y": 1180591620717411303424, "z": 1}}'
    )


def test_a_value_nested_deeper_than_the_fast_writer_goes_is_written_too():
    value = deep = []
    for _ in range(400):
        deep.append([])
        deep = deep[0]

    assert json_of(value).count(b"[") == 401
