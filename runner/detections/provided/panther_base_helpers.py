"""Small helpers that many rules import; a team's own global helper of this id takes their place."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from runner.detections.walking import walk

_FEWEST_BASE64 = 12
_KEY_PREFIX = 4
_KEY_BYTES = 6
_ACCOUNT_BITS = 0x7FFF_FFFF_FF80
_ACCOUNT_SHIFT = 7


def deep_get(dictionary: Mapping[str, Any], *keys: str, default: Any = None) -> Any:
    """Return the value at the end of a path of keys; the default if a step is missing, no mapping, or null."""
    value: Any = dictionary
    for key in keys:
        if not isinstance(value, Mapping):
            return default
        value = value.get(key)
        if value is None:
            return default
    return value


def deep_walk(obj: Any, *keys: str, default: Any = None, return_val: str = "all") -> Any:
    """Return the distinct values at the end of a path that may lead through lists.

    One value answers for itself and several as a list; `return_val` "first" or "last" picks one of them.
    """
    return walk(obj, keys, default=default, return_val=return_val)


def pattern_match(string_to_match: str, pattern: str) -> bool:
    """Say whether text matches a shell pattern (`*`, `?`, `[seq]`), case and all."""
    return fnmatchcase(string_to_match, pattern)


def pattern_match_list(string_to_match: str, pattern_list: Iterable[str]) -> bool:
    """Say whether text matches one of several shell patterns."""
    return any(pattern_match(string_to_match, pattern) for pattern in pattern_list)


def is_ip_in_network(ip_addr: str, networks: str | Iterable[str]) -> bool:
    """Say whether an address lies in one of the networks, given as `10.0.0.0/8` or as single addresses.

    Raises:
        ValueError: the address or a network is not one.
    """
    address = ipaddress.ip_address(ip_addr)
    several = [networks] if isinstance(networks, str) else networks
    return any(address in ipaddress.ip_network(network, strict=False) for network in several)


def aws_strip_role_session_id(user_identity_arn: str) -> str:
    """Return the ARN of an assumed role without the name of its session, and any other ARN as it is."""
    parts = user_identity_arn.split("/")
    return "/".join(parts[:2]) if ":assumed-role/" in user_identity_arn else user_identity_arn


def aws_key_account_id(aws_key: str) -> str | None:
    """Return the account (12 digits) to which an AWS access key id belongs; None if it is no key id.

    The account is written into the id: base32 after the four letters of its kind, 40 bits after the first.
    """
    try:
        decoded = base64.b32decode(aws_key[_KEY_PREFIX:])
    except binascii.Error:
        return None
    number = int.from_bytes(decoded[:_KEY_BYTES], "big")
    return f"{(number & _ACCOUNT_BITS) >> _ACCOUNT_SHIFT:012d}"


def get_binding_deltas(event: Mapping[str, Any]) -> Sequence[Any]:
    """Return the changes of role bindings that a Google Cloud audit event reports, or an empty list."""
    deltas: Sequence[Any] = deep_get(
        event, "protoPayload", "serviceData", "policyDelta", "bindingDeltas", default=[]
    )
    return deltas


def is_base64(b64: str) -> str:
    """Return the text that is hidden in base64, or "" if there is none (or too little to tell)."""
    if len(b64) < _FEWEST_BASE64:
        return ""
    try:
        return base64.b64decode(b64 + "=" * (-len(b64) % 4), validate=True).decode("ascii")
    except ValueError:
        return ""


def defang_ioc(ioc: str) -> str:
    """Return an address that nobody can click on by mistake: `hxxp://example[.]com`."""
    return ioc.replace("http", "hxxp").replace(".", "[.]")


def key_value_list_to_dict(list_objects: Iterable[Mapping[str, Any]], key: str, value: str) -> dict[Any, Any]:
    """Return a list of `{key: name, value: worth}` as the dict that it stands for."""
    return {entry.get(key): entry.get(value) for entry in list_objects}


def get_val_from_list(
    list_of_dicts: Iterable[Mapping[str, Any]], return_field_key: str, field_cmp_key: str, field_cmp_val: Any
) -> set[Any]:
    """Return the distinct values of one field, of those mappings in which another field has a certain value."""
    return {
        entry.get(return_field_key)
        for entry in list_of_dicts
        if entry.get(field_cmp_key) == field_cmp_val and entry.get(return_field_key)
    }
