"""YAML as Panther reads it, with the place of every key and value kept."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import yaml

from runner.definitions.codes import Code
from runner.definitions.location import Location
from runner.definitions.notice import Notice
from runner.definitions.visible_text import visible_units
from runner.errors import UnreadableDefinition

if TYPE_CHECKING:
    from pathlib import Path

Step = Hashable
"""A key of a mapping, or an index of a list."""
KeyPath = tuple[Step, ...]

MAX_DEPTH = 100
MAX_VALUES = 100_000
"""How many values a document may hold once its aliases are followed: a guard against alias bombs."""
_SAFE_TO_COMPOSE = 2_000
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = (_TAG + "map", _TAG + "seq")
_SET = _TAG + "set"
_PAIRS = (_TAG + "omap", _TAG + "pairs")
_BLOCK_STYLES = ("|", ">")

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML was built without libyaml: slower, and otherwise the same
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]


_STR = _TAG + "str"
_MERGE = _TAG + "merge"
_PLAIN_VALUES = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0b_*[01][01_]*|0x_*[0-9a-fA-F][0-9a-fA-F_]*|0[0-7_]*|[1-9][0-9_]*)", "-+0123456789"),
    ("float", r"(?:[-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?", "-+0123456789."),
    ("float", r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*", "-+0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("merge", r"<<", "<"),
)


def _by_first_character() -> dict[str, list[tuple[re.Pattern[str], str]]]:
    """Return which patterns a plain value may match, and the tags they mean, by its first character."""
    found: dict[str, list[tuple[re.Pattern[str], str]]] = {}
    for name, pattern, first in _PLAIN_VALUES:
        for character in first:
            found.setdefault(character, []).append((re.compile(rf"(?:{pattern})\Z"), _TAG + name))
    return found


_RESOLVERS = _by_first_character()
_COLLECTION_TAGS = {yaml.SequenceNode: _TAG + "seq", yaml.MappingNode: _TAG + "map"}


class _Loader(_SafeLoader):
    """Composes nodes with YAML 1.2's idea of plain values instead of YAML 1.1's.

    `on` and `no` are texts, `0644` is a decimal number (and `0698`, which YAML 1.1 does not take for an octal one, a
    text), and dates and times of day stay as they are written.
    """

    def resolve(self, kind: type[Any], value: str | None, implicit: Any) -> str:
        """Return the tag of a node without one; called for every node, and so as plain as can be."""
        if kind is not yaml.ScalarNode:
            return _COLLECTION_TAGS[kind]
        if implicit[0] and value is not None:
            for pattern, tag in _RESOLVERS.get(value[:1], ()):
                if pattern.match(value):
                    return tag
        return _STR

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Do nothing: tags do not depend on where a node stands."""

    def ascend_resolver(self) -> None:
        """Do nothing, as `descend_resolver`."""


