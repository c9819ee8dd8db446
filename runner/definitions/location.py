"""Where in a file something stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file: its path relative to the project root, and line and column counted from 1.

    Prints as `path:line:column`, as compilers do, so that editors and terminals can jump to it.
    """

    path: Path
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path.as_posix()}:{self.line}:{self.column}"

    def after(self, text: str) -> Location:
        """Return the place that is reached when `text` is read from here."""
        last_line = text.rpartition("\n")[2]
        if len(last_line) == len(text):
            return Location(self.path, self.line, self.column + len(text))
        return Location(self.path, self.line + text.count("\n"), 1 + len(last_line))
