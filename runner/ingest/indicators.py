"""What can be asked of any log: addresses, names, accounts; found in declared fields, kept in the `p_any_*` columns.

The columns and the scanners are Panther's.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Found = tuple[str, str]
"""A `p_any_*` column, and a value for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scanner:
    """Looks for indicators in a text; `columns` are those that it can fill, each with one value at most."""

    columns: tuple[str, ...]
    scan: Callable[[str], Iterator[Found]]


_IPS = "p_any_ip_addresses"
_DOMAINS = "p_any_domain_names"
_ARNS = "p_any_aws_arns"
_ACCOUNTS = "p_any_aws_account_ids"
_INSTANCES = "p_any_aws_instance_ids"
_EMAILS = "p_any_emails"
_USERNAMES = "p_any_usernames"
_MACS = "p_any_mac_addresses"

_ACCOUNT = re.compile(r"\d{12}")
_INSTANCE = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_ARN = re.compile(r"arn:aws[a-z-]*:[^:]*:[^:]*:(?P<account>[^:]*):.+", re.DOTALL)
_DOMAIN = re.compile(r"(?:[a-z0-9_*](?:[a-z0-9_-]*[a-z0-9_])?\.)+(?:[a-z]{2,}|xn--[a-z0-9-]+)", re.IGNORECASE)
_MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]+", re.IGNORECASE)


def _ip(value: str) -> Iterator[Found]:
    try:
        yield _IPS, str(ipaddress.ip_address(value))
    except ValueError:
        return


def _domain(value: str) -> Iterator[Found]:
    name = value.rstrip(".")
    if _DOMAIN.fullmatch(name):
        yield _DOMAINS, name


def _hostname(value: str) -> Iterator[Found]:
    yield from list(_ip(value)) or _domain(value)


def _url(value: str) -> Iterator[Found]:
    try:
        host = urlsplit(value).hostname
    except ValueError:
        return
    yield from _hostname(host or "")


def _net_addr(value: str) -> Iterator[Found]:
    yield from list(_hostname(value)) or _url(f"//{value}")


def _email(value: str) -> Iterator[Found]:
    local, at, domain = value.rpartition("@")
    if local and at and domain and " " not in value:
        yield _EMAILS, value
        yield _USERNAMES, local


def _aws_arn_only(value: str) -> Iterator[Found]:
    if _ARN.fullmatch(value):
        yield _ARNS, value


def _aws_arn(value: str) -> Iterator[Found]:
    match = _ARN.fullmatch(value)
    if match is None:
        return
    yield _ARNS, value
    yield from _aws_account_id(match["account"])
    yield from _aws_instance_id(value.rpartition("/")[2])


def _aws_account_id(value: str) -> Iterator[Found]:
    if _ACCOUNT.fullmatch(value):
        yield _ACCOUNTS, value


def _aws_instance_id(value: str) -> Iterator[Found]:
    if _INSTANCE.fullmatch(value):
        yield _INSTANCES, value


def _mac(value: str) -> Iterator[Found]:
    if _MAC.fullmatch(value):
        yield _MACS, value.lower().replace("-", ":")


def _digest(column: str, length: int) -> Scanner:
    def scan(value: str) -> Iterator[Found]:
        if len(value) == length and _HEX.fullmatch(value):
            yield column, value.lower()

    return Scanner(columns=(column,), scan=scan)


def _as_it_is(column: str) -> Scanner:
    def scan(value: str) -> Iterator[Found]:
        if value.strip():
            yield column, value

    return Scanner(columns=(column,), scan=scan)


SCANNERS: Mapping[str, Scanner] = {
    "actor_id": _as_it_is("p_any_actor_ids"),
    "aws_account_id": Scanner(columns=(_ACCOUNTS,), scan=_aws_account_id),
    "aws_arn": Scanner(columns=(_ARNS, _ACCOUNTS, _INSTANCES), scan=_aws_arn),
    "aws_arn_only": Scanner(columns=(_ARNS,), scan=_aws_arn_only),
    "aws_instance_id": Scanner(columns=(_INSTANCES,), scan=_aws_instance_id),
    "aws_tag": _as_it_is("p_any_aws_tags"),
    "domain": Scanner(columns=(_DOMAINS,), scan=_domain),
    "email": Scanner(columns=(_EMAILS, _USERNAMES), scan=_email),
    "hostname": Scanner(columns=(_IPS, _DOMAINS), scan=_hostname),
    "ip": Scanner(columns=(_IPS,), scan=_ip),
    "mac": Scanner(columns=(_MACS,), scan=_mac),
    "md5": _digest("p_any_md5_hashes", 32),
    "net_addr": Scanner(columns=(_IPS, _DOMAINS), scan=_net_addr),
    "serial_number": _as_it_is("p_any_serial_numbers"),
    "sha1": _digest("p_any_sha1_hashes", 40),
    "sha256": _digest("p_any_sha256_hashes", 64),
    "trace_id": _as_it_is("p_any_trace_ids"),
    "url": Scanner(columns=(_IPS, _DOMAINS), scan=_url),
    "username": _as_it_is(_USERNAMES),
}
"""The kinds of indicators that a schema may name for a field."""
