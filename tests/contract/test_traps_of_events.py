"""Traps 16 to 25, and 48 to 50: the event, its data model, and what is asked before the rule."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from runner.definitions.data_model import DataModel, FieldMapping
from runner.definitions.location import Location
from runner.definitions.match_expression import Comparison, Condition, KeyTarget, Operator
from runner.definitions.python_source import PythonSource
from runner.definitions.scheduled_rule import ScheduledRule
from runner.definitions.severity import Severity
from runner.definitions.stream_rule import StreamRule
from runner.detections.content import Content, ContentSources
from runner.detections.evaluate import evaluate
from runner.detections.event import Event

HERE = Location(Path("here.yml"))
MODEL = DataModel(
    model_id="Okta",
    enabled=True,
    log_types=("Okta.SystemLog",),
    mappings=(
        FieldMapping(name="actor", path="who.name"),
        FieldMapping(name="kind", method="kind_of"),
    ),
    python=PythonSource(Path("model.py"), "def kind_of(event):\n    return None\n"),
    location=HERE,
)
LOG = {"p_log_type": "Okta.SystemLog", "who": {"name": "ann"}, "p_udm": {"actor": "of p_udm"}}


def common(text="def rule(event): return True\n"):
    return {
        "rule_id": "My.Rule",
        "enabled": True,
        "severity": Severity.LOW,
        "python": PythonSource(Path("my_rule.py"), text),
        "location": HERE,
    }


@pytest.fixture
def content():
    return Content(ContentSources(root=Path(), data_models=(MODEL,)))


def stream_event(content, log):
    return content.event(StreamRule(**common()), log)


def comparing(key, operator, value):
    target = KeyTarget(steps=(key,))
    return Comparison(target=target, condition=Condition(operator=operator), value=value, location=HERE)


@pytest.mark.trap(16)
def test_neither_an_event_is_a_dict_nor_a_list_within_it_a_list():
    event = Event({"list": [1]})

    assert not isinstance(event, dict)
    assert not isinstance(event["list"], list)
    assert isinstance(event, Mapping)
    assert isinstance(event["list"], Sequence)


@pytest.mark.trap(17)
def test_a_slice_of_a_list_is_a_plain_tuple_of_plain_items():
    part = Event({"list": [{"Key": 1}, 2]})["LIST"][0:1]

    assert part == ({"Key": 1},)
    assert (type(part), type(part[0]), "key" in part[0]) == (tuple, dict, False)


@pytest.mark.trap(18)
def test_a_null_answers_get_with_none_and_deep_get_with_the_default():
    event = Event({"k": None})

    assert (event.get("k", "d"), event.deep_get("k", default="d")) == (None, "d")


@pytest.mark.trap(19)
def test_deep_walk_minds_case_and_tells_values_apart_and_unpacks_a_single_one():
    event = Event({"List": [{"a": 1}, {"a": 1}], "Other": [{"a": 1}, {"a": 2}]})

    assert event.deep_walk("List", "a") == 1
    assert event.deep_walk("Other", "a") == [1, 2]
    assert event.deep_walk("list", "a") is None


@pytest.mark.trap(20)
def test_a_mapped_name_asks_its_mapping_alone_and_any_other_takes_what_is_truthy(content):
    without_path = stream_event(content, {**LOG, "who": {}, "zero": 0})

    assert stream_event(content, LOG).udm("actor", default="d") == "ann"
    assert without_path.udm("actor", default="d") == "d"
    assert without_path.udm("kind", default="d") is None
    assert without_path.udm("zero", default="d") == "d"


@pytest.mark.trap(21)
def test_a_scheduled_rule_never_has_a_data_model(content):
    event = content.event(ScheduledRule(queries=("Q",), **common()), LOG)

    assert event.data_model is None
    assert event.udm("actor") == "of p_udm"


@pytest.mark.trap(22)
@pytest.mark.parametrize(
    ("text", "epoch"), [("2024-01-01T00:00:00Z", 0), ("2024-01-01 00:00:00.000", 1_704_067_200)]
)
def test_a_time_that_names_its_zone_has_no_epoch(text, epoch):
    assert Event({"p_event_time": text}).event_time_epoch() == epoch


@pytest.mark.trap(23)
def test_inline_filters_have_no_effect_on_a_scheduled_rule(project):
    project.rule(InlineFilters=[{"KeyPath": "user", "Condition": "Equals", "Value": "nobody"}])

    project.run(0, {"user": "ann"})

    assert project.counts() == [1]


@pytest.mark.trap(24)
def test_an_inline_filter_minds_the_case_of_its_key(content):
    filters = (comparing("foo", Operator.EQUALS, 1),)
    detection = content.load(StreamRule(inline_filters=filters, **common()))

    matched = [evaluate(detection, Event(log)).matched for log in ({"foo": 1}, {"Foo": 1})]

    assert matched == [True, False]


@pytest.mark.trap(25)
def test_a_filter_that_fails_is_an_error_and_the_rule_is_not_asked(content):
    filters = (comparing("ip", Operator.IN_CIDR, "10.0.0.0/8"),)
    python = "asked = []\ndef rule(event):\n    asked.append(1)\n    return True\n"
    detection = content.load(StreamRule(inline_filters=filters, **common(python)))

    result = evaluate(detection, Event({"ip": "no address"}))

    assert (result.matched, result.error.function, result.error.kind) == (False, "filter", "ValueError")
    assert detection.module.asked == []


@pytest.mark.trap(48)
def test_what_a_module_keeps_is_there_for_the_next_event(rule):
    counting = rule(
        "seen = []\ndef rule(event):\n    seen.append(1)\n    return len(seen) == 2\n", matches=False
    )

    matched = [counting.alert().matched for _ in range(3)]

    assert matched == [False, True, False]


@pytest.mark.trap(49)
def test_columns_that_differ_only_by_case_are_both_kept_and_the_first_answers(project):
    project.rule(
        "def rule(event):\n    return True\ndef title(event):\n    return f\"{event['Id']} {len(event)}\"\n"
    )

    project.run(0, {'"ID"': "first", '"id"': "second"})

    assert project.alerts()[0].title.startswith("first 2")


@pytest.mark.trap(50)
@pytest.mark.parametrize("error", ["SystemExit(3)", "KeyboardInterrupt()", "GeneratorExit()"])
def test_a_rule_that_exits_is_an_error_and_does_not_end_the_program(rule, error):
    result = rule(f"def rule(event): raise {error}\n", matches=False).alert()

    assert (result.matched, result.error.kind) == (False, error.partition("(")[0])
