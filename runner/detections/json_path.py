"""A JSONPath of a data model, compiled when it is first followed.

Nearly all of them only name keys, and those are followed here, a hundred times as fast as a library does. The others
are jsonpath-ng's: its dialect is Panther's, with its surprises.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runner.definitions.json_path import compiled
from runner.detections.event import AmbiguousPathError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Finder = Callable[[dict[str, Any]], "Sequence[Found]"]
    """Returns each place of a row that a path leads to."""

_KEYS: Final = re.compile(r"(?:\$\.)?[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*", re.ASCII)
ABSENT: Final = object()
"""Stands for a value that is not there. Null is there."""
_WORDS_OF_THE_LANGUAGE: Final = frozenset({"parent", "where", "wherenot", "in"})


class Found(NamedTuple):
    """A place in a row: its value, and the path that leads there."""

    value: Any
    path: str


class JsonPath:
    """A path through a row, in jsonpath-ng's dialect: keys are told apart by their case."""

    __slots__ = ("__dict__", "_keys", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._keys = _plain_keys(text)

    def value(self, row: dict[str, Any], default: Any) -> Any:
        """Return the value at the one place that the path leads to, or the default if there is none.

        Raises as `find` does. `event.udm` asks for each row, so that a path of keys is followed here with nothing made
        on the way.
        """
        if not self._keys:
            found = self.find(row)
            return default if found is None else found.value
        value: Any = row
        for key in self._keys:
            if not isinstance(value, dict):
                return default
            value = value.get(key, ABSENT)
            if value is ABSENT:
                return default
        return value

    def find(self, row: dict[str, Any]) -> Found | None:
        """Return the one place that the path leads to, or None if there is none.

        Raises:
            AmbiguousPathError: it leads to several.
            ValueError: the path is none.
        """
        found = self._finder(row)
        if len(found) > 1:
            raise AmbiguousPathError(f"the path {self.text} matched multiple fields")
        return found[0] if found else None

    @functools.cached_property
    def _finder(self) -> Finder:
        return functools.partial(_followed, self._keys) if self._keys else _of_library(self.text)


def _plain_keys(text: str) -> tuple[str, ...]:
    """Return the keys of a path that does nothing but name keys; none if it does more."""
    if not _KEYS.fullmatch(text):
        return ()
    keys = tuple(text.removeprefix("$.").split("."))
    return () if _WORDS_OF_THE_LANGUAGE.intersection(keys) else keys


def _followed(keys: tuple[str, ...], row: dict[str, Any]) -> Sequence[Found]:
    value: Any = row
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return ()
        value = value[key]
    return (Found(value, ".".join(keys)),)


def _of_library(text: str) -> Finder:
    """Compile any other path. Raises `ValueError` if it is none."""
    try:
        found = compiled(text)
    except ValueError as error:
        raise ValueError(f"{text!r} cannot be followed: {error}") from error
    return lambda row: [Found(match.value, str(match.full_path)) for match in found.find(row)]
