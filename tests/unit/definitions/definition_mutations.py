"""Random changes of definition files: of their text, their bytes and their values. Everything is drawn from one seed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from runner.definitions.yaml_document import YamlDocument

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

SNIPPETS = [
    *r""" |	|  |: |- |[|]|{|}|'|"|&a |*a|<<: *a|#|!!|!!python/name:os|>|~|1|-1|true|%|?|\|@|`|=|---|...|,|: :|""".split("|"),
    "|", "\n", "\n---\n", "\n\n", "\r", "9" * 30, "1e400", "0x", ".inf", ".nan", "2026-01-01", "é", "\u2028", "\ufeff",
    "\x00", "\x07", "\U0001f600", "\ud7ff", "def ", "return", "lambda: ", "import os\n", "yield", "await x", "global a",
    "f'{", '"""', "\\", "AnalysisType: rule\n", "BaseDetection: A\n", "Detection: [{All: [{Any: []}]}]\n", "&x [*x]",
    "Values: [{Key: a}, {Key: b}]", "  - All:\n", "Schedule: {CronExpression: '* * * * *'}\n",
]  # fmt: skip
BYTES = [
    b"\xff",
    b"\x00",
    b"\xc3",
    b"\xe2\x82",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x80",
    b"\xed\xa0\x80",
    b"\r\n",
    b"\x85",
]
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 10**30, 1.5, float("inf"), float("nan"), "", " ", "a", "a.b[0].c", "\x00", "é" * 50,
    [], {}, [[]], [None], [{}], {"": ""}, {"a": {"b": []}}, [1, "a", None], "rule", "scheduled_query", "AnyElement",
    "IsIPAddressInCIDR", "10.0.0.0/8", "../x.py", "/etc/passwd", [["a"]], {"Key": "a", "Condition": "Exists"},
    {"All": [{"None": [{"Condition": "AlwaysTrue"}]}]}, {"KeyPath": "a..b"}, "0 * * * *", "@daily", "Low",
]  # fmt: skip


def mutated(raw: bytes, others: list[bytes], path: Path, random: Random) -> bytes:
    """Return a file's bytes with one to three changes; `others` are files to take pieces from."""
    for _ in range(random.randint(1, 3)):
        change = random.choice([_change_text, _change_text, _change_bytes, _change_value, _splice])
        raw = change(raw, others, path, random)
    return raw


def _change_text(raw: bytes, _others: list[bytes], _path: Path, random: Random) -> bytes:
    text = raw.decode(errors="replace")
    lines = text.split("\n")
    place, line = random.randint(0, len(text)), random.randrange(len(lines))
    match random.randrange(7):
        case 0:
            text = text[:place] + random.choice(SNIPPETS) + text[place:]
        case 1:
            text = text[:place] + text[place + random.randint(1, 20) :]
        case 2:
            text = text[:place] + random.choice(SNIPPETS) + text[place + random.randint(1, 5) :]
        case 3:
            text = "\n".join(
                [*lines[:line], " " * random.randint(0, 9) + lines[line].lstrip(), *lines[line + 1 :]]
            )
        case 4:
            text = "\n".join([*lines[: line + 1], *lines[line:]])
        case 5:
            text = text[:place]
        case _:
            text = text.replace("\n", "\r\n")
    return text.encode("utf-8", "replace")


def _change_bytes(raw: bytes, _others: list[bytes], _path: Path, random: Random) -> bytes:
    place = random.randint(0, len(raw))
    match random.randrange(4):
        case 0:
            return raw[:place] + random.choice(BYTES) + raw[place:]
        case 1:
            return raw[:place] + bytes([random.randrange(256)]) + raw[place + 1 :]
        case 2:
            return raw.decode(errors="replace").encode(random.choice(["utf-16", "utf-32", "utf-16-le"]))
        case _:
            return raw[place:] + raw[:place]


def _splice(raw: bytes, others: list[bytes], _path: Path, random: Random) -> bytes:
    """Put some lines of another file in."""
    lines, other = raw.split(b"\n"), random.choice(others).split(b"\n")
    start, place = random.randrange(len(other)), random.randint(0, len(lines))
    return b"\n".join([*lines[:place], *other[start : start + random.randint(1, 6)], *lines[place:]])


def _change_value(raw: bytes, others: list[bytes], path: Path, random: Random) -> bytes:
    """Change a value or a key somewhere in the tree; what is no tree is changed as text."""
    try:
        value = YamlDocument(raw.decode(), path).value
    except Exception:  # noqa: BLE001 - an earlier change may have made it anything
        return _change_text(raw, others, path, random)
    places = list(_places(value))
    if not places:
        return _change_text(raw, others, path, random)
    container, key = random.choice(places)
    match random.randrange(5):
        case 0:
            del container[key]
        case 1 if isinstance(container, dict):
            container[str(key)[: random.randint(0, 4)] + "x"] = container.pop(key)
        case 2:
            container[key] = [container[key], container[key]]
        case 3:
            container[key] = random.choice(places)[0]
        case _:
            container[key] = random.choice(VALUES)
    try:
        return json.dumps(value, default=str).encode()
    except (ValueError, RecursionError, TypeError):  # it contains itself, or has keys of several types
        return raw


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)
