import collections
import json
from collections.abc import Mapping, Sequence

import pytest

from runner.detections.event import Event, ImmutableCaseInsensitiveDict, ImmutableList, PantherError


@pytest.fixture
def event():
    return Event(
        {
            "eventName": "ConsoleLogin",
            "Nothing": None,
            "count": 0,
            "userIdentity": {"Type": "Root", "groups": ["a", {"Name": "b"}], "empty": ""},
            "list": [1, {"Key": "v"}, [2]],
        }
    )


def test_a_key_is_found_in_any_case_at_every_level(event):
    found = event["USERIDENTITY"]["GROUPS"][1]["name"]

    assert found == "b"
    assert event.get("EVENTNAME") == "ConsoleLogin"
    assert "eventname" in event
    assert "nope" not in event


def test_an_exact_key_wins_over_one_in_another_case():
    event = Event({"dup": 1, "DUP": 2})

    assert [event["dup"], event["DUP"]] == [1, 2]


def test_of_keys_that_differ_only_by_case_the_first_answers():
    event = Event({"ID": "first", "id": "second"})

    assert event["Id"] == "first"
    assert len(event) == 2


def test_a_key_beyond_ascii_is_found_in_any_case():
    event = Event({"Größe": 1, "İ": 2})

    assert [event.get("GRÖßE"), event.get("İ".lower())] == [1, 2]


def test_a_missing_key_is_an_error_by_its_own_name(event):
    with pytest.raises(KeyError, match="Missing"):
        event["Missing"]


def test_get_of_a_null_is_none_whatever_the_default_but_deep_get_gives_the_default(event):
    assert event.get("nothing", "d") is None
    assert event.deep_get("nothing", default="d") == "d"
    assert event.get("missing", "d") == "d"


def test_a_key_that_is_no_text_and_not_there_is_an_attribute_error(event):
    with pytest.raises(AttributeError):
        event.get(5)
    with pytest.raises(AttributeError):
        5 in event  # noqa: B015 - the question itself is what fails


def test_an_event_is_a_mapping_but_no_dict(event):
    assert isinstance(event, Mapping)
    assert not isinstance(event, dict)


def test_a_nested_list_is_a_sequence_but_no_list(event):
    assert isinstance(event["list"], Sequence)
    assert not isinstance(event["list"], list)
    assert isinstance(event["list"], ImmutableList)
    assert isinstance(event["userIdentity"], ImmutableCaseInsensitiveDict)


@pytest.mark.parametrize("value", [(1, {"a": 1}), {1, 2}, b"raw"])
def test_what_is_neither_dict_nor_list_comes_raw(value):
    event = Event({"k": value})

    assert event["k"] is value


def test_nothing_in_an_event_can_be_set_or_removed(event):
    for change in (
        "event['x'] = 1",
        "del event['count']",
        "event['list'][0] = 1",
        "event['userIdentity']['x'] = 1",
    ):
        with pytest.raises(TypeError):
            exec(change, {"event": event})  # noqa: S102 - four statements of our own
    for method in ("update", "pop", "setdefault", "clear", "popitem"):
        assert not hasattr(event, method)
    for method in ("append", "extend", "sort", "pop", "insert", "remove"):
        assert not hasattr(event["list"], method)
    with pytest.raises(AttributeError):
        event.anything = 1


def test_events_and_lists_do_not_combine(event):
    for left, right in ((event, {}), ({}, event)):
        with pytest.raises(TypeError):
            left | right
    with pytest.raises(TypeError):
        event["list"] + [1]


def test_events_and_lists_are_unhashable(event):
    for value in (event, event["list"], event["userIdentity"]):
        with pytest.raises(TypeError):
            hash(value)


def test_an_event_spreads_into_a_dict_of_wrapped_values(event):
    spread = {**event}

    assert list(spread) == ["eventName", "Nothing", "count", "userIdentity", "list"]
    assert isinstance(spread["userIdentity"], ImmutableCaseInsensitiveDict)
    assert all(isinstance(value, ImmutableList) for key, value in event.items() if key == "list")
    assert list(event.values())[:3] == ["ConsoleLogin", None, 0]


def test_an_empty_event_is_falsy():
    assert not Event({})


def test_equality_minds_the_case_of_keys():
    event = Event({"a": {"B": [1]}})

    assert event == {"a": {"B": [1]}}
    plain = {"a": {"B": [1]}}
    assert plain == event
    assert event == Event({"a": {"B": [1]}})
    assert event != {"A": {"B": [1]}}
    assert event != 5


