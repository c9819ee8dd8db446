"""What rules remember from run to run: items by key, each with a count, a set of texts, a dictionary and one expiry.

A call names an operation on one item. What it does is a pure function of the item and the time, so that a
database, a worker's parent and a test's memory all do the same, each as one step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Step = Callable[["CacheItem", "CacheCall"], tuple["CacheItem", Any]]
    """Takes an item and an operation on it; returns the item as it is then, and the answer."""

MAX_CHARACTERS: Final = 400_000
"""Of an item's set or dictionary. Panther's table takes 400 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheItem:
    """What is kept under a key. `expires_at` is in seconds since 1970; an item without it is kept for ever."""

    count: int | None = None
    strings: frozenset[str] | None = None
    dictionary: str | None = None
    """JSON."""
    expires_at: int | None = None


NOTHING: Final = CacheItem()
"""What is kept under a key that nobody has used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheCall:
    """An operation on the item of a key: a name of `OPERATIONS`, and what it is done with."""

    operation: str
    key: str
    value: Any = None
    """A number, texts, or JSON, as the operation needs it."""
    expires_at: int | None = None
    """Until when the item lives, in seconds since 1970, if the operation sets that."""


class Cache(Protocol):
    """Somewhere to keep items. A call is one step: no other call comes between its reading and its writing."""

    def call(self, call: CacheCall) -> Any:
        """Do what a call asks for, and return its answer."""
        ...


class MemoryCache:
    """A cache that is gone with the process: for unit tests. `now` gives the time in seconds since 1970."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._items: dict[str, CacheItem] = {}
        self._lock = Lock()

    def call(self, call: CacheCall) -> Any:
        """Do what a call asks for, and return its answer."""
        with self._lock:
            item, answer = applied(self._items.get(call.key, NOTHING), call, self._now())
            self._items[call.key] = item
            return answer


def applied(item: CacheItem, call: CacheCall, now: float) -> tuple[CacheItem, Any]:
    """Return the item after a call, and the call's answer; an item that has expired counts as none.

    Raises `ValueError` if the item would be too large.
    """
    if item.expires_at is not None and item.expires_at <= now:
        item = NOTHING
    after, answer = OPERATIONS[call.operation](item, call)
    if after is not item and _size(after) > MAX_CHARACTERS:
        raise ValueError(f"the cached value of {call.key!r} is longer than {MAX_CHARACTERS:,} characters")
    return after, answer


def _get(item: CacheItem, _: CacheCall) -> tuple[CacheItem, CacheItem]:
    return item, item


def _increment(item: CacheItem, call: CacheCall) -> tuple[CacheItem, int]:
    count = (item.count or 0) + call.value
    return replace(item, count=count, expires_at=call.expires_at), count


def _reach(item: CacheItem, call: CacheCall) -> tuple[CacheItem, bool]:
    """Count one more; at the threshold, begin again and say so."""
    counted, count = _increment(item, replace(call, value=1))
    return (replace(counted, count=None), True) if count >= call.value else (counted, False)


def _reset_count(item: CacheItem, _: CacheCall) -> tuple[CacheItem, None]:
    return replace(item, count=None), None


def _expire(item: CacheItem, call: CacheCall) -> tuple[CacheItem, None]:
    return replace(item, expires_at=call.expires_at), None


def _put_strings(_: CacheItem, call: CacheCall) -> tuple[CacheItem, None]:
    return CacheItem(strings=call.value, expires_at=call.expires_at), None


def _add_strings(item: CacheItem, call: CacheCall) -> tuple[CacheItem, frozenset[str]]:
    strings = (item.strings or frozenset()) | call.value
    return replace(item, strings=strings, expires_at=call.expires_at), strings


def _remove_strings(item: CacheItem, call: CacheCall) -> tuple[CacheItem, frozenset[str]]:
    if item.strings is None:
        return item, frozenset()
    strings = item.strings - call.value
    return replace(item, strings=strings or None, expires_at=call.expires_at), strings


def _reset_strings(item: CacheItem, _: CacheCall) -> tuple[CacheItem, None]:
    return replace(item, strings=None), None


def _put_dictionary(_: CacheItem, call: CacheCall) -> tuple[CacheItem, None]:
    return CacheItem(dictionary=call.value, expires_at=call.expires_at), None


def _size(item: CacheItem) -> int:
    return sum(map(len, item.strings or ())) + len(item.dictionary or "")


OPERATIONS: Final[Mapping[str, Step]] = {
    "get": _get,
    "increment": _increment,
    "reach": _reach,
    "reset_count": _reset_count,
    "expire": _expire,
    "put_strings": _put_strings,
    "add_strings": _add_strings,
    "remove_strings": _remove_strings,
    "reset_strings": _reset_strings,
    "put_dictionary": _put_dictionary,
}
"""Every operation, by its name. Only "get" leaves the item as it is."""
