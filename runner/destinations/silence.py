"""Silence: alerts that nobody is told of for a while, and why. They are stored as ever."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from runner.destinations.message import Notice


@dataclass(frozen=True, kw_only=True, slots=True)
class Matcher:
    """Which alerts are meant: all patterns that are given have to fit. `*` and `?` stand for any characters."""

    rule: str = ""
    title: str = ""
    dedup: str = ""
    severity: str = ""
    type: str = ""
    tag: str = ""

    def fits(self, notice: Notice) -> bool:
        """Tell whether an alert is meant."""
        single = {
            "rule": notice.rule_id,
            "title": notice.title,
            "dedup": notice.dedup,
            "severity": notice.severity,
            "type": notice.type,
        }
        fit = all(_fits(getattr(self, name), value) for name, value in single.items())
        return fit and (not self.tag or any(_fits(self.tag, tag) for tag in notice.tags))

    @property
    def is_empty(self) -> bool:
        """Whether no pattern is given, so that every alert is meant."""
        return not any(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        given = ((field.name, getattr(self, field.name)) for field in fields(self))
        return ", ".join(f"{name}={pattern}" for name, pattern in given if pattern) or "every alert"


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """A matcher that holds from `starts_at` until before `ends_at` (aware, UTC)."""

    silence_id: int
    matcher: Matcher
    reason: str
    author: str
    starts_at: datetime
    ends_at: datetime
    window: str = ""
    """The maintenance window that it is one occurrence of, if it is; those have no number and no author."""

    def holds(self, notice: Notice, now: datetime) -> bool:
        """Tell whether it silences an alert now."""
        return self.starts_at <= now < self.ends_at and self.matcher.fits(notice)

    def __str__(self) -> str:
        if self.window:
            return f"maintenance window {self.window}: {self.reason}"
        return f"silence {self.silence_id} by {self.author}: {self.reason}"


def first_that_holds(silences: Iterable[Silence], notice: Notice, now: datetime) -> Silence | None:
    """Return the silence that keeps an alert from being told, if there is one."""
    return next((one for one in silences if one.holds(notice, now)), None)


def _fits(pattern: str, value: str) -> bool:
    return not pattern or fnmatchcase(value, pattern)