def test_a_list_equals_lists_and_tuples(event):
    items = event["userIdentity"]["groups"]

    assert items == ["a", {"Name": "b"}]
    assert items == ("a", {"Name": "b"})
    assert items != ["a"]
    assert items != "ab"


def test_a_slice_of_a_list_is_a_plain_tuple_of_unwrapped_items(event):
    part = event["LIST"][0:2]

    assert part == (1, {"Key": "v"})
    assert type(part) is tuple
    assert type(part[1]) is dict


def test_a_list_does_what_sequences_do(event):
    items = event["list"]

    assert len(items) == 3
    assert 1 in items
    assert {"Key": "v"} in items
    assert items.index(1) == 0
    assert items.count(1) == 1
    assert [type(item) for item in items] == [int, ImmutableCaseInsensitiveDict, ImmutableList]
    assert next(reversed(items)) == [2]


def test_json_takes_an_event_only_with_its_encoder(event):
    with pytest.raises(TypeError):
        json.dumps(event)

    assert json.loads(json.dumps(event, default=Event.json_encoder)) == event
    assert json.dumps([event["list"]], default=Event.json_encoder) == '[[1, {"Key": "v"}, [2]]]'
    with pytest.raises(TypeError, match="set"):
        json.dumps({1}, default=Event.json_encoder)


def test_text_of_an_event_names_its_class():
    event = Event({"d": {"k": 1}, "l": [1, 2]})

    assert str(event) == "PantherEvent({'d': {'k': 1}, 'l': [1, 2]})"
    assert str(event["d"]) == "ImmutableCaseInsensitiveDict({'k': 1})"
    assert repr(event["l"]) == "ImmutableList((1, 2))"


def test_copies_are_plain_and_deep():
    inner = {"k": [1, {"x": {2}}]}
    event = Event({"d": inner})

    for copied in (event.to_dict(), event.copy()):
        copied["d"]["k"][1]["x"].add(3)
        copied["d"]["k"].append(4)

    assert inner == {"k": [1, {"x": {2}}]}
    assert type(event.to_dict()["d"]["k"]) is list
    assert event["d"]["k"].copy() == event["d"]["k"].as_list() == [1, {"x": {2}}]


def test_the_raw_view_is_what_lies_inside():
    inner = {"k": [1]}
    event = Event({"d": inner})

    assert event["d"].raw_view() is inner
    assert event["d"]["k"].raw_view() is inner["k"]


def test_an_event_copies_its_top_level_only():
    row = {"a": 1, "d": {"k": 1}}
    event = Event(row)

    row["a"] = 2
    row["d"]["k"] = 2

    assert event == {"a": 1, "d": {"k": 2}}


def test_an_event_can_be_made_of_an_event(event):
    again = Event(event)

    assert again == event
    assert type(again.raw_view()["userIdentity"]) is dict


def test_deep_get_keeps_values_that_are_falsy(event):
    assert event.deep_get("count", default=5) == 0
    assert event.deep_get("userIdentity", "empty", default=5) == ""
    assert Event({"a": {"l": []}}).deep_get("a", "l", default=5) == []


def test_deep_get_gives_the_default_for_a_step_that_is_missing_or_no_mapping(event):
    assert event.deep_get("userIdentity", "nope", "more", default="d") == "d"
    assert event.deep_get("eventName", "more", default="d") == "d"
    assert event.deep_get("list", "Key", default="d") == "d"
    assert event.deep_get("list", 0, default="d") == "d"
    assert event.deep_get("nope") is None


def test_deep_get_without_keys_is_the_event_itself(event):
    assert event.deep_get() is event


def test_deep_get_works_on_nested_mappings_in_any_case(event):
    assert event["userIdentity"].deep_get("TYPE") == "Root"
    assert event.deep_get("USERIDENTITY", "type") == "Root"
    assert isinstance(event.deep_get("USERIDENTITY", "GROUPS"), ImmutableList)


def test_deep_get_passes_through_other_kinds_of_mapping():
    event = Event({"a": collections.OrderedDict(B={"a": {"c": 1}}), "e": Event({"X": 1})})

    assert event.deep_get("a", "b", "a", "C") == 1
    assert event.deep_get("E", "x") == 1
    assert event.deep_get("a", "b", "nope", default="d") == "d"
    assert event.deep_get("a", "nope", "c", default="d") == "d"


def test_deep_walk_passes_through_lists_and_tells_values_apart():
    event = Event({"r": [{"arn": "x"}, {"arn": "y"}, {"arn": "x"}, {"other": 1}, 5]})

    assert event.deep_walk("r", "arn") == ["x", "y"]
    assert event.deep_walk("r", "arn", return_val="first") == "x"
    assert event.deep_walk("r", "arn", return_val="last") == "y"
    assert event.deep_walk("r", "other") == 1
    assert event.deep_walk("r", "arn", return_val="some") == "all"


