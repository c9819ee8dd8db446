import base64
from collections.abc import Mapping

import pytest

from runner.detections.event import Event
from runner.detections.provided import panther_base_helpers as helpers
from runner.detections.provided import panther_event_type_helpers as event_types


@pytest.mark.parametrize("kind", [dict, Event])
def test_deep_get_follows_a_path_of_plain_and_wrapped_mappings(kind):
    event = kind({"a": {"b": {"c": 0}, "n": None, "l": [1]}})

    assert helpers.deep_get(event, "a", "b", "c", default="d") == 0
    assert helpers.deep_get(event, "a", "n", default="d") == "d"
    assert helpers.deep_get(event, "a", "l", "x", default="d") == "d"
    assert helpers.deep_get(event, "a", "x", "y") is None
    assert isinstance(helpers.deep_get(event, "a", "b"), Mapping)


def test_deep_get_of_an_event_minds_no_case_but_of_a_dict_it_does():
    row = {"A": {"B": 1}}

    assert helpers.deep_get(Event(row), "a", "b") == 1
    assert helpers.deep_get(row, "a", "b") is None


def test_deep_walk_of_an_event_minds_no_case_but_of_a_dict_it_does():
    row = {"R": [{"Arn": "x"}, {"Arn": "y"}]}

    assert helpers.deep_walk(Event(row), "r", "arn") == ["x", "y"]
    assert helpers.deep_walk(row, "r", "arn", default="d") == "d"
    assert helpers.deep_walk(row, "R", "Arn", return_val="last") == "y"


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [("admin.txt", "*.txt", True), ("admin.TXT", "*.txt", False), ("ab", "a?", True), ("ab", "b*", False)],
)
def test_a_pattern_is_a_shell_pattern(text, pattern, matches):
    assert helpers.pattern_match(text, pattern) is matches


def test_one_of_several_patterns_is_enough():
    assert helpers.pattern_match_list("CreateUser", ["Delete*", "Create*"])
    assert not helpers.pattern_match_list("GetUser", ["Delete*", "Create*"])


@pytest.mark.parametrize(
    ("address", "networks", "inside"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", ["192.168.0.0/16", "10.1.2.3"], True),
        ("11.1.2.3", ["10.0.0.0/8"], False),
        ("::1", ["::/64"], True),
        ("10.1.2.3", [], False),
    ],
)
def test_an_address_is_looked_for_in_networks(address, networks, inside):
    assert helpers.is_ip_in_network(address, networks) is inside


@pytest.mark.parametrize(
    ("arn", "stripped"),
    [
        ("arn:aws:sts::123456789012:assumed-role/Admin/ann", "arn:aws:sts::123456789012:assumed-role/Admin"),
        ("arn:aws:sts::123456789012:assumed-role/Admin", "arn:aws:sts::123456789012:assumed-role/Admin"),
        ("arn:aws:iam::123456789012:user/path/ann", "arn:aws:iam::123456789012:user/path/ann"),
    ],
)
def test_a_roles_session_is_stripped(arn, stripped):
    assert helpers.aws_strip_role_session_id(arn) == stripped


@pytest.mark.parametrize("account", [123456789012, 42])
def test_an_access_key_tells_its_account(account):
    written = base64.b32encode(((1 << 47) | (account << 7)).to_bytes(6, "big") + bytes(4)).decode()

    assert helpers.aws_key_account_id("AKIA" + written) == f"{account:012d}"


def test_what_is_no_access_key_tells_nothing():
    assert helpers.aws_key_account_id("AKIA-not-a-key") is None


def test_binding_deltas_are_found():
    deltas = [{"action": "ADD", "role": "roles/owner"}]
    event = Event({"protoPayload": {"serviceData": {"policyDelta": {"bindingDeltas": deltas}}}})

    assert helpers.get_binding_deltas(event) == deltas
    assert helpers.get_binding_deltas(Event({})) == []


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("cG93ZXJzaGVsbC5leGU=", "powershell.exe"),
        ("cG93ZXJzaGVsbC5leGU", "powershell.exe"),  # padding is often lost
        ("YWJj", ""),  # too short to tell
        ("not base64 at all!", ""),
        ("/////////////w==", ""),  # no text
    ],
)
def test_base64_gives_its_text(text, hidden):
    assert helpers.is_base64(text) == hidden


def test_an_address_is_defanged():
    assert helpers.defang_ioc("https://evil.example.com/x") == "hxxps://evil[.]example[.]com/x"


def test_lists_of_pairs_become_dicts_and_sets():
    pairs = [{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "b"}]

    assert helpers.key_value_list_to_dict(pairs[:2], "k", "v") == {"a": 1, "b": 2}
    assert helpers.get_val_from_list(pairs, "v", "k", "b") == {2}


def test_event_types_are_their_own_names_in_lower_case():
    names = {name: value for name, value in vars(event_types).items() if name.isupper()}

    assert names["FAILED_LOGIN"] == "failed_login"
    assert all(value == name.lower() for name, value in names.items())
