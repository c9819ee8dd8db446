"""How long: the offsets of the time macros, such as `1 hour`, `5m` or `3600`."""

from __future__ import annotations

import re
from datetime import timedelta

from runner.errors import RefusedQuery

_OFFSET = re.compile(r"\s*(?P<number>\d+)\s*(?P<unit>[A-Za-z]*)\s*")

SECONDS_PER_UNIT = {
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), 604_800),
}
"""Panther's units; a bare number counts seconds, and `m` is minutes."""


def parse_offset(text: str) -> timedelta:
    """Read an offset such as `1 hour`, `90m` or `3600`.

    Raises `RefusedQuery` for another unit or a number that is not whole.
    """
    match = _OFFSET.fullmatch(text)
    seconds = SECONDS_PER_UNIT.get(match["unit"].lower()) if match else None
    if match is None or seconds is None:
        raise RefusedQuery(
            f"{text!r} is not a time offset: write a whole number and a unit "
            "(seconds, minutes, hours, days or weeks), such as '1 hour' or '30m'"
        )
    try:
        return timedelta(seconds=int(match["number"]) * seconds)
    except OverflowError:
        raise RefusedQuery(f"the time offset {text!r} is too long") from None
