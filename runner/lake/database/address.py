"""Where a database is that answers queries."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseAddress:
    """Where a database is: its name in the settings, and a SQLAlchemy URL, which is a secret."""

    name: str
    url: str = field(repr=False)
