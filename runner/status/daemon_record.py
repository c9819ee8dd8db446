"""DaemonRecord: what a daemon says of itself, again and again, for those who ask the state database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class DaemonRecord:
    """One daemon. Times are UTC, by its own clock, but for those that the database sets."""

    owner: str
    """Its name in the backlog."""
    host: str
    pid: int
    version: str
    started_at: datetime
    workers: int
    """How many queries it may run at the same time."""
    busy: int
    """How many of them were at work when it was heard of last."""
    queries: int
    rules: int
    definitions_at: datetime
    """When the definitions that it uses were loaded."""
    troubles: tuple[str, ...] = ()
    """What keeps it from doing all that it should."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenDaemon:
    """A daemon as the database knows it."""

    record: DaemonRecord
    beat_at: datetime
    """When it was heard of last, by the database's clock."""
    silent_seconds: float
    """How long ago that was."""
    stopped_at: datetime | None
    """When it ended in good order."""
    is_alive: bool
    """It has not stopped, and was heard of as lately as it had promised."""
