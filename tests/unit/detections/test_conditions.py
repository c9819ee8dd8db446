"""Conditions written in YAML: inline filters, and the rules that are made of them."""

import json
from pathlib import Path

import pytest

from runner.definitions.condition_names import CONDITIONS
from runner.definitions.location import Location
from runner.definitions.match_expression import (
    Combination,
    Comparison,
    Constant,
    EnrichmentTarget,
    KeyComparison,
    KeyTarget,
    ListComparison,
    Quantifier,
)
from runner.definitions.severity import Severity
from runner.definitions.simple_detection import DynamicSeverity, SimpleDetection
from runner.definitions.stream_rule import StreamRule
from runner.detections import simple
from runner.detections.conditions import predicate_of
from runner.detections.evaluate import evaluate
from runner.detections.event import Event

HERE = Location(Path("here.yml"))


def target(*steps):
    return KeyTarget(steps=steps)


def asks(name, value, *steps):
    return Comparison(target=target(*steps), condition=CONDITIONS[name], value=value, location=HERE)


def all_of(*members, quantifier=Quantifier.ALL):
    return Combination(quantifier=quantifier, members=members, location=HERE)


def holds(expression, event):
    return predicate_of(expression)(Event(event))


@pytest.mark.parametrize(
    ("name", "written", "true", "false"),
    [
        ("Equals", "a", ["a"], ["A", "b", None, 1]),
        ("Equals", 1, [1, 1.0], ["1"]),
        ("Equals", True, [True], [1, "true"]),
        ("DoesNotEqual", "a", ["A", None, 1], ["a"]),
        ("IEquals", "aB", ["Ab", "AB"], ["a"]),
        ("StartsWith", "ab", ["abc"], ["cab", 5, None]),
        ("DoesNotStartWith", "ab", ["cab", None], ["abc"]),
        ("IStartsWith", "AB", ["abc"], ["b"]),
        ("EndsWith", "bc", ["abc"], ["bca"]),
        ("DoesNotEndWith", "bc", ["x"], ["abc"]),
        ("IEndsWith", "BC", ["abc"], ["x"]),
        ("Contains", "b", ["abc", ["a", "b"], {"b": 1}], ["x", ["bb"], None, 7]),
        ("DoesNotContain", "b", ["x", ["a"], None], ["abc"]),
        ("IContains", "B", ["abc", ["b"]], ["x"]),
        ("IsGreaterThan", 5, [6, 5.5], [5, 4, None]),
        ("IsGreaterThanOrEquals", 5, [5, 6], [4]),
        ("IsLessThan", 5, [4], [5, None]),
        ("IsLessThanOrEqualTo", 5, [5], [6]),
        ("IsIn", ("a", 1), ["a", 1], ["b", None, True]),
        ("IsNotIn", ("a", 1), ["b", None], ["a"]),
        ("IsIPAddressInCIDR", "10.0.0.0/8", ["10.1.1.1", ["192.0.2.1", "10.1.1.1"]], ["192.0.2.1", None]),
        ("IsIPAddressNotInCIDR", "10.0.0.0/8", ["192.0.2.1", None], ["10.1.1.1"]),
        ("IsIPAddress", None, ["10.1.1.1", "::1"], ["x", None, 5]),
        ("IsIPv4Address", None, ["10.1.1.1"], ["::1"]),
        ("IsIPv6Address", None, ["::1"], ["10.1.1.1"]),
        ("IsIPAddressPublic", None, ["8.8.8.8"], ["10.1.1.1", None]),
        ("IsIPAddressPrivate", None, ["10.1.1.1"], ["8.8.8.8"]),
        ("IsNull", None, [None], ["", 0]),
        ("IsNotNull", None, ["", 0], [None]),
        ("IsEmpty", None, ["", [], {}, None], ["x", 0]),
        ("IsNotEmpty", None, ["x", 0], ["", [], None]),
        ("IsNullOrEmpty", None, [None, "", []], ["x"]),
        ("Exists", None, [None, "", "x"], []),
    ],
)
def test_a_condition_holds_for_some_values_and_not_for_others(name, written, true, false):
    found = [[holds(asks(name, written, "k"), {"k": value}) for value in values] for values in (true, false)]

    assert found == [[True] * len(true), [False] * len(false)]


@pytest.mark.parametrize(
    ("name", "written", "expected"),
    [
        ("Equals", "a", False),
        ("DoesNotEqual", "a", True),
        ("IsGreaterThan", 5, False),
        ("IsIn", ("a",), False),
        ("IsNotIn", ("a",), True),
        ("IsIPAddressInCIDR", "10.0.0.0/8", False),
        ("IsIPAddressNotInCIDR", "10.0.0.0/8", True),
        ("IsIPAddressPublic", None, False),
        ("Exists", None, False),
        ("DoesNotExist", None, True),
        ("IsNull", None, True),
        ("IsNullOrEmpty", None, True),
        ("IsNotNullOrEmpty", None, False),
    ],
)
def test_what_is_not_there_fulfils_only_what_is_negated_or_asks_for_nothing(name, written, expected):
    assert holds(asks(name, written, "k"), {}) is expected


