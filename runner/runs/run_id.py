"""Run ids: UUID version 7 (RFC 9562 §5.7), so that they sort by time."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from datetime import datetime

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62


def new_run_id(now: datetime) -> str:
    """Make an id from the moment (aware; its milliseconds count) and 74 random bits."""
    milliseconds = int(now.timestamp() * 1000)
    random_a, random_b = secrets.randbits(12), secrets.randbits(62)
    return str(UUID(int=(milliseconds << 80) | _VERSION | (random_a << 64) | _VARIANT | random_b))
