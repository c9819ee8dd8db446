"""Matches in order of time become windows, and windows that reach the threshold are alerts.

Pure: the alerts of a key are a function of its matches alone. A live run adds to the last window; a match
that comes late is folded again from the window it falls into.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from runner.alerts.alert import AlertRules


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What one reference time brought to one key."""

    at: datetime
    count: int
    values: frozenset[str] = frozenset()
    """The distinct values of the rule's `unique` function, if that is what the threshold counts."""
    first_match: int = 0
    """The number by which the store knows the first match of this time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A fixed window, opened by the first match after the one before had ended."""

    start: datetime
    last: datetime
    count: int
    first_match: int
    reached_at: datetime | None
    """When the threshold was reached; None as long as it was not."""


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
        last=steps[-1].at,
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
            return step.at
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoption:
    """Which windows keep the identity of which known ones, after a late match has moved them."""

    kept: dict[int, int]
    """Position of the new window → position of the known window whose id it keeps."""
    merged: dict[int, int]
    """Position of a known window that is no more → position of the new window that took it in."""


def adopt(windows: Sequence[Window], known_starts: Sequence[datetime]) -> Adoption:
    """Let each new window keep the id of the earliest known window that starts within it.

    `windows` and `known_starts` are in order of time. A known window always lies in some new one, since
    its first match does.
    """
    kept: dict[int, int] = {}
    merged: dict[int, int] = {}
    position = -1
    for known, start in enumerate(known_starts):
        while position + 1 < len(windows) and windows[position + 1].start <= start:
            position += 1
        target = max(position, 0)
        if target in kept:
            merged[known] = target
        else:
            kept[target] = known
    return Adoption(kept=kept, merged=merged)
