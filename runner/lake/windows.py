"""Stretches of time, and how they are put together. Times are microseconds since 1970, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

EARLIEST = -(2**63)
LATEST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, order=True, slots=True)
class Window:
    """From `low` to `high`, both included."""

    low: int = EARLIEST
    high: int = LATEST

    @property
    def is_empty(self) -> bool:
        """Whether no moment is in it."""
        return self.low > self.high

    @property
    def is_whole(self) -> bool:
        """Whether it has no beginning and no end."""
        return self == WHOLE

    def meets(self, other: Window) -> bool:
        """Tell whether a moment is in both."""
        return self.low <= other.high and other.low <= self.high

    def holds(self, other: Window) -> bool:
        """Tell whether all of another is in this."""
        return self.low <= other.low and other.high <= self.high

    def within(self, other: Window) -> Window:
        """Return what is in both; it may be empty."""
        return Window(max(self.low, other.low), min(self.high, other.high))


WHOLE = Window()

Windows: TypeAlias = tuple[Window, ...]
"""Windows apart from each other, in order; none is empty."""

ALL_TIME: Windows = (WHOLE,)


def joined(windows: Iterable[Window]) -> Windows:
    """Return the windows that hold what any of these holds."""
    found: list[Window] = []
    for window in sorted(window for window in windows if not window.is_empty):
        if found and window.low <= found[-1].high:
            found[-1] = Window(found[-1].low, max(found[-1].high, window.high))
        else:
            found.append(window)
    return tuple(found)


def common(first: Windows, second: Windows) -> Windows:
    """Return the windows that hold what both hold."""
    return joined(one.within(other) for one in first for other in second)


def microseconds(moment: datetime) -> int:
    """Return an aware moment as microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds_: int) -> datetime:
    """Return microseconds since 1970 as an aware moment, at the ends of what Python can say if need be."""
    try:
        return _EPOCH + timedelta(microseconds=microseconds_)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if microseconds_ > 0 else datetime.min.replace(tzinfo=UTC)
