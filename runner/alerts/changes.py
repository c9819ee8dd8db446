"""What folding a key anew changes about its alerts. Pure: the store carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from runner.alerts import fold
from runner.alerts.alert import alert_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from runner.alerts.alert import AlertKey
    from runner.alerts.fold import KnownWindow, Window


class AlertChange(StrEnum):
    """What a run did to an alert."""

    NEW = "new"
    GROWN = "grown"
    REFOLDED = "refolded"
    """Matches came late, or moved: it covers another time, or says something else."""
    MERGED = "merged"
    """Late matches joined its window with that of another alert, which has its matches now."""
    UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedAlert:
    """An alert that a run's matches belong to, or that they brought about."""

    alert_id: str
    change: AlertChange


class PlannedWindow(NamedTuple):
    """A window as it is to be stored, and as it was before."""

    alert_id: str
    key: AlertKey
    window: Window
    known: KnownWindow | None

    @property
    def created_at(self) -> datetime | None:
        """When the alert was created, which never changes; None as long as there is none."""
        return (self.known and self.known.created_at) or self.window.reached_at

    @property
    def differs(self) -> bool:
        """Whether a known window has to be written again."""
        return self.known is not None and (
            (self.window.start, self.window.last, self.window.count, self.created_at)
            != (self.known.start, self.known.last, self.known.count, self.known.created_at)
            or self.is_redescribed
        )

    @property
    def is_redescribed(self) -> bool:
        """Whether another match is now the first, and says what the alert says."""
        return self.known is not None and self.known.first_match != self.window.first_match

    def change_by(self, at: datetime) -> ChangedAlert | None:
        """Return what a run with reference time `at` did to the alert; None if there is none, or nothing."""
        if self.created_at is None:
            return None
        if self.known is None or self.known.created_at is None:
            return ChangedAlert(alert_id=self.alert_id, change=AlertChange.NEW)
        if self.known.is_held:
            return None
        is_of_run = self.window.start <= at <= self.window.last
        if is_of_run and self.window.count > self.known.count:
            return ChangedAlert(alert_id=self.alert_id, change=AlertChange.GROWN)
        if self.differs:
            return ChangedAlert(alert_id=self.alert_id, change=AlertChange.REFOLDED)
        return ChangedAlert(alert_id=self.alert_id, change=AlertChange.UNCHANGED) if is_of_run else None


class KeyPlan(NamedTuple):
    """What is to be written for one key."""

    windows: tuple[PlannedWindow, ...]
    merged: dict[str, str]
    """Id of an alert that is no more by itself → id of the alert that took it in."""
    emptied: tuple[KnownWindow, ...]
    """Alerts whose matches have all moved away: they stay, with no matches."""
    forgotten: tuple[str, ...]
    """Ids of windows that are no more, and had not become alerts."""
    released: tuple[str, ...] = ()
    """Ids of alerts that another stood for, and that took in one that people know: they are told of from now on."""

    def departures(self) -> Iterator[ChangedAlert]:
        """Yield what became of alerts other than by their own window."""
        for one in self.released:
            yield ChangedAlert(alert_id=one, change=AlertChange.NEW)
        for gone in self.merged:
            yield ChangedAlert(alert_id=gone, change=AlertChange.MERGED)
        for known in self.emptied:
            if not known.is_held:
                yield ChangedAlert(alert_id=known.alert_id, change=AlertChange.REFOLDED)


def plan_key(key: AlertKey, windows: Sequence[Window], known: Sequence[KnownWindow]) -> KeyPlan:
    """Compare the windows of a key with those known before, both in order of time."""
    if not known:
        planned = tuple([_planned(key, window, None) for window in windows])
        return KeyPlan(windows=planned, merged={}, emptied=(), forgotten=())
    adoption = fold.adopt(windows, known)
    planned = tuple(
        _planned(key, window, adoption.kept.get(position)) for position, window in enumerate(windows)
    )
    taken_in = [
        (one, planned[position].alert_id) for position, guests in adoption.merged.items() for one in guests
    ]
    gone = (*adoption.emptied, *(one for one, _ in taken_in))
    return KeyPlan(
        windows=planned,
        merged={one.alert_id: target for one, target in taken_in if one.created_at is not None},
        emptied=tuple(one for one in adoption.emptied if one.created_at is not None and one.count),
        forgotten=tuple(one.alert_id for one in gone if one.created_at is None),
        released=tuple(
            adoption.kept[position].alert_id
            for position, guests in adoption.merged.items()
            if adoption.kept[position].is_held and any(_is_known(one) for one in guests)
        ),
    )


def _is_known(alert: KnownWindow) -> bool:
    return alert.created_at is not None and not alert.is_held


def _planned(key: AlertKey, window: Window, kept: KnownWindow | None) -> PlannedWindow:
    identity = alert_id(key, window.start) if kept is None else kept.alert_id
    return PlannedWindow(alert_id=identity, key=key, window=window, known=kept)
