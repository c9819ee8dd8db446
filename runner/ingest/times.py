"""Reads times as logs write them: ISO 8601, seconds or finer since 1970, e-mail dates, web server dates.

A time without a zone is UTC. What is finer than a microsecond is cut off.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMESTAMP = pa.timestamp("us")

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the lake's times are naive and mean UTC
_FIRST, _LAST = (pa.scalar(end, TIMESTAMP).value for end in (datetime.min, datetime.max))  # noqa: DTZ901 - as above
_ZONED = (pa.timestamp("us", "UTC"), pa.timestamp("ns", "UTC"))
_PLAIN = (TIMESTAMP, pa.timestamp("ns"))
_FRACTION = re.compile(r"([.,]\d{6})\d+")
_ZONE_WORD = re.compile(r"\s*(?:UTC|GMT|Z)$")
_MAIL = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}")
_NUMBER = re.compile(r"-?\d{9,19}(?:\.\d+)?")
_MICROSECONDS_PER_UNIT = ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1))  # below 1e11: seconds, and so on


def parse_all(values: Sequence[object]) -> pa.Array:
    """Return a naive UTC `timestamp[us]` for each value; null where there is none or it is no time."""
    kinds = set(map(type, values))
    if kinds <= {str, type(None)}:
        found = _parse_texts(pa.array(values, pa.string()))
        if found is not None:
            return found
    return pa.array([parse(value) for value in values], TIMESTAMP)


def parse(value: object) -> datetime | None:
    """Return a naive UTC time for one value, or None if it is no time between the years 1 and 9999."""
    try:
        match value:
            case bool():
                return None
            case int() | float():
                return _of_number(value)
            case str():
                return _of_text(value.strip())
    except (ValueError, OverflowError):
        return None
    return None


def _parse_texts(texts: pa.Array) -> pa.Array | None:
    """Parse all texts at once, if they are all of one form that Arrow knows."""
    for kind in (*_ZONED, *_PLAIN):
        try:
            found = texts.cast(kind)
        except pa.ArrowInvalid:
            continue
        found = found.cast(pa.timestamp(kind.unit)).cast(TIMESTAMP, safe=False)
        return found if _within_calendar(found) else None
    return None


def _within_calendar(moments: pa.Array) -> bool:
    """Tell whether Python and SQL know these years: Arrow also reads the year 0."""
    if len(moments) == moments.null_count:
        return True
    ends = pc.min_max(moments)
    first, last = ends["min"].value, ends["max"].value
    return bool(first >= _FIRST and last <= _LAST)


def _of_number(value: float) -> datetime | None:
    if not math.isfinite(value):
        return None
    for below, microseconds in _MICROSECONDS_PER_UNIT:
        if abs(value) < below:
            return _EPOCH + timedelta(microseconds=round(value * microseconds))
    return _EPOCH + timedelta(microseconds=int(value) // 1_000)  # nanoseconds


def _of_text(text: str) -> datetime | None:
    if _NUMBER.fullmatch(text):
        return _of_number(float(text) if "." in text else int(text))
    for reader in (_of_iso, _of_mail, _of_web_server):
        try:
            return _naive(reader(text))
        except ValueError:
            continue
    return None


def _of_iso(text: str) -> datetime:
    return datetime.fromisoformat(_FRACTION.sub(r"\1", _ZONE_WORD.sub("+00:00", text)))


def _of_mail(text: str) -> datetime:
    if not _MAIL.match(text):
        raise ValueError(text)
    return parsedate_to_datetime(text)


def _of_web_server(text: str) -> datetime:
    return datetime.strptime(text.strip("[]"), "%d/%b/%Y:%H:%M:%S %z")


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
