"""What records hold in one of their fields, however deep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.ingest.formats import Record
    from runner.ingest.schema import FieldPath


class FieldValues:
    """The values of some records by path; what was looked up on the way is kept."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._found: dict[FieldPath, list[Any]] = {(): list(records)}

    def at(self, path: FieldPath) -> list[Any]:
        """Return a value for each record, None where there is none; a list where the path leads through a list."""
        if path not in self._found:
            self._found[path] = _step(self.at(path[:-1]), path[-1])
        return self._found[path]


def _step(values: list[Any], name: str) -> list[Any]:
    """Look a name up in each value; most objects of a log are seldom there, and few values are lists."""
    kinds = set(map(type, values))
    if kinds == {dict}:
        return [value.get(name) for value in values]
    if list in kinds:
        return [
            value.get(name)
            if type(value) is dict
            else _of_elements(value, name)
            if type(value) is list
            else None
            for value in values
        ]
    if dict in kinds:
        return [value.get(name) if type(value) is dict else None for value in values]
    return [None] * len(values)


def _of_elements(elements: list[Any], name: str) -> list[Any]:
    found = _step(elements, name)
    return [inner for item in found for inner in (item if isinstance(item, list) else [item])]