class YamlDocument:
    """One YAML document: its value, and where each part of it stands.

    `value` is made of plain dictionaries, lists, texts, numbers, booleans and None. `repeated_keys` warns
    of keys that a mapping has twice, of which the last counts.
    """

    def __init__(self, text: str, path: Path) -> None:
        """Read `text`; `path` is what locations print. Raise UnreadableDefinition if it is not one YAML document."""
        self.path = path
        self.repeated_keys: list[Notice] = []
        self._text = text
        self.has_sets = False
        """Whether there is a `!!set` anywhere: only the events of tests may hold one."""
        self._left = MAX_VALUES
        self._root_entries: dict[Hashable, tuple[Any, Any]] | None = None
        self._root = _compose(text, path)
        self.value: Any = None if self._root is None else self._construct(self._root, 0)

    def find(self, keys: KeyPath) -> Any:
        """Return the value under `keys`, or None if they lead nowhere."""
        value = self.value
        for step in keys:
            try:
                value = value[step]
            except (LookupError, TypeError):
                return None
        return value

    def position(self, keys: KeyPath = ()) -> Location:
        """Return where the value under `keys` stands; of a part that is not there, where its parent stands."""
        return self._place(self._nodes(keys)[1])

    def key_position(self, keys: KeyPath) -> Location:
        """Return where the key that `keys` ends in stands (for an item of a list, where the item stands)."""
        return self._place(self._nodes(keys)[0])

    def written(self, keys: KeyPath) -> tuple[Location, str, str]:
        """Return where the visible text of a scalar begins, the file's text from there on, and its quote or ''."""
        node = self._nodes(keys)[1]
        start, end = node.start_mark.index, node.end_mark.index
        quote = node.style if node.style in ("'", '"') else ""
        if quote:
            start, end = start + 1, end - 1
        elif node.style in _BLOCK_STYLES:  # the header, which may carry a comment, ends with its line
            start = self._text.find("\n", start) + 1 or end
        written = self._text[start:end]
        first = next((unit.start() for unit in visible_units(written, quote)), 0)
        return Location(self.path).after(self._text[: start + first]), written[first:], quote

    def _nodes(self, keys: KeyPath) -> tuple[Any, Any]:
        """Return the nodes of the last key and of its value, as far as `keys` lead."""
        key = value = self._root
        for step in keys:
            found = self._child(value, step)
            if found is None:
                break
            key, value = found
        return key, value

    def _place(self, node: Any) -> Location:
        return Location(self.path) if node is None else _location(self.path, node.start_mark)

    def _child(self, node: Any, step: Step) -> tuple[Any, Any] | None:
        """Return the nodes of the key and the value that `step` leads to."""
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
            return node.value[step], node.value[step]
        if isinstance(node, yaml.MappingNode):
            return self._entries(node).get(step)
        return None

    def _entries(self, node: Any) -> dict[Hashable, tuple[Any, Any]]:
        """Return the nodes of a mapping's keys and values by key; the root's are asked for again and again."""
        if node is not self._root:
            return self._find_entries(node)
        if self._root_entries is None:
            self._root_entries = self._find_entries(node)
        return self._root_entries

    def _find_entries(self, node: Any) -> dict[Hashable, tuple[Any, Any]]:
        own: dict[Hashable, tuple[Any, Any]] = {}
        merged: list[Any] = []
        for key, value in node.value:
            if key.tag == _MERGE:
                merged += self._merged(value)
            else:
                own[self._scalar(key)] = (key, value)
        for other in merged:
            own = {**self._entries(other), **own}
        return own

    def _construct(self, node: Any, depth: int) -> Any:
        self._left -= 1
        if type(node) is yaml.ScalarNode and self._left >= 0 and depth <= MAX_DEPTH:
            return node.value if node.tag == _STR else self._scalar(node)
        self._refuse_excess(node, depth)
        if node.tag == _SET and isinstance(node, yaml.MappingNode):
            self.has_sets = True
            return {self._scalar(key) for key, _ in node.value}
        if node.tag in _PAIRS and isinstance(node, yaml.SequenceNode):
            return [pair for item in self._merged(node) for pair in self._mapping(item, depth + 1).items()]
        if node.tag not in _COLLECTIONS:
            raise self._refused(node, f"the tag {_short(node.tag)} is not supported")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth + 1)
        return [self._construct(item, depth + 1) for item in node.value]

    def _refuse_excess(self, node: Any, depth: int) -> None:
        if self._left < 0:
            message = f"the file holds more than {MAX_VALUES:,} values once aliases are followed"
            raise self._refused(node, message)
        if depth > MAX_DEPTH:
            message = f"values are nested more than {MAX_DEPTH} deep, or an alias contains itself"
            raise self._refused(node, message)

    def _mapping(self, node: Any, depth: int) -> dict[Any, Any]:
        """Return a mapping's keys and values; what is written here counts before what is merged."""
        own: dict[Any, Any] = {}
        merged: list[Any] = []
        for key, value in node.value:
            if key.tag == _MERGE:
                merged += self._merged(value)
                continue
            name = key.value if key.tag == _STR and type(key) is yaml.ScalarNode else self._scalar(key)
            if name in own:
                self._repeated(key, name)
            own[name] = self._construct(value, depth)
        for other in merged:  # earlier merges count before later ones
            own = own | {k: v for k, v in self._construct(other, depth).items() if k not in own}
        return own

    def _merged(self, node: Any) -> list[Any]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for other in nodes:
            if not isinstance(other, yaml.MappingNode):
                raise self._refused(
                    other, "only mappings can be merged with <<, or stand in !!omap and !!pairs"
                )
        return list(nodes)

    def _repeated(self, key: Any, name: object) -> None:
        message = f"the key `{name}` is here for the second time; the last one counts"
        self.repeated_keys.append(Notice(Code.REPEATED_KEY, message, self._place(key)))

    def _scalar(self, node: Any) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            raise self._refused(node, "a key has to be a plain value, not a list or a mapping")
        read = _SCALARS.get(node.tag)
        if read is None:
            raise self._refused(node, f"the tag {_short(node.tag)} is not supported")
        try:
            return read(node.value)
        except (ValueError, KeyError) as error:
            raise self._refused(node, f"{node.value[:40]!r} cannot be read as {_short(node.tag)}") from error

    def _refused(self, node: Any, message: str) -> UnreadableDefinition:
        return UnreadableDefinition(message, self._place(node), Code.NOT_YAML)


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag


