"""Maintenance windows: silences that come again, as the `[maintenance.<name>]` tables of the settings describe them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runner.definitions.cron import cron_fault
from runner.definitions.scheduled_query import Schedule
from runner.destinations.kinds import REQUIRED
from runner.destinations.reading import read_options
from runner.destinations.silence import Matcher, Silence
from runner.errors import SettingsError
from runner.options import Option, count, flag, text
from runner.schedule import due

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MaintenanceWindow:
    """Alerts that nobody is told of for a while, again and again."""

    name: str
    schedule: Schedule
    """When it begins, in UTC."""
    length: timedelta
    matcher: Matcher
    reason: str

    def at(self, now: datetime) -> Silence:
        """Return it as a silence: the one that holds now, else the next."""
        start = due.last_due(self.schedule, now)
        if now >= start + self.length:
            start = due.next_due(self.schedule, now)
        return Silence(
            silence_id=0,
            matcher=self.matcher,
            reason=self.reason,
            author="",
            starts_at=start,
            ends_at=start + self.length,
            window=self.name,
        )


def read_windows(tables: Mapping[str, Mapping[str, Any]]) -> tuple[MaintenanceWindow, ...]:
    """Return the maintenance windows, in the order in which they are written.

    Raises `SettingsError` naming every wrong option of every window.
    """
    faults: list[str] = []
    found = [_window(name, table, faults) for name, table in tables.items()]
    if faults:
        raise SettingsError("\n".join(faults))
    return tuple(window for window in found if window is not None)


def windows_at(windows: Iterable[MaintenanceWindow], now: datetime) -> list[Silence]:
    """Return the silences of the windows that hold now."""
    return [silence for window in windows if (silence := window.at(now)).starts_at <= now]


def _window(name: str, table: Mapping[str, Any], faults: list[str]) -> MaintenanceWindow | None:
    place = f'maintenance."{name}"'
    own: list[str] = []
    given = dict(read_options(place, table, OPTIONS, own, knows_all=True))
    matcher = Matcher(**{field.name: given[field.name] for field in fields(Matcher)})
    if not own and matcher.is_empty != given["everything"]:
        own.append(f"{place}: say which alerts are meant by patterns, or set everything = true")
    faults += own
    if own:
        return None
    return MaintenanceWindow(
        name=name,
        schedule=Schedule(cron=given["cron"], timeout_minutes=1),
        length=timedelta(minutes=given["minutes"]),
        matcher=matcher,
        reason=given["reason"],
    )


def _cron(value: Any) -> str:
    expression = text(value)
    fault = cron_fault(expression)
    if fault:
        raise ValueError(fault)
    return expression


OPTIONS: tuple[Option, ...] = (
    Option(
        name="cron",
        read=_cron,
        default=REQUIRED,
        help="When it begins: five fields as in a query's `CronExpression`, in UTC.",
    ),
    Option(name="minutes", read=count, default=REQUIRED, help="How long it lasts, in minutes."),
    Option(
        name="reason", read=text, default=REQUIRED, help="Why; it stands with each alert that is kept back."
    ),
    Option(
        name="rule",
        read=text,
        default="",
        help="The rule's id; `*` and `?` stand for any characters, here and below.",
    ),
    Option(name="title", read=text, default="", help="The alert's title."),
    Option(name="dedup", read=text, default="", help="Its dedup string."),
    Option(name="severity", read=text, default="", help="Its severity."),
    Option(name="type", read=text, default="", help="Its type, such as `SYSTEM_ERROR`."),
    Option(name="tag", read=text, default="", help="One of its rule's tags."),
    Option(
        name="everything",
        read=flag,
        default=False,
        help="Whether every alert is meant; then there are no patterns.",
    ),
)
"""What `[maintenance.<name>]` may set."""
