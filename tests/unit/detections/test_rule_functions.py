import json

import orjson
import pytest

from runner.definitions.severity import Severity
from runner.detections.evaluate import evaluate, evaluate_test
from runner.detections.event import Event

MATCHES = "def rule(event): return True\n"
DEFAULT_DEDUP = "defaultDedupString:Example.Rule"
BOOM = "raise ValueError('boom')"


def ask(detection, text, row=None, how=evaluate, **facts):
    return how(detection(MATCHES + text, **facts), Event(row or {}))


def returning(function, value):
    return f"def {function}(event): return {value}\n"


@pytest.mark.parametrize("function", ["title", "description", "reference", "runbook", "dedup", "unique"])
@pytest.mark.parametrize(("length", "kept"), [(1000, 1000), (1001, 985)])
def test_a_text_of_more_than_1000_characters_is_cut_and_says_so(detection, function, length, kept):
    result = ask(detection, returning(function, f"'é' * {length}"))

    expected = "é" * kept + ("" if kept == length else "... (truncated)")
    assert getattr(result, function) == expected
    assert len(expected) == 1000
    assert result.function_errors == {}


def test_a_dedup_that_fails_does_not_fall_back_on_the_title(detection):
    for body in ("return None", "return 5", BOOM):
        result = ask(detection, returning("title", "'a title'") + f"def dedup(event): {body}\n")

        assert result.dedup == DEFAULT_DEDUP
        assert result.title == "a title"
        assert set(result.function_errors) == {"dedup"}


def test_without_dedup_the_title_tells_alerts_apart(detection):
    assert ask(detection, returning("title", "'a title'")).dedup == "a title"


def test_a_title_that_raises_makes_both_title_and_dedup_the_id(detection):
    result = ask(detection, f"def title(event): {BOOM}\n", display_name="Example")

    assert (result.title, result.dedup) == ("Example.Rule", "Example.Rule")
    assert result.function_errors["title"].kind == "ValueError"


def test_an_empty_title_is_no_title(detection):
    result = ask(detection, returning("title", "''"), display_name="Example")

    assert (result.title, result.dedup) == ("Example", DEFAULT_DEDUP)
    assert result.outputs["title"] == ""


def test_an_empty_dedup_is_the_default_one(detection):
    result = ask(detection, returning("title", "'t'") + returning("dedup", "''"))

    assert result.dedup == DEFAULT_DEDUP


def test_without_title_and_dedup_all_matches_share_one_alert(detection):
    results = [ask(detection, "", row, display_name="Example") for row in ({"a": 1}, {"a": 2})]

    assert [(result.title, result.dedup) for result in results] == [("Example", DEFAULT_DEDUP)] * 2


def test_without_a_display_name_the_title_is_the_id(detection):
    assert ask(detection, "").title == "Example.Rule"


@pytest.mark.parametrize(
    ("returned", "severity"),
    [
        ("'high'", Severity.HIGH),
        ("'CRITICAL'", Severity.CRITICAL),
        ("'HIGH '", Severity.MEDIUM),  # not stripped
        ("'Default'", Severity.MEDIUM),
        ("''", Severity.MEDIUM),
        ("None", Severity.MEDIUM),
        ("3", Severity.MEDIUM),
        ("'urgent'", Severity.MEDIUM),
    ],
)
def test_a_severity_is_one_of_five_words_in_any_case_or_the_static_one(detection, returned, severity):
    result = ask(detection, returning("severity", returned))

    assert result.severity is severity


@pytest.mark.parametrize(
    ("returned", "kind"),
    [("'urgent'", "AssertionError"), ("'HIGH '", "AssertionError"), ("3", "FunctionReturnTypeError")],
)
def test_in_a_test_a_wrong_severity_is_an_error(detection, returned, kind):
    result = ask(detection, returning("severity", returned), how=evaluate_test)

    assert result.function_errors["severity"].kind == kind
    assert result.outputs["severity"] is None


KNOWN = {
    "Slack": "id-slack",
    "slack": "id-small",
    "Pager": "id-pager",
    **{f"d{n}": f"id-{n}" for n in range(12)},
}


@pytest.mark.parametrize(
    ("returned", "resolved"),
    [
        ("['Slack', 'Pager']", ("id-slack", "id-pager")),
        ("['id-slack']", ("id-slack",)),  # an id is as good as a name
        ("['slack']", ("id-small",)),  # the case counts
        ("['SLACK']", None),
        ("['Slack', 'Slack']", None),  # twice
        ("['Slack', 'id-slack']", None),  # twice, under two names
        ("['Slack', 'nobody']", None),  # one unknown name discards the whole list
        ("None", None),
        ("[]", ("SKIP",)),
        ("['SKIP']", ("SKIP",)),
        ("['Slack', 'SKIP']", ("SKIP",)),
        ("('Slack',)", None),  # no list
        ("'Slack'", None),
        ("['Slack', 5]", None),
        ("[True]", None),
        ("[f'd{n}' for n in range(12)]", tuple(f"id-{n}" for n in range(10))),
    ],
)
def test_destinations_are_resolved_or_left_to_the_default_routing(detection, returned, resolved):
    result = ask(detection, returning("destinations", returned), destinations=KNOWN)

    assert result.destinations == resolved
    assert result.suppressed == (resolved == ("SKIP",))


