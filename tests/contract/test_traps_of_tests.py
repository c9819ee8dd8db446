"""Traps 38 (of a log), 40 to 45: the unit tests of a detection, and what it imports."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.clock import FrozenClock
from runner.definitions.catalogue import read_catalogue
from runner.detections.cache import MemoryCache
from runner.detections.caching_functions import CachingFunctions
from runner.detections.content import Content, ContentSources
from runner.detections.unit_tests import Bench, run_test

NOW = datetime(2026, 1, 15, tzinfo=UTC)


@pytest.fixture
def clock():
    return FrozenClock(NOW)


@pytest.fixture
def caching(clock):
    now = lambda: clock.now().timestamp()  # noqa: E731  the clock's only use here
    return CachingFunctions(MemoryCache(now), now)


@pytest.fixture
def verdicts(project):
    """Return a function that writes a rule with tests, and says for each whether it passes."""

    def judge(text, *tests, rule_id="My.Rule", **keys):
        tests = [{"Name": "a test", "ExpectedResult": True, "Log": {}, **test} for test in tests]
        project.rule(text, rule_id, Tests=tests, **keys)
        catalogue = read_catalogue(project.root)
        assert catalogue.errors == ()
        content = Content(ContentSources.of(catalogue))
        definition = catalogue.rules[rule_id]
        bench = Bench(content=content, definition=definition, detection=content.load(definition))
        return [run_test(bench, test).passed for test in definition.tests]

    return judge


@pytest.mark.trap(40)
def test_a_global_is_imported_by_its_id_whatever_its_file_is_called(project, verdicts):
    project.write(
        "global_helpers/a_helper",
        "NAME = 'x'\n",
        AnalysisType="global",
        GlobalID="our_helpers",
        Filename="other.py",
    )

    passed = verdicts("from our_helpers import NAME\ndef rule(event):\n    return NAME == 'x'\n", {})

    assert passed == [True]


@pytest.mark.trap(41)
@pytest.mark.parametrize(("name", "passes"), [("allowed", True), ("nothing", False), ("json.loads", False)])
def test_only_a_name_of_the_module_can_be_mocked(verdicts, name, passes):
    rule = "import json\ndef allowed():\n    return False\ndef rule(event):\n    return allowed() or True\n"

    passed = verdicts(rule, {"Mocks": [{"objectName": name, "returnValue": True}]})

    assert passed == [passes]


@pytest.mark.trap(41)
def test_a_mocked_constant_is_a_genuine_magic_mock(verdicts):
    rule = (
        "import json\nfrom unittest.mock import MagicMock\nALLOWED = ['a']\n"
        "def rule(event):\n    return isinstance(ALLOWED, MagicMock) and json.loads(ALLOWED()) == ['b']\n"
    )

    passed = verdicts(rule, {"Mocks": [{"objectName": "ALLOWED", "returnValue": '["b"]'}]})

    assert passed == [True]


@pytest.mark.trap(42)
@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        ("def rule(event):\n    return None\n", False),
        ("def rule(event):\n    return False\ndef title(event):\n    return 1 / 0\n", True),
    ],
)
def test_where_no_match_is_expected_the_rule_has_to_say_so_and_the_rest_may_fail(verdicts, rule, passes):
    assert verdicts(rule, {"ExpectedResult": False}) == [passes]


@pytest.mark.trap(43)
def test_a_policy_gets_a_plain_dict_of_its_own_and_alerts_by_false(project):
    project.write(
        "policies/p",
        "def policy(resource):\n"
        "    assert type(resource) is dict and 'NAME' not in resource\n"
        "    resource['tags'].append('seen')\n"
        "    return len(resource['tags']) > 1\n",
        AnalysisType="policy",
        PolicyID="My.Policy",
        Enabled=True,
        Filename="p.py",
        Severity="Low",
        Tests=[
            {"Name": "bad", "ExpectedResult": False, "Resource": {"name": "x", "tags": []}},
            {"Name": "good", "ExpectedResult": True, "Resource": {"name": "x", "tags": ["a"]}},
        ],
    )
    catalogue = read_catalogue(project.root)
    content = Content(ContentSources.of(catalogue))
    (policy,) = catalogue.policies.values()
    bench = Bench(content=content, definition=policy, detection=content.load(policy))

    results = [run_test(bench, test) for test in (*policy.tests, *policy.tests)]

    assert [(result.passed, result.matched) for result in results] == [(True, True), (True, False)] * 2


@pytest.mark.trap(44)
def test_putting_texts_wipes_the_counter_and_a_counter_restarts_after_its_time(caching, clock):
    caching.increment_counter("k", 4)
    caching.put_string_set("k", ["a"])
    wiped = caching.get_counter("k")
    caching.increment_counter("other", 4, 60)
    clock.advance(timedelta(minutes=2))

    assert (wiped, caching.increment_counter("other", 3)) == (0, 3)


@pytest.mark.trap(45)
@pytest.mark.parametrize("given", [3600, NOW.timestamp() + 3600])
def test_3600_seconds_count_from_now_and_a_moment_is_a_moment(caching, clock, given):
    caching.increment_counter("k", 1, given)
    clock.advance(timedelta(seconds=3599))
    before = caching.get_counter("k")
    clock.advance(timedelta(seconds=1))

    assert (before, caching.get_counter("k")) == (1, 0)


def test_the_file_of_a_test_is_named_as_it_lies_in_the_project(project):
    project.rule(Tests=[{"Name": "a test", "ExpectedResult": True, "Log": {}}])

    (test,) = read_catalogue(project.root).rules["My.Rule"].tests

    assert test.location.path == Path("rules/My.Rule.yml")
