"""A saved query: SQL that people keep, for hunting or as a library of macros; it never runs on a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.definitions.location import Location
    from runner.definitions.scheduled_query import QueryText


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQuery:
    """SQL under a name."""

    name: str
    sql: QueryText
    location: Location
    description: str = ""
    tags: tuple[str, ...] = ()
    is_template: bool = False
    """Whether the text carries `-- pragma: template`, as macro libraries do."""
