"""A global helper: Python that rules import by its id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.definitions.location import Location
    from runner.definitions.python_source import PythonSource


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalHelper:
    """A module that rules and other helpers import by `helper_id`, whatever its file is called."""

    helper_id: str
    python: PythonSource
    location: Location
    description: str = ""
    tags: tuple[str, ...] = ()
