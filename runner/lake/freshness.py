"""Freshness: how old the newest data of a table may be, and what a run found of it; `ages.py` finds it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from runner.lake.table import TableName


@dataclass(frozen=True, kw_only=True, slots=True)
class FreshnessLimits:
    """How many minutes old the newest data may be; 0 or nothing: any age will do."""

    of_query: int | None = None
    """For every table of the query, over what is set for the tables."""
    by_table: Mapping[str, int] = field(default_factory=dict)
    """By name: `aws_cloudtrail`, `panther_logs.aws_cloudtrail` or `panther_logs.public.aws_cloudtrail`."""
    of_others: int = 0

    def of(self, table: TableName) -> int:
        """Return what holds for a table."""
        if self.of_query is not None:
            return self.of_query
        by_name = {name.lower(): minutes for name, minutes in self.by_table.items()}
        names = (table.qualified, table.view, table.table)
        return next((by_name[name] for name in names if name in by_name), self.of_others)


@dataclass(frozen=True, kw_only=True, slots=True)
class TableAge:
    """What a run found of a table that has a limit."""

    table: str
    """Qualified."""
    newest: datetime | None
    """The newest data before the reference time, aware; None without any. Of a fresh table, new enough data."""
    limit_minutes: int
    is_limit_of_query: bool
    is_stale: bool

    @property
    def sentence(self) -> str:
        """What a person is told of a stale table."""
        if self.newest is None:
            return f"{self.table} has no data before the reference time (limit {self.limit_minutes} minutes)"
        return (
            f"the newest data of {self.table} is of {self.newest:%Y-%m-%dT%H:%M:%SZ}, older than its limit of "
            f"{self.limit_minutes} minutes"
        )
