"""A data model: one name for what each log type calls otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.definitions.location import Location
    from runner.definitions.python_source import PythonSource


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """What one unified name stands for: exactly one of a JSONPath and a function of the model's Python."""

    name: str
    path: str | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataModel:
    """The unified names of the events of some log types, for `event.udm`."""

    model_id: str
    enabled: bool
    log_types: tuple[str, ...]
    mappings: tuple[FieldMapping, ...]
    location: Location
    python: PythonSource | None = None
    display_name: str = ""
