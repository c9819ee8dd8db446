"""A pack: definitions that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.definitions.location import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A named list of the ids of definitions."""

    pack_id: str
    definition_ids: tuple[str, ...]
    location: Location
    display_name: str = ""
    description: str = ""