def _whole_number(text: str) -> int:
    digits = text.replace("_", "").lower()
    base = {"0x": 16, "0b": 2}.get(digits.lstrip("+-")[:2], 10)
    return int(digits, base)


def _fraction(text: str) -> float:
    number = text.replace("_", "").lower()
    *higher, last = number.split(":")
    if not higher:
        return float(number.replace(".inf", "inf").replace(".nan", "nan"))
    sign = (
        -1 if number.startswith("-") else 1
    )  # YAML 1.1 counts by sixties, and Panther kept that for fractions
    return sign * functools.reduce(
        lambda value, part: value * 60 + float(part), [*higher[1:], last], abs(float(higher[0]))
    )


_TRUTH = {"true": True, "false": False}
_SCALARS: dict[str, Any] = {
    _TAG + "str": str,
    _TAG + "bool": lambda text: _TRUTH[text.lower()],
    _TAG + "int": _whole_number,
    _TAG + "float": _fraction,
    _TAG + "null": lambda _: None,
    _TAG + "merge": str,
    _TAG + "timestamp": str,  # Panther keeps times as they are written, whether the tag says so or not
    _TAG + "binary": base64.b64decode,
}


def _compose(text: str, path: Path) -> Any:
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        where = Location(path).after(text[: unprintable.start()])
        raise UnreadableDefinition(
            f"the character {unprintable.group()!r} may not stand in YAML", where, Code.NOT_YAML
        )
    try:
        _refuse_depth(text, path)
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error, path) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise UnreadableDefinition(f"not YAML: {error}", Location(path), Code.NOT_YAML) from error


def _refuse_depth(text: str, path: Path) -> None:
    """Refuse deep nesting before it is composed: libyaml's composer calls itself, and would crash the process.

    Each level costs one of a few characters, so a text with few of them needs no closer look.
    """
    if sum(text.count(opener) for opener in "[{-?:") <= _SAFE_TO_COMPOSE:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            message = f"values are nested more than {MAX_DEPTH} deep"
            raise UnreadableDefinition(message, _location(path, event.start_mark), Code.NOT_YAML)


_QUOTED = "while scanning a quoted scalar"
_SEVERAL = "expected a single document in the stream"
_PLAINER = {
    "found undefined alias": "an alias (*name) refers to an anchor (&name) that is not there",
    "found duplicate anchor; first occurrence: second occurrence": "an anchor (&name) is set a second time",
    "found character that cannot start any token": "a character stands here that cannot begin a value",
    "while scanning for the next token: found character that cannot start any token": (
        "a character stands here that cannot begin a value; tabs cannot indent YAML, and texts that begin with "
        "@, ` or % need quotes"
    ),
}


def _unreadable(error: yaml.MarkedYAMLError, path: Path) -> UnreadableDefinition:
    if error.context == _QUOTED and error.context_mark is not None:  # the end of the file would help nobody
        return UnreadableDefinition(
            "not YAML: this quote is not closed as it should be",
            _location(path, error.context_mark),
            Code.NOT_YAML,
        )
    mark = error.problem_mark or error.context_mark
    where = Location(path) if mark is None else _location(path, mark)
    if error.context == _SEVERAL:
        message = "a second YAML document begins here; each definition needs a file of its own"
        return UnreadableDefinition(message, where, Code.SEVERAL_DOCUMENTS)
    said = ": ".join(part for part in (error.context, error.problem) if part)
    return UnreadableDefinition(f"not YAML: {_PLAINER.get(said, said)}", where, Code.NOT_YAML)


def _location(path: Path, mark: Any) -> Location:
    return Location(path, mark.line + 1, mark.column + 1)
