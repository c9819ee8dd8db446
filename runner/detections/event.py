"""Event: a row as a rule sees it, read-only, its keys found in any case."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol, SupportsIndex, overload

from runner.detections.walking import walk

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_UTC: Final = " UTC"


class PantherError(Exception):
    """A rule asked its event for something that this event cannot give."""


class AmbiguousPathError(Exception):
    """The path of a data model's mapping leads to several values, and `udm` answers with one."""


class FieldModel(Protocol):
    """What an event asks of the data model of its log type; see `runner.detections.data_model`."""

    def maps(self, name: str) -> bool:
        """Tell whether the model has a mapping of this name."""
        ...

    def value(self, name: str, row: dict[str, Any], default: Any) -> Any:
        """Return what a mapped name stands for in a row, plain or wrapped; the default if its path finds nothing."""
        ...

    def path(self, name: str, row: dict[str, Any]) -> str | None:
        """Return the path that a name's value was found at, or the name of its method, or None."""
        ...


class LookupSource(Protocol):
    """Where `event.lookup` finds rows; see `runner.detections.lookups`."""

    def row(self, table: str, key: Any) -> Any:
        """Return the row of a key, plain, or None."""
        ...


class ImmutableCaseInsensitiveDict(Mapping[str, Any]):
    """A read-only view of a dict: an exact key wins, else the first one that differs only by case.

    Nested dicts and lists are wrapped when they are asked for, so nothing is copied or converted in advance.
    A subclass may build `_container` when it is first needed: only `get`, `[]`, `in` and `deep_get` are
    expected to be overridden for speed, and everything else goes through `_container`.
    """

    __slots__ = ("_container",)

    _container: dict[str, Any]
    _label: ClassVar[str] = "ImmutableCaseInsensitiveDict"

    def __init__(self, container: Mapping[str, Any]) -> None:
        self._container = container if type(container) is dict else dict(unwrapped(container))

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, wrapped; the default only if there is no such key.

        A key whose value is null answers None, whatever the default.
        """
        try:
            value = self._container[key]
        except KeyError:
            name = matching_key(self._container, key)
            if name is None:
                return default
            value = self._container[name]
        return value if type(value) in _SCALARS else wrapped(value)

    def __getitem__(self, key: str) -> Any:
        try:
            value = self._container[key]
        except KeyError:
            name = matching_key(self._container, key)
            if name is None:
                raise
            value = self._container[name]
        return value if type(value) in _SCALARS else wrapped(value)

    def __contains__(self, key: object) -> bool:
        container = self._container
        return key in container or matching_key(container, key) is not None

    def deep_get(self, *keys: str, default: Any = None) -> Any:
        """Return the value at the end of a path of keys.

        The default answers for a step that is missing or not a mapping, and for null at the end. Lists are
        not entered. Without keys, the answer is this object itself.
        """
        value: Any = self._container
        for key in keys:
            if type(value) is not dict:
                return _followed(self._container, keys, default)
            step = value.get(key)
            if step is None:
                name = None if key in value else matching_key(value, key)
                if name is None or (step := value[name]) is None:
                    return default
            value = step
        if not keys:
            return self
        return value if type(value) in _SCALARS else wrapped(value)

    def to_dict(self) -> dict[str, Any]:
        """Return a deep copy made of plain dicts and lists."""
        return {key: plain_copy(value) for key, value in self._container.items()}

    def copy(self) -> dict[str, Any]:
        """Return the same as `to_dict`."""
        return self.to_dict()

    def raw_view(self) -> dict[str, Any]:
        """Return the plain dict inside, uncopied."""
        return self._container

    @staticmethod
    def json_encoder(value: object) -> Any:
        """Return what `json.dumps(..., default=...)` needs to write an event or a part of it.

        Raises:
            TypeError: the value is nothing that came from an event.
        """
        if isinstance(value, (ImmutableCaseInsensitiveDict, ImmutableList)):
            return value.raw_view()
        raise TypeError(f"{type(value).__name__} is not JSON serializable")

    def __iter__(self) -> Iterator[str]:
        return iter(self._container)

    def __len__(self) -> int:
        return len(self._container)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Mapping):
            return bool(self._container == unwrapped(other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal to dicts, so unhashable as they are

    def __repr__(self) -> str:
        return f"{self._label}({self._container})"


class ImmutableList(Sequence[Any]):
    """A read-only view of a list; its items are wrapped when they are asked for."""

    __slots__ = ("_container",)

    _container: list[Any]

    def __init__(self, container: Sequence[Any]) -> None:
        self._container = container if type(container) is list else list(unwrapped(container))

    @overload
    def __getitem__(self, index: SupportsIndex) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Any, ...]: ...

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        if isinstance(index, slice):
            return tuple(self._container[index])  # plain, as Panther gives it: the items are not wrapped
        value = self._container[index]
        return value if type(value) in _SCALARS else wrapped(value)

    def __iter__(self) -> Iterator[Any]:
        return map(wrapped, self._container)

    def __contains__(self, value: object) -> bool:
        return value in self._container

    def __len__(self) -> int:
        return len(self._container)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (ImmutableList, list, tuple)):
            return self._container == list(unwrapped(other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal to lists, so unhashable as they are

    def __repr__(self) -> str:
        return f"ImmutableList({tuple(self._container)})"

    def as_list(self) -> list[Any]:
        """Return a deep copy made of plain dicts and lists."""
        return [plain_copy(value) for value in self._container]

    def copy(self) -> list[Any]:
        """Return the same as `as_list`."""
        return self.as_list()

    def raw_view(self) -> list[Any]:
        """Return the plain list inside, uncopied."""
        return self._container


class Event(ImmutableCaseInsensitiveDict):
    """One row or log, as a rule sees it; rules know the class as `PantherEvent`.

    The top level is copied at construction, what is nested is not. Only the logs that a rule on log types is asked
    about have a data model; without one, `udm` reads `p_udm` and the row itself.
    """

    __slots__ = ("_lookups", "data_model")

    _label: ClassVar[str] = "PantherEvent"

    def __init__(
        self,
        event: Mapping[str, Any],
        data_model: FieldModel | None = None,
        lookups: LookupSource | None = None,
    ) -> None:
        self._container = event.copy() if type(event) is dict else dict(unwrapped(event))
        self.data_model = data_model
        self._lookups = lookups

    def deep_walk(self, *keys: str, default: Any = None, return_val: str = "all") -> Any:
        """Return the distinct values at the end of a path that may lead through lists.

        Keys are matched in their own case only, and nested values come out unwrapped: see `walk`.
        """
        return walk(self._container, keys, default=default, return_val=return_val)

    def udm(self, *keys: str, default: Any = None) -> Any:
        """Return what a name of the unified data model stands for in this event.

        A single name that the data model maps is answered by its mapping alone. Any other path is looked for in
        `p_udm`, then in the event: the first of them that is truthy, else the default.

        Raises:
            AmbiguousPathError: the mapping's path matched several values.
        """
        model = self.data_model
        if model is not None and len(keys) == 1 and model.maps(keys[0]):
            value = model.value(keys[0], self._container, default)
            return value if type(value) in _SCALARS else wrapped(value)
        if not keys:
            return default
        return self.deep_get("p_udm", *keys) or self.deep_get(*keys) or default

    def udm_path(self, key: str) -> str | None:
        """Return the path at which the data model found a name's value, or the name of its method, or None.

        Raises:
            PantherError: there is no data model.
        """
        if self.data_model is None:
            raise PantherError("a data model hasn't been specified for log type", self.get("p_log_type"))
        return self.data_model.path(key, self._container)

    def event_time_epoch(self, force_utc: bool = True) -> int:  # noqa: FBT001, FBT002 - as rules call it
        """Return `p_event_time` in seconds since 1970, or 0 if it is missing or cannot be read.

        Panther appends a zone of its own to the text, so a time that already names its zone answers 0.

        Raises:
            TypeError: `p_event_time` is not text.
        """
        text = self.get("p_event_time")
        if not text:
            return 0
        from dateutil import parser as time_parser  # noqa: PLC0415  it takes a while, and few rules ask

        try:
            return int(time_parser.parse(text + _UTC if force_utc else text).timestamp())
        except (ValueError, OverflowError):
            return 0

    def lookup(self, lookup_name: str, lookup_key: Any) -> Any:
        """Return the row of a lookup table that belongs to a key, or None.

        What a unit test's `_mocked_lookup_data_` holds is answered before what the tables hold.
        """
        mocked = self.deep_get("_mocked_lookup_data_", lookup_name, lookup_key)
        if mocked is not None or self._lookups is None:
            return mocked
        return wrapped(self._lookups.row(lookup_name, lookup_key))


def wrapped(value: Any) -> Any:
    """Return a dict or a list as its read-only view, and anything else as it is."""
    if isinstance(value, dict):
        return ImmutableCaseInsensitiveDict(value)
    if isinstance(value, list):
        return ImmutableList(value)
    return value


def unwrapped(value: Any) -> Any:
    """Return what a read-only view holds, and anything else as it is."""
    return value.raw_view() if isinstance(value, (ImmutableCaseInsensitiveDict, ImmutableList)) else value


def plain_copy(value: Any) -> Any:
    """Return a deep copy made of plain dicts and lists."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {key: plain_copy(item) for key, item in value.items()}
    if kind is list:
        return [plain_copy(item) for item in value]
    return copy.deepcopy(unwrapped(value))


def matching_key(container: Mapping[str, Any], key: Any) -> str | None:
    """Return the first key that equals another but for its case, or None.

    Raises:
        AttributeError: the key looked for is not text, as in Panther.
        TypeError: a key that was passed on the way is not text.
    """
    if not container:
        return None
    lowered = key.lower()
    if not lowered.isascii():
        return next((name for name in container if name.lower() == lowered), None)
    size = len(lowered)  # no text of another length becomes this one: asking it first saves a third
    for name in container:
        if len(name) == size and name.lower() == lowered:
            return name
    return None


def _followed(value: Any, keys: Sequence[str], default: Any) -> Any:
    """Follow a path as `deep_get` does, through anything that may lie in an event: seldom, so plainly."""
    for key in keys:
        view = wrapped(value)
        if not isinstance(view, Mapping):
            return default
        value = view.get(key)
        if value is None:
            return default
    return wrapped(value)
