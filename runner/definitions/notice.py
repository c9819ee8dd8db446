"""Something in a definition that works, and deserves a second look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.definitions.location import Location


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning about a definition: the code to look it up by, the sentence, and the place."""

    code: str
    message: str
    location: Location

    def __str__(self) -> str:
        return f"{self.location}: {self.code} {self.message}"