def test_deep_walk_takes_apart_the_lists_at_the_end_of_lists():
    event = Event({"r": [{"ips": ["a", "b"]}, {"ips": ["b", "c"]}]})

    assert event.deep_walk("r", "ips") == ["a", "b", "c"]


def test_deep_walk_minds_the_case_of_keys():
    assert Event({"A": {"B": 1}}).deep_walk("a", "b", default="d") == "d"


def test_deep_walk_gives_the_default_when_nothing_is_there():
    event = Event({"a": {"l": [], "n": None}, "r": [{}, {}]})

    assert event.deep_walk("a", "l", default="d") == "d"
    assert event.deep_walk("a", "n", default="d") == "d"
    assert event.deep_walk("r", "x", default="d") == "d"
    assert event.deep_walk("x") is None


def test_deep_walk_into_a_scalar_is_the_default():
    event = Event({"a": 5, "r": [{"b": 1}, {"b": {"c": 2}}]})

    assert event.deep_walk("a", "b") is None
    assert event.deep_walk("a", "b", default="d") == "d"
    assert event.deep_walk("r", "b", "c") == 2
    assert event.deep_walk("r", "b", "c", default="d") == ["d", 2]  # so Panther does: once for each such item


def test_deep_walk_gives_raw_containers():
    event = Event({"a": {"b": {"c": 1}, "l": [1, 1]}})

    assert type(event.deep_walk("a", "b")) is dict
    assert event.deep_walk("a", "l") == [1, 1]
    assert type(event.deep_walk("a", "l")) is list


def test_deep_walk_cannot_tell_mappings_within_lists_apart():
    with pytest.raises(TypeError, match="unhashable"):
        Event({"a": [{"b": {"c": 1}}]}).deep_walk("a", "b")


def test_udm_of_a_scheduled_rules_event_never_asks_a_data_model():
    event = Event(
        {"p_log_type": "AWS.CloudTrail", "p_udm": {"user": "from udm"}, "source_ip": "1.2.3.4", "zero": 0}
    )

    assert event.data_model is None
    assert event.udm("user") == "from udm"
    assert event.udm("source_ip") == "1.2.3.4"
    assert event.udm("zero", default="d") == "d"
    assert event.udm("nope") is None


def test_udm_path_needs_a_data_model(event):
    with pytest.raises(PantherError, match="data model"):
        event.udm_path("user")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-01-01 00:00:00.000", 1704067200),  # as the lake writes times
        ("2024-01-01T00:00:00Z", 0),  # Panther adds a zone of its own, and two zones cannot be read
        ("whenever", 0),
        (None, 0),
    ],
)
def test_event_time_in_seconds(text, seconds):
    assert Event({"p_event_time": text}).event_time_epoch() == seconds


def test_event_time_that_names_its_zone_can_be_read_when_asked_so():
    event = Event({"P_EVENT_TIME": "2024-01-01T00:00:00Z"})

    assert event.event_time_epoch(force_utc=False) == 1704067200
    assert event.event_time_epoch(False) == 1704067200
    assert Event({}).event_time_epoch() == 0


def test_event_time_that_is_no_text_is_a_type_error():
    with pytest.raises(TypeError):
        Event({"p_event_time": 5}).event_time_epoch()


def test_lookup_reads_what_a_test_mocks():
    event = Event({"_mocked_lookup_data_": {"Users": {"ann": {"team": "red"}}}})

    assert event.lookup("users", "ANN") == {"team": "red"}
    assert event.lookup("users", "bob") is None
    assert Event({}).lookup("users", "ann") is None


def test_an_event_may_be_built_when_it_is_first_needed():
    class LateEvent(Event):
        """Stands for the events made of columns: all but the hot methods go through `_container`."""

        __slots__ = ("_made",)

        def __init__(self):
            self._made = None

        @property
        def _container(self):
            self._made = self._made or {"A": {"b": 1}, "l": [1]}
            return self._made

    event = LateEvent()

    assert event == {"A": {"b": 1}, "l": [1]}
    assert event.deep_get("a", "B") == 1
    assert event.get("a")["B"] == 1
    assert str(event) == "PantherEvent({'A': {'b': 1}, 'l': [1]})"
    assert event.deep_walk("A", "b") == 1
    assert json.dumps(event, default=Event.json_encoder) == '{"A": {"b": 1}, "l": [1]}'