@pytest.mark.parametrize(("name", "value"), [("IsGreaterThan", "text"), ("IsIPAddressInCIDR", "no address")])
def test_values_that_cannot_be_compared_are_an_error(name, value):
    written = 5 if name == "IsGreaterThan" else "10.0.0.0/8"

    with pytest.raises((TypeError, ValueError)):
        holds(asks(name, written, "k"), {"k": value})


@pytest.mark.parametrize(
    ("steps", "value"),
    [
        (("a", "b"), 1),
        (("l", 0, "x"), 1),
        (("l", -1, "x"), 2),
        (("l", None, "x"), [1, 2]),
        (("l", 5), None),
        (("A", "b"), None),  # the case of keys counts
    ],
)
def test_a_path_leads_through_mappings_and_lists(steps, value):
    event = {"a": {"b": 1}, "l": [{"x": 1}, {"x": 2}, {}][:2]}

    assert holds(asks("Equals", value, *steps), event) is (value is not None)


@pytest.mark.parametrize(
    ("quantifier", "expected"),
    [
        (Quantifier.ALL, [True, False, False]),
        (Quantifier.ANY, [True, True, False]),
        (Quantifier.ONLY_ONE, [False, True, False]),
        (Quantifier.NONE, [False, False, True]),
    ],
)
def test_a_combination_counts_its_members(quantifier, expected):
    members = (asks("Equals", 1, "a"), asks("Equals", 1, "b"))

    found = [
        holds(all_of(*members, quantifier=quantifier), event) for event in ({"a": 1, "b": 1}, {"a": 1}, {})
    ]

    assert found == expected


@pytest.mark.parametrize(
    ("quantifier", "expected"),
    [
        (Quantifier.ALL, [True, False, False]),
        (Quantifier.ANY, [True, True, False]),
        (Quantifier.ONLY_ONE, [False, True, False]),
        (Quantifier.NONE, [False, False, True]),
    ],
)
def test_a_list_is_asked_element_by_element(quantifier, expected):
    expression = ListComparison(
        target=target("l"), quantifier=quantifier, expression=all_of(asks("Equals", 1, "x")), location=HERE
    )

    found = [holds(expression, {"l": [{"x": 1}, {"x": second}]}) for second in (1, 2)]

    assert [*found, holds(expression, {"l": "no list"})] == expected


def test_an_element_may_be_compared_itself():
    expression = ListComparison(
        target=target("l"),
        quantifier=Quantifier.ANY,
        expression=all_of(asks("Equals", "b")),
        location=HERE,
    )

    assert [holds(expression, {"l": values}) for values in (["a", "b"], ["a"], [])] == [True, False, False]


def test_two_values_of_the_event_are_compared_with_each_other():
    expression = KeyComparison(
        left=target("a"), right=target("b"), condition=CONDITIONS["Equals"], location=HERE
    )

    assert [holds(expression, event) for event in ({"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1})] == [
        True,
        False,
        False,
    ]


def test_an_enrichment_is_found_below_its_table_and_selector():
    place = EnrichmentTarget(table="users", selector="actor.name", field_path=("team",))
    expression = Comparison(target=place, condition=CONDITIONS["Equals"], value="blue", location=HERE)

    found = holds(expression, {"p_enrichment": {"users": {"actor.name": {"team": "blue"}}}})

    assert found


def test_constants_need_no_event():
    assert [holds(Constant(value=value, location=HERE), {}) for value in (True, False)] == [True, False]


def load(detection=None, **parts):
    rule = StreamRule(
        rule_id="A.Rule",
        enabled=True,
        severity=Severity.LOW,
        location=HERE,
        simple=SimpleDetection(detection=detection or all_of(asks("Equals", 1, "n")), **parts),
    )
    return simple.load(rule, rule.simple, None)


def test_a_simple_detection_matches_as_its_conditions_say():
    detection = load()

    results = [evaluate(detection, Event({"n": number})) for number in (1, 2)]

    assert [result.matched for result in results] == [True, False]
    assert (results[0].title, results[0].dedup) == ("A.Rule", "defaultDedupString:A.Rule")


def test_a_simple_detection_makes_the_parts_of_its_alert():
    detection = load(
        alert_title="{who.name} from {ips[0]}{nothing}",
        alert_context=(("name", target("who", "name")), ("all", target("ips")), ("none", target("x"))),
        group_by=(target("who", "name"), target("n")),
        dynamic_severities=(
            DynamicSeverity(
                severity=Severity.CRITICAL, conditions=all_of(asks("Equals", "root", "who", "name"))
            ),
            DynamicSeverity(severity=Severity.HIGH, conditions=all_of(asks("Exists", None, "ips"))),
        ),
    )

    result = evaluate(detection, Event({"n": 1, "who": {"name": "ann"}, "ips": ["10.0.0.1"]}))

    assert (result.title, result.dedup, result.severity) == ("ann from 10.0.0.1", "ann:1", Severity.HIGH)
    assert json.loads(result.context) == {"name": "ann", "all": ["10.0.0.1"], "none": None}


def test_a_condition_that_fails_is_an_error_of_the_rule():
    result = evaluate(load(all_of(asks("IsGreaterThan", 5, "n"))), Event({"n": "many"}))

    assert (result.matched, result.error.function, result.error.kind) == (False, "rule", "TypeError")
