"""Run ids: UUID version 7 (RFC 9562 §5.7), so that they sort by time."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62


def new_run_id(now: datetime) -> str:
    """Make an id from the moment (aware; its milliseconds count) and 74 random bits."""
    milliseconds = (now - _EPOCH) // _MILLISECOND  # in whole numbers: a float would be off by one at times
    random_a, random_b = secrets.randbits(12), secrets.randbits(62)
    return str(UUID(int=(milliseconds << 80) | _VERSION | (random_a << 64) | _VARIANT | random_b))