@pytest.mark.parametrize(
    ("returned", "kind"),
    [
        ("['Slack', 'Slack']", "UnknownDestinationError"),
        ("['nobody']", "UnknownDestinationError"),
        ("('Slack',)", "FunctionReturnTypeError"),
        ("'Slack'", "FunctionReturnTypeError"),
    ],
)
def test_in_a_test_wrong_destinations_are_an_error(detection, returned, kind):
    result = ask(detection, returning("destinations", returned), destinations=KNOWN, how=evaluate_test)

    assert result.function_errors["destinations"].kind == kind


def test_where_no_destinations_are_known_any_name_is_one(detection):
    result = ask(detection, returning("destinations", "['a', 'b', 'a']"))

    assert result.destinations == ("a", "b")


@pytest.mark.parametrize(
    "value", ["float('nan')", "float('inf')", "{1, 2}", "datetime.datetime.now()", "b'x'"]
)
def test_a_context_that_json_cannot_hold_is_replaced_and_the_alert_still_fires(detection, value):
    text = f"import datetime\ndef alert_context(event): return {{'k': {value}}}\n"

    result = ask(detection, text)
    tested = ask(detection, text, how=evaluate_test)

    assert result.matched
    assert list(json.loads(result.context)) == ["_error"]
    assert tested.outputs["alert_context"] is None
    assert tested.function_errors["alert_context"].kind in {"ValueError", "TypeError"}


@pytest.mark.parametrize("value", ["None", "[]", "'text'"])
def test_a_context_that_is_no_mapping_is_an_error(detection, value):
    result = ask(detection, returning("alert_context", value))

    assert "FunctionReturnTypeError" in json.loads(result.context)["_error"]


@pytest.mark.parametrize(("length", "kept"), [(204_800, True), (204_801, False)])
@pytest.mark.parametrize("how", [evaluate, evaluate_test])
def test_a_context_of_more_than_204800_characters_is_replaced_without_an_error(detection, how, length, kept):
    text = returning("alert_context", f"{{'k': 'x' * {length - len(json.dumps({'k': ''}))}}}")

    result = ask(detection, text, how=how)

    context = json.loads(result.context)
    assert list(context) == (["k"] if kept else ["_error"])
    assert result.function_errors == {}


def test_the_event_itself_is_a_context(detection):
    row = {"a": {"B": [1, {"c": None}]}, "n": 1.5}

    result = ask(detection, returning("alert_context", "event"), row)

    assert json.loads(result.context) == row


def test_parts_of_the_event_and_other_mappings_are_written_as_what_they_hold(detection):
    text = "import types\ndef alert_context(event): return {1: event['l'], 'm': types.MappingProxyType({'d': event['d']})}\n"

    result = ask(detection, text, {"l": [1], "d": {"k": 2}})

    assert json.loads(result.context) == {"1": [1], "m": {"d": {"k": 2}}}


def test_an_empty_context_is_an_empty_object(detection):
    assert ask(detection, returning("alert_context", "{}")).context == "{}"
    assert ask(detection, "").context is None


def test_empty_texts_leave_the_static_ones(detection):
    text = "".join(returning(function, "''") for function in ("description", "reference", "runbook"))

    result = ask(detection, text)

    assert (result.description, result.reference, result.runbook) == (None, None, None)


@pytest.mark.parametrize("function", ["title", "severity", "description", "reference"])
def test_a_constant_named_like_a_function_shadows_the_static_value_and_fails(detection, function):
    result = ask(detection, f"{function} = 'text'\n")

    assert result.function_errors[function].kind == "TypeError"


def test_every_function_that_fails_leaves_the_others_alone(detection):
    names = [
        "title",
        "description",
        "reference",
        "severity",
        "runbook",
        "destinations",
        "dedup",
        "alert_context",
        "unique",
    ]

    result = ask(detection, "".join(f"def {name}(event): raise KeyError('{name}')\n" for name in names))

    assert result.matched
    assert list(result.function_errors) == names
    assert (result.description, result.destinations, result.unique) == (None, None, None)
    assert result.severity is Severity.MEDIUM
    assert json.loads(result.context) == {"_error": "KeyError('alert_context')"}


def test_functions_may_be_lambdas_and_take_any_number_of_arguments(detection):
    result = ask(detection, "title = lambda event: 'lambda'\ndef dedup(*args): return str(len(args))\n")

    assert (result.title, result.dedup) == ("lambda", "1")


def test_an_async_function_is_of_a_wrong_type(detection):
    result = ask(detection, "async def title(event): return 'later'\n")

    assert "returned coroutine, expected text" in result.function_errors["title"].message


def test_texts_are_made_storable(detection):
    text = "class Own(str): pass\ndef title(event): return Own('a\\0b\\ud800c\\U0001f600')\n"

    result = ask(detection, text)

    assert result.title == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\U0001f600"
    assert type(result.title) is str


def test_a_context_is_made_storable(detection):
    text = "def alert_context(event): return {'a\\ud800': ['b\\udc00c', '\\U0001f600', r'\\udead']}\n"

    result = ask(detection, text)

    lost = "\N{REPLACEMENT CHARACTER}"
    assert orjson.loads(result.context) == {f"a{lost}": [f"b{lost}c", "\U0001f600", "\\udead"]}
