"""A lookup table: rows that enrich events, from a file beside the definition, an object store, or a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from runner.definitions.location import Location
    from runner.definitions.scheduled_query import QueryText


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociatedLogType:
    """A log type whose events are looked up in a table, by the values of some of their fields."""

    log_type: str
    selectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Where Panther gets a table's rows anew, and how often; kept as written, and not acted on."""

    object_path: str = ""
    role_arn: str = ""
    period_minutes: int | None = None
    cron_expression: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupTable:
    """A table that events are joined to; `lookup_rows.read_rows` loads its file."""

    name: str
    enabled: bool
    location: Location
    schema: str = ""
    data_file: Path | None = None
    """The CSV or JSON lines with the rows, relative to the project root, if the table has a file."""
    primary_key: str = ""
    associated: tuple[AssociatedLogType, ...] = ()
    refresh: Refresh | None = None
    sql: QueryText | None = None
    """The query that fills the table, if it is filled by one."""
    description: str = ""
    reference: str = ""
    tags: tuple[str, ...] = ()
