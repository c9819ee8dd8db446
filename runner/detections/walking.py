"""`deep_walk`: the values at the end of a path that may lead through lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def walk(value: Any, keys: Sequence[str], *, default: Any = None, return_val: str = "all") -> Any:
    """Return the distinct values at the end of a path, every list on the way entered.

    One value answers for itself and several as a list; `return_val` "first" or "last" picks one of them. Any
    other word answers "all", as Panther's does. A step that leads nowhere is the default; within a list, a default
    other than None then stands among the values, as it does with Panther.

    Raises:
        TypeError: a mapping was found within a list, where values are told apart by their hash.
    """
    if not keys:
        return default if _is_empty(value) else value
    if isinstance(value, Mapping):
        step = value.get(keys[0])
        return default if step is None else walk(step, keys[1:], default=default, return_val=return_val)
    if not _is_listing(value):
        return default
    found = list(dict.fromkeys(_leaves(value, keys, default, return_val)))
    return _picked(found, return_val) if found else default


def _leaves(values: Sequence[Any], keys: Sequence[str], default: Any, return_val: str) -> Iterator[Any]:
    for item in values:
        leaf = walk(item, keys, default=default, return_val=return_val)
        if _is_listing(leaf):
            yield from leaf
        elif leaf is not None:
            yield leaf


def _picked(found: list[Any], return_val: str) -> Any:
    if return_val == "first":
        return found[0]
    if return_val == "last":
        return found[-1]
    if return_val == "all":
        return found[0] if len(found) == 1 else found
    return "all"


def _is_listing(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_empty(value: Any) -> bool:
    return _is_listing(value) and all(_is_empty(item) for item in value)
