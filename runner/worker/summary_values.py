"""What the fields named in a rule's `SummaryAttributes` hold in one event, ready to be counted with its match."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from runner.detections.event import unwrapped
from runner.worker.identity import json_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.detections.event import Event

_STEP = re.compile(r"[:.]")
_VALUES = 20
"""Of a list so many different values are counted."""
_LOOKED_AT = 1_000
"""Further items of a list are not looked at."""
_CHARACTERS = 200


class SummaryReader:
    """Reads the summary attributes of one rule."""

    def __init__(self, attributes: Sequence[str]) -> None:
        self._paths = [(attribute, tuple(_STEP.split(attribute))) for attribute in attributes]

    def of_event(self, event: Event) -> str | None:
        """Return the values as JSON, attribute → list of texts; None if the rule has no summary attributes.

        Raises `RecursionError` for a value that is nested too deeply.
        """
        if not self._paths:
            return None
        read = {attribute: _texts(event, attribute, path) for attribute, path in self._paths}
        return json_of({attribute: texts for attribute, texts in read.items() if texts}).decode()


def _texts(event: Event, attribute: str, path: tuple[str, ...]) -> list[str]:
    """Return the different values of an attribute: each counts once in an event."""
    if attribute in event:  # a column whose name has a full stop in it
        path = (attribute,)
    texts = (_text(value) for value in _values(unwrapped(event.get(path[0])), path[1:]))
    return list(islice(dict.fromkeys(islice(texts, _LOOKED_AT)), _VALUES))


def _values(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """Yield what stands at the end of a path, one by one where lists are on the way or there."""
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif not path:
        if value is not None:
            yield value
    elif isinstance(value, dict):
        yield from _values(_inner(value, path[0]), path[1:])


def _inner(value: dict[Any, Any], name: str) -> Any:
    """Return a field of an object, whose name may be written in another case."""
    if name in value:
        return value[name]
    lowered = name.lower()
    return next((item for key, item in value.items() if str(key).lower() == lowered), None)


def _text(value: Any) -> str:
    """Return a value as it is shown and counted, without what no database keeps in a text."""
    text = value if isinstance(value, str) else json_of(value).decode()
    cut = text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"
    return cut.encode("utf-8", "replace").decode().replace("\0", "�")
