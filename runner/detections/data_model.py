"""A data model's mappings, loaded: what `event.udm` asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.detections.event import ImmutableCaseInsensitiveDict
from runner.detections.json_path import ABSENT, JsonPath

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Method = Callable[[ImmutableCaseInsensitiveDict], object]
    """A function of a data model's Python: it is given the event without what only a `PantherEvent` can do."""


class LoadedDataModel:
    """The mappings of a data model, by name: each a path through the row, or a function of the model's Python."""

    def __init__(self, model_id: str, *, paths: Mapping[str, str], methods: Mapping[str, Method]) -> None:
        self.data_model_id = model_id
        self._paths = {name: JsonPath(path) for name, path in paths.items()}
        self._methods = dict(methods)

    def maps(self, name: str) -> bool:
        """Tell whether there is a mapping of this name."""
        return name in self._paths or name in self._methods

    def value(self, name: str, row: dict[str, Any], default: Any) -> Any:
        """Return what a mapped name stands for in a row; the default if its path finds nothing.

        What is found counts, also if it is null, and so does what a method returns.

        Raises:
            AmbiguousPathError: the path leads to several places.
        """
        path = self._paths.get(name)
        if path is not None:
            found = path.value(row, ABSENT)
            if found is not ABSENT:
                return found
        method = self._methods.get(name)
        return default if method is None else method(ImmutableCaseInsensitiveDict(row))

    def path(self, name: str, row: dict[str, Any]) -> str | None:
        """Return the path that a name's value was found at, or the name of its method, or None."""
        path = self._paths.get(name)
        found = path and path.find(row)
        if found:
            return found.path
        method = self._methods.get(name)
        return None if method is None else getattr(method, "__name__", name)
