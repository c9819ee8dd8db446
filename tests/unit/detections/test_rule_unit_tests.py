from pathlib import Path

import pytest

from runner.definitions.location import Location
from runner.definitions.policy import Policy
from runner.definitions.python_source import PythonSource
from runner.definitions.scheduled_rule import ScheduledRule
from runner.definitions.severity import Severity
from runner.definitions.stream_rule import StreamRule
from runner.definitions.unit_test import Mock, UnitTest
from runner.detections.content import Content, ContentSources
from runner.detections.unit_tests import Bench, run_test

HERE = Location(path=Path("example.yml"), line=1, column=1)
MATCHES = "def rule(event): return True\n"


@pytest.fixture
def run():
    """Return a function that runs tests (mappings of fields) of a rule of some text."""

    def run_tests(text, *tests, available=(), content=None, kind=ScheduledRule, **facts):
        own = {Policy: {"policy_id": "Example.Rule"}, StreamRule: {"rule_id": "Example.Rule"}}.get(
            kind, {"rule_id": "Example.Rule", "queries": ("Example",)}
        )
        definition = kind(
            enabled=True,
            severity=Severity.LOW,
            python=PythonSource(path=Path("example.py"), text=text),
            location=HERE,
            tests=tuple(
                UnitTest(**{"name": "a test", "expected_result": True, "log": {}, "location": HERE, **test})
                for test in tests or ({},)
            ),
            **own,
            **facts,
        )
        content = content or Content(ContentSources(root=Path()))
        bench = Bench(
            content=content, definition=definition, detection=content.load(definition), available=available
        )
        results = [run_test(bench, test) for test in definition.tests]
        return results[0] if len(results) == 1 else results

    return run_tests


def shown(result):
    return {output.name: output.error or output.output for output in result.functions}


def test_a_match_that_was_expected_passes(run):
    result = run("def rule(event): return event['A'] == 1\n", {"log": {"a": 1}})

    assert (result.passed, result.matched, result.failures) == (True, True, ())


def test_a_match_that_was_not_expected_fails(run):
    result = run(MATCHES, {"expected_result": False})

    assert result.failures == ("rule: returned true, expected false: example.py:1 in rule",)


def test_a_match_that_did_not_come_fails(run):
    result = run("def rule(event): return False\n")

    assert result.failures == ("rule: returned false, expected true: example.py:1 in rule",)


def test_a_rule_that_returns_none_does_not_return_false(run):
    result = run("def rule(event): return None\n", {"expected_result": False})

    assert result.failures == ("rule: returned NoneType, expected bool: example.py:1 in rule",)


def test_where_no_match_is_expected_other_functions_may_fail(run):
    result = run(
        "def rule(event): return False\ndef title(event): return 1 / 0\n", {"expected_result": False}
    )

    assert result.passed
    assert shown(result) == {"rule": "false"}


def test_where_a_match_is_expected_no_function_may_fail(run):
    result = run(MATCHES + "def title(event): return 1 / 0\ndef unique(event): return 5\n")

    assert result.failures == (
        "title: division by zero: example.py:2 in title",
        "unique: returned int, expected text: example.py:3 in unique",
    )


def test_functions_are_shown_in_panthers_order(run):
    text = (
        MATCHES
        + "def severity(event): return 'high'\n"
        + "def alert_context(event): return {'a': event['a']}\n"
        + "def title(event): return 't'\n"
        + "def destinations(event): return ['slack']\n"
    )

    result = run(text, {"log": {"a": [1]}})

    assert list(shown(result).items()) == [
        ("rule", "true"),
        ("title", "t"),
        ("dedup", "t"),
        ("alertContext", '{"a": [1]}'),
        ("severity", "HIGH"),
        ("destinations", '["slack"]'),
    ]


def test_a_rule_without_alerts_shows_its_context_and_whatever_failed(run):
    text = (
        MATCHES
        + "def title(event): return 5\ndef runbook(event): return 'r'\ndef alert_context(event): return {}\n"
    )

    result = run(text, create_alert=False)

    assert list(shown(result)) == ["rule", "title", "alertContext"]
    assert result.failures == ("title: returned int, expected text: example.py:2 in title",)


def test_a_context_that_is_too_long_passes(run):
    assert run(MATCHES + "def alert_context(event): return {'k': 'x' * 204_801}\n").passed


