"""The functions of Panther's caching helpers, over one cache."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from runner.detections.cache import CacheCall, CacheItem

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from runner.detections.cache import Cache


_DEFAULT_SECONDS: Final = 90 * 24 * 3600
"""How long an item is kept whose caller names no time."""
_LEAST_ABSOLUTE: Final = 1_000_000_000
"""Smaller numbers of seconds count from now, greater ones from 1970: nobody means a moment before September 2001."""


class CachingFunctions:
    """What rules import as `panther_detection_helpers.caching`.

    Keys are those of all rules together. A value lives until its time is over, and then is gone: reading does so
    whether or not `force_ttl_check` is set, since no expired value is ever kept here.
    """

    def __init__(self, cache: Cache, now: Callable[[], float]) -> None:
        self._cache = cache
        self._now = now

    def get_counter(self, key: str, force_ttl_check: bool = False) -> int:  # noqa: FBT001, FBT002, ARG002  as rules call it
        """Return the count under a key, 0 if there is none."""
        return self._item(key).count or 0

    def increment_counter(self, key: str, val: int = 1, epoch_seconds: Any = None) -> int:
        """Add to the count under a key, and return it; the item then lives until `epoch_seconds`."""
        count: int = self._call("increment", key, int(val), epoch_seconds)
        return count

    def reset_counter(self, key: str) -> None:
        """Forget the count under a key, and nothing else."""
        self._call("reset_count", key)

    def set_key_expiration(self, key: str, epoch_seconds: Any) -> None:
        """Say until when the item under a key lives."""
        self._call("expire", key, expiry=epoch_seconds)

    def get_string_set(self, key: str, force_ttl_check: bool = False) -> set[str]:  # noqa: FBT001, FBT002, ARG002  as above
        """Return the texts under a key."""
        return set(self._item(key).strings or ())

    def put_string_set(self, key: str, val: Iterable[str], epoch_seconds: Any = None) -> None:
        """Replace all that is under a key by texts; without texts, forget those that are there."""
        strings = _texts(val)
        if strings:
            self._call("put_strings", key, strings, epoch_seconds)
        else:
            self.reset_string_set(key)

    def add_to_string_set(self, key: str, val: str | Iterable[str], epoch_seconds: Any = None) -> set[str]:
        """Add a text or several to those under a key; return them all."""
        strings = _texts(val)
        if not strings:
            return self.get_string_set(key)
        return set(self._call("add_strings", key, strings, epoch_seconds))

    def remove_from_string_set(
        self, key: str, val: str | Iterable[str], epoch_seconds: Any = None
    ) -> set[str]:
        """Take a text or several from those under a key; return what is left."""
        return set(self._call("remove_strings", key, _texts(val), epoch_seconds))

    def reset_string_set(self, key: str) -> None:
        """Forget the texts under a key, and nothing else."""
        self._call("reset_strings", key)

    def put_dictionary(self, key: str, val: Mapping[str, Any], epoch_seconds: Any = None) -> None:
        """Replace all that is under a key by a dictionary.

        Raises:
            TypeError: it is no mapping.
            ValueError: JSON cannot hold it.
        """
        if not isinstance(val, Mapping):
            raise TypeError(f"put_dictionary takes a mapping, not {type(val).__name__}")
        try:
            text = json.dumps(val, default=_plain)
        except TypeError as error:
            raise ValueError(f"the dictionary cannot be written as JSON: {error}") from error
        self._call("put_dictionary", key, text, epoch_seconds)

    def get_dictionary(self, key: str, force_ttl_check: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002, ARG002  as above
        """Return the dictionary under a key, an empty one if there is none."""
        text = self._item(key).dictionary
        found: dict[str, Any] = json.loads(text) if text else {}
        return found

    def evaluate_threshold(self, key: str, threshold: int = 10, expiry_seconds: Any = 3600) -> bool:
        """Count one more under a key; at the threshold, begin again and return True."""
        return bool(self._call("reach", key, threshold, expiry_seconds))

    def check_account_age(self, key: Any) -> bool:
        """Tell whether there are texts under a key; a new account leaves some there for a while."""
        return isinstance(key, str) and bool(key) and bool(self.get_string_set(key))

    def ttl_expired(self, response: Mapping[str, Any]) -> bool:
        """Tell whether an item, as the table of Panther's service answers it, has expired."""
        expires_at = response.get("Item", {}).get("expiresAt")
        return expires_at is not None and float(expires_at) < self._now()

    def kv_table(self) -> NoReturn:
        """Refuse: what is kept here lies in the state database.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("kv_table: there is no DynamoDB table; use the other functions of caching")

    def _item(self, key: str) -> CacheItem:
        item: CacheItem = self._call("get", key)
        return item

    def _call(self, operation: str, key: Any, value: Any = None, expiry: Any = None) -> Any:
        if not isinstance(key, str) or not key:
            raise TypeError(f"a key of the cache is a text, and not empty; found {key!r}")
        call = CacheCall(
            operation=operation, key=key, value=value, expires_at=_expiry_of(expiry, int(self._now()))
        )
        return self._cache.call(call)


NAMES: Final = tuple(name for name in vars(CachingFunctions) if not name.startswith("_"))
"""The functions that a rule can import."""


def _expiry_of(given: Any, now: int) -> int:
    """Return when an item expires, in seconds since 1970, by what a rule gave; no number means 90 days."""
    try:
        seconds = int(float(given)) if isinstance(given, str) else int(given)
    except (TypeError, ValueError, OverflowError):
        return now + _DEFAULT_SECONDS
    return now + seconds if seconds < _LEAST_ABSOLUTE else seconds


def _texts(values: str | Iterable[str]) -> frozenset[str]:
    return frozenset([values] if isinstance(values, str) else map(str, values))


def _plain(value: Any) -> Any:
    """Return what a part of an event is in plain containers, for JSON."""
    if hasattr(value, "raw_view"):
        return value.raw_view()
    raise TypeError(f"{type(value).__name__} is not JSON serializable")
