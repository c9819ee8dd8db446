"""The Python half of a definition, named and read but never loaded here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class PythonSource:
    """A Python file: its path relative to the project root, and its text."""

    path: Path
    text: str = field(repr=False)