def test_a_mock_stands_in_for_a_name_of_the_module_during_one_test(run):
    text = "def outside(): return 'real'\ndef rule(event): return outside() == 'mocked'\n"

    results = run(
        text,
        {"mocks": (Mock(object_name="outside", return_value="mocked"),)},
        {"expected_result": False},
    )

    assert [result.passed for result in results] == [True, True]


def test_a_mocked_constant_is_a_genuine_magic_mock(run):
    text = (
        "import json\nfrom unittest.mock import MagicMock\nALLOWED = ['a']\n"
        "def rule(event):\n"
        "    assert list(ALLOWED) == [] and 'a' not in ALLOWED\n"
        "    return isinstance(ALLOWED, MagicMock) and json.loads(ALLOWED()) == ['b']\n"
    )

    assert run(text, {"mocks": (Mock(object_name="ALLOWED", return_value='["b"]'),)}).passed


def test_what_python_itself_provides_can_be_mocked_and_is_back_afterwards(run):
    text = "def rule(event): return open('nowhere') == 'mocked'\n"

    results = run(text, {"mocks": (Mock(object_name="open", return_value="mocked"),)}, {})

    assert [result.passed for result in results] == [True, False]
    assert "No such file" in results[1].failures[0]


@pytest.mark.parametrize("name", ["nothing", "json.loads", ""])
def test_a_mock_of_a_name_that_the_module_does_not_have_fails_and_names_it(run, name):
    result = run("import json\n" + MATCHES, {"mocks": (Mock(object_name=name, return_value=True),)})

    assert not result.passed
    assert repr(name) in result.failures[0]


@pytest.mark.parametrize("log", ["text", None, [1]])
def test_a_log_that_is_no_mapping_fails(run, log):
    result = run(MATCHES, {"log": log})

    assert result.failures == (f"Log is {type(log).__name__}, expected a mapping",)


def test_state_of_the_module_lives_from_test_to_test(run):
    text = "seen = []\ndef rule(event):\n    seen.append(1)\n    return len(seen) == 2\n"

    results = run(text, {"expected_result": False}, {"expected_result": True})

    assert [result.passed for result in results] == [True, True]


def test_a_rule_cannot_change_the_row_that_the_tests_share(run):
    log = {"a": {"b": 1}}

    result = run("def rule(event):\n    event.raw_view()['a'].clear()\n    return True\n", {"log": log})

    assert result.passed
    assert log == {"a": {"b": 1}}


def test_what_a_rule_prints_is_kept(run, capsys):
    result = run(
        "import sys\ndef rule(event):\n    print('out')\n    print('err', file=sys.stderr)\n    return True\n"
    )

    assert result.printed == "out\nerr\n"
    assert capsys.readouterr() == ("", "")


def naming(*destinations):
    return MATCHES + f"def destinations(event): return {list(destinations)}\n"


@pytest.mark.parametrize(
    ("returned", "available", "expected", "passes"),
    [
        (("slack",), (), None, True),  # without names, any name is known
        (("slack", "slack"), (), None, True),
        (("slack",), ("slack",), None, True),
        (("pager",), ("slack",), None, False),
        (("slack", "slack"), ("slack",), None, False),  # named twice
        (("SKIP",), (), None, True),
        (("SKIP",), ("slack",), None, False),  # Panther's tool takes it for an unknown name
        (("SKIP",), ("slack",), ("SKIP",), True),
        (("a", "b"), (), ("b", "a"), True),  # in any order
        (("a",), (), ("a", "b"), False),
        (("c",), (), ("a",), False),
        ((), (), (), True),  # expecting none is expecting SKIP
        (("a",), ("a",), (), False),
    ],
)
def test_destinations_are_compared_with_those_known_and_expected(run, returned, available, expected, passes):
    result = run(naming(*returned), {"expected_destinations": expected}, available=available)

    assert result.passed == passes


def test_expecting_destinations_of_a_rule_that_names_none_fails(run):
    result = run(MATCHES, {"expected_destinations": ("slack",)})

    assert result.failures == ('destinations: [], expected ["slack"]',)


def test_a_data_model_is_never_attached(run):
    text = "def rule(event): return event.data_model is None and event.udm('user') == 'ann'\n"

    assert run(text, {"log": {"p_log_type": "Okta.SystemLog", "user": "ann"}}).passed


def test_inline_filters_have_no_effect(run):
    filters = ({"KeyPath": "foo", "Condition": "Equals", "Value": "never"},)

    assert run(MATCHES, inline_filters=filters).passed
