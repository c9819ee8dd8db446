"""Matches in order of time become windows, and windows that reach the threshold are alerts.

Pure: the windows of a key are a function of its matches alone. A live run adds to the last window; a match
that comes late is folded again from the window it falls into.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from runner.alerts.alert import AlertRules, AlertStatus


NO_VALUES: Final = frozenset[str]()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What one reference time brought to one key; or a whole window that is already known."""

    at: datetime
    count: int
    values: frozenset[str] = NO_VALUES
    """The distinct values of the rule's `unique` function, if that is what the threshold counts."""
    first_match: int = 0
    """The number by which the store knows the first match of this time."""
    until: datetime | None = None
    """The last time that it stands for, if it stands for more than one."""

    @property
    def end(self) -> datetime:
        """The last time that it stands for."""
        return self.until or self.at


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A fixed window, opened by the first match after the one before had ended."""

    start: datetime
    last: datetime
    count: int
    first_match: int
    reached_at: datetime | None
    """When the threshold was reached; None as long as it was not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownWindow:
    """A window as the store has it from an earlier fold; it is an alert if it has a `created_at`."""

    alert_id: str
    start: datetime
    last: datetime
    count: int
    """0 if all its matches have moved to other windows."""
    first_match: int
    created_at: datetime | None
    severity: str
    status: AlertStatus
    is_held: bool = False
    """Another alert stands for it: nobody is told of it."""

    def as_step(self) -> Step:
        """Return one step that stands for all its matches, so that none of them has to be read again."""
        return Step(at=self.start, until=self.last, count=self.count, first_match=self.first_match)


def windows_of(steps: Iterable[Step], rules: AlertRules) -> list[Window]:
    """Fold steps in order of time into windows of `rules.period_minutes`.

    A match exactly one period after the first opens a new window. All figures of a window but its last
    time and its count come from its first match.
    """
    period = timedelta(minutes=rules.period_minutes)
    windows: list[list[Step]] = []
    for step in steps:
        if windows and step.at < windows[-1][0].at + period:
            windows[-1].append(step)
        else:
            windows.append([step])
    return [_window(steps_of_one, rules) for steps_of_one in windows]


def _window(steps: Sequence[Step], rules: AlertRules) -> Window:
    return Window(
        start=steps[0].at,
        last=steps[-1].end,
        count=sum(step.count for step in steps),
        first_match=steps[0].first_match,
        reached_at=_reached_at(steps, rules) if rules.create_alert else None,
    )


def _reached_at(steps: Sequence[Step], rules: AlertRules) -> datetime | None:
    count, values = 0, set[str]()
    for step in steps:
        count += step.count
        values |= step.values
        if (len(values) if rules.counts_unique else count) >= rules.threshold:
            return step.end
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoption:
    """Which windows keep the identity of which known ones, after matches have come late or moved away."""

    kept: dict[int, KnownWindow]
    """Position of the new window → the known window whose id it keeps."""
    merged: dict[int, tuple[KnownWindow, ...]]
    """Position of the new window → the other known windows that it took in."""
    emptied: tuple[KnownWindow, ...]
    """Known windows that have no match any more."""


def adopt(windows: Sequence[Window], known: Sequence[KnownWindow]) -> Adoption:
    """Let each new window keep the id of a known window that begins within it.

    Of several it keeps that of the earliest alert, as people may know it; a window that is no alert
    yet gives way. Both sequences are in order of time. A known window whose first match has moved away goes
    to where its next one is; if all have, to a new window before it: a match only ever moves to an
    earlier time.
    """
    homes, homeless = _homes(windows, known)
    for one in sorted(homeless, key=_precedence):
        free = [position for position, window in enumerate(windows) if window.start < one.start]
        free = [position for position in free if position not in homes]
        if one.count and free:
            homes[free[-1]] = [one]
            homeless.remove(one)
    return Adoption(
        kept={position: guests[0] for position, guests in homes.items()},
        merged={position: tuple(guests[1:]) for position, guests in homes.items() if len(guests) > 1},
        emptied=tuple(homeless),
    )


def _homes(
    windows: Sequence[Window], known: Sequence[KnownWindow]
) -> tuple[dict[int, list[KnownWindow]], list[KnownWindow]]:
    """Return the known windows by the position of the new one they lie in, and those that lie in none."""
    homes: dict[int, list[KnownWindow]] = {}
    homeless: list[KnownWindow] = []
    lasts = [window.last for window in windows]
    for one in known:
        position = bisect_left(lasts, one.start)
        if position < len(windows) and windows[position].start <= one.last:
            homes.setdefault(position, []).append(one)
        else:
            homeless.append(one)
    for guests in homes.values():
        guests.sort(key=_precedence)
    return homes, homeless


def _precedence(known: KnownWindow) -> tuple[bool, datetime]:
    return known.created_at is None, known.start
