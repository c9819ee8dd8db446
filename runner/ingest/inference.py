"""Guesses the schema of a log type that nobody declared, from its records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from runner.ingest.schema import JSON, SCALARS, Schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EVENT_TIME_NAMES = (
    "p_event_time",
    "eventTime",
    "event_time",
    "timestamp",
    "@timestamp",
    "time",
    "published",
    "createdAt",
    "created_at",
    "creationTime",
    "datetime",
    "ts",
    "_time",
)
"""Fields that usually hold the event time, tried in this order."""

_DEPTH = 6
_MOST_COLUMNS = 1_000
_MOST_FIELDS = 100
_REGULAR = 0.2
_SCALAR_KINDS: Mapping[frozenset[type], pa.DataType] = {
    frozenset({str}): SCALARS["string"],
    frozenset({bool}): SCALARS["boolean"],
    frozenset({int}): SCALARS["bigint"],
    frozenset({float}): SCALARS["double"],
    frozenset({int, float}): SCALARS["double"],
}


class Inference:
    """Looks at records and remembers of what kinds their fields were."""

    def __init__(self) -> None:
        self._shape = _Shape()

    def look_at(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take more records into account."""
        for record in records:
            self._shape.add(record, _DEPTH)

    def schema(self, log_type: str) -> Schema:
        """Return what all records so far have in common.

        An object that looks the same from record to record becomes a struct; one whose keys vary, and a field of
        mixed types, becomes JSON. A field that was always null is left out: it has no type yet.
        """
        fields = [
            pa.field(name, shape.kind())
            for name, shape in _without_twins(self._shape.fields).items()
            if shape.kinds and name and not name.lower().startswith("p_")
        ]
        return Schema(
            log_type=log_type,
            columns=pa.struct(fields[:_MOST_COLUMNS]),
            event_times=tuple((name,) for name in EVENT_TIME_NAMES),
        )


class _Shape:
    """What was seen in one place of the records."""

    __slots__ = ("count", "element", "fields", "kinds", "shallow")

    def __init__(self) -> None:
        self.kinds: set[type] = set()
        self.count = 0
        self.fields: dict[str, _Shape] = {}
        self.element: _Shape | None = None
        self.shallow = False

    def add(self, value: Any, depth: int) -> None:
        if value is None:
            return
        self.kinds.add(dict if isinstance(value, dict) else type(value))
        self.count += 1
        if depth == 0:
            self.shallow = True
        elif isinstance(value, dict):
            self._add_fields(value, depth)
        elif isinstance(value, list):
            self._add_elements(value, depth)

    def kind(self) -> pa.DataType:
        if self.kinds == {dict} and self._is_regular():
            return pa.struct(
                [pa.field(name, shape.kind()) for name, shape in self.fields.items() if shape.kinds]
            )
        if self.kinds == {list} and not self.shallow and self.element is not None and self.element.kinds:
            return pa.list_(self.element.kind())
        return _SCALAR_KINDS.get(frozenset(self.kinds), JSON)

    def _add_fields(self, value: Mapping[str, Any], depth: int) -> None:
        for name, inner in value.items():
            shape = self.fields.get(name)
            if shape is None:
                if len(self.fields) > _MOST_COLUMNS:  # keys that are data: remembering more says nothing more
                    continue
                shape = self.fields[name] = _Shape()
            shape.add(inner, depth - 1)

    def _add_elements(self, values: list[Any], depth: int) -> None:
        if self.element is None:
            self.element = _Shape()
        for value in values:
            self.element.add(value, depth - 1)

    def _is_regular(self) -> bool:
        """Tell whether the keys are names of fields rather than data."""
        known = [shape for shape in self.fields.values() if shape.kinds]
        filled = sum(shape.count for shape in known)
        return (
            not self.shallow
            and 0 < len(known) <= _MOST_FIELDS
            and filled >= _REGULAR * len(known) * self.count
            and len(_without_twins(self.fields)) == len(self.fields)
            and "" not in self.fields
        )


def _without_twins(fields: Mapping[str, _Shape]) -> dict[str, _Shape]:
    """Leave out names that SQL cannot tell from an earlier one: `name` after `Name`."""
    taken: set[str] = set()
    alone = {}
    for name, shape in fields.items():
        if name.lower() not in taken:
            taken.add(name.lower())
            alone[name] = shape
    return alone
