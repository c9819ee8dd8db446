"""Traps 1 to 15: what a rule's functions return, and what becomes of it."""

import json

import pytest

from runner.definitions.severity import Severity
from runner.errors import DetectionError

DEFAULT = "defaultDedupString:My.Rule"
DESTINATIONS = {"slack": "s-1", "pager": "p-1"}


@pytest.mark.trap(1)
@pytest.mark.parametrize("returned", ["1", "'x'", "None", "__import__('re').match('a', 'a')", "[]"])
def test_a_rule_that_returns_no_bool_is_an_error_and_neither_a_match_nor_none(rule, returned):
    result = rule(f"def rule(event): return {returned}\n", matches=False).alert()

    assert (result.matched, result.error.kind) == (False, "FunctionReturnTypeError")


@pytest.mark.trap(2)
def test_a_rule_without_rule_cannot_be_set_up_and_does_not_match_every_row(rule):
    with pytest.raises(DetectionError, match="does not define rule"):
        rule("def title(event): return 'all rows'\n", matches=False)


@pytest.mark.trap(3)
@pytest.mark.parametrize("body", ["return None", "raise KeyError('x')", "return 5"])
def test_a_dedup_that_fails_does_not_fall_back_on_the_title(rule, body):
    result = rule(f"def title(event): return 'a title'\ndef dedup(event): {body}\n").alert()

    assert (result.title, result.dedup) == ("a title", DEFAULT)


@pytest.mark.trap(4)
def test_a_title_that_raises_makes_the_id_the_title_and_the_dedup_string(rule):
    result = rule("def title(event): return event['nothing']\n").alert()

    assert (result.title, result.dedup) == ("My.Rule", "My.Rule")


@pytest.mark.trap(5)
def test_an_empty_title_gives_way_to_the_display_name_and_to_the_default_dedup_string(rule):
    result = rule("def title(event): return ''\n").alert()

    assert (result.title, result.dedup) == ("My display name", DEFAULT)


@pytest.mark.trap(6)
def test_without_title_and_dedup_all_matches_share_one_alert(project):
    project.rule()

    project.run(0, {"user": "ann"}, {"user": "sam"})
    project.run(30, {"user": "kim"})

    assert [(alert.key.dedup, alert.match_count) for alert in project.alerts()] == [(DEFAULT, 3)]


@pytest.mark.trap(7)
@pytest.mark.parametrize("function", ["title", "dedup", "description", "reference", "runbook", "unique"])
def test_a_text_of_1000_characters_stays_and_a_longer_one_is_cut_and_marked(rule, function):
    results = [rule(f"def {function}(event): return 'ä' * {size}\n").alert() for size in (1000, 1001)]

    whole, cut = (getattr(result, function) for result in results)
    assert whole == "ä" * 1000
    assert cut == "ä" * 985 + "... (truncated)"


@pytest.mark.trap(8)
@pytest.mark.parametrize(
    ("returned", "severity"),
    [
        ("high", Severity.HIGH),
        ("HIGH ", Severity.MEDIUM),
        ("Default", Severity.MEDIUM),
        ("", Severity.MEDIUM),
    ],
)
def test_a_severity_is_taken_in_any_case_but_not_with_a_space(rule, returned, severity):
    result = rule(f"def severity(event): return {returned!r}\n").alert()

    assert result.severity is severity


@pytest.mark.trap(9)
@pytest.mark.parametrize("names", [["slack", "slack"], ["slack", "s-1"], ["slack", "nowhere"]])
def test_one_repeated_or_unknown_destination_discards_the_whole_list(rule, names):
    asked = rule(f"def destinations(event): return {names}\n", destinations=DESTINATIONS)

    assert asked.alert().destinations is None
    assert asked.alert().matched
    assert asked.test().function_errors["destinations"].kind == "UnknownDestinationError"


@pytest.mark.trap(10)
def test_the_name_of_a_destination_is_matched_with_its_case(rule):
    given = [
        rule(f"def destinations(event): return {[name]}\n", destinations=DESTINATIONS).alert().destinations
        for name in ("slack", "Slack")
    ]

    assert given == [("s-1",), None]


@pytest.mark.trap(11)
@pytest.mark.parametrize(
    ("returned", "destinations"), [("None", None), ("[]", ("SKIP",)), ("('slack',)", None), ("'slack'", None)]
)
def test_no_list_is_the_default_routing_and_an_empty_one_tells_nobody(rule, returned, destinations):
    result = rule(f"def destinations(event): return {returned}\n", destinations=DESTINATIONS).alert()

    assert (result.matched, result.destinations) == (True, destinations)
    assert result.suppressed is (returned == "[]")


@pytest.mark.trap(12)
@pytest.mark.parametrize(
    "context",
    ["{'a': float('nan')}", "{'a': {1}}", "{'a': __import__('datetime').datetime.now()}", "None", "[]"],
)
def test_a_context_that_json_cannot_hold_is_replaced_in_the_alert_and_fails_the_test(rule, context):
    asked = rule(f"def alert_context(event): return {context}\n")

    assert asked.alert().matched
    assert list(json.loads(asked.alert().context)) == ["_error"]
    assert "alert_context" in asked.test().function_errors


@pytest.mark.trap(13)
def test_a_context_that_is_too_long_is_replaced_and_passes_the_test(rule):
    sizes = (204_800 - len('{"k": ""}'), 204_801 - len('{"k": ""}'))
    results = [rule(f"def alert_context(event): return {{'k': 'x' * {size}}}\n").test() for size in sizes]

    assert [list(json.loads(result.context)) for result in results] == [["k"], ["_error"]]
    assert [dict(result.function_errors) for result in results] == [{}, {}]


@pytest.mark.trap(14)
def test_a_context_may_be_the_event_itself(rule):
    event = {"a": {"b": [1, {"c": None}]}}

    result = rule("def alert_context(event): return event\n").alert(event)

    assert json.loads(result.context) == event


@pytest.mark.trap(15)
@pytest.mark.parametrize(
    ("name", "given"),
    [("title", "My.Rule"), ("severity", Severity.MEDIUM), ("description", None), ("reference", None)],
)
def test_a_constant_of_a_functions_name_is_called_and_fails(rule, name, given):
    result = rule(f"{name} = 'high'\n").alert()

    assert result.function_errors[name].kind == "TypeError"
    assert getattr(result, name) == given
