"""A scheduled query: SQL, and when to run it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from runner.definitions.visible_text import visible_units

if TYPE_CHECKING:
    from runner.definitions.location import Location


class Dialect(StrEnum):
    """Whose SQL a query is written in."""

    SNOWFLAKE = "snowflake"
    TRINO = "trino"
    DUCKDB = "duckdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryText:
    """The SQL of a query, and how to find any place of it in the YAML file.

    `location` is where the first visible character stands. `written` is the file's text from there on, before YAML
    took indentation, folding and quotes away; `quote` is the quote that YAML's reading undid, if any. A text made
    without `written` stands in the file as it is.
    """

    text: str
    dialect: Dialect
    location: Location
    written: str | None = field(default=None, repr=False)
    quote: str = field(default="", repr=False)
    is_plain: bool = False
    """Whether it stands under the key `Query`, whose dialect a setting may change."""

    def read_as(self, plain: str) -> str:
        """Return the dialect to read it in, where `Query` means the dialect `plain`."""
        return plain if self.is_plain else self.dialect.value

    def locate(self, line: int, column: int) -> Location:
        """Return where in the YAML file a place of the SQL stands; `line` and `column` count from 1.

        YAML changes white space only (and quotes and escapes inside quotes), so the n-th visible character of the
        SQL is the n-th visible character of the file's text: that holds for block, folded, quoted and plain text.
        """
        before = self.text.splitlines(keepends=True)[: max(line, 1)]
        if len(before) >= max(line, 1):
            before[-1] = before[-1][: max(column, 1) - 1]
        wanted = sum(not character.isspace() for character in "".join(before))
        return self._visible(wanted)

    def _visible(self, wanted: int) -> Location:
        written = self.text.lstrip() if self.written is None else self.written
        end = 0
        for number, unit in enumerate(visible_units(written, self.quote)):
            if number == wanted:
                return self.location.after(written[: unit.start()])
            end = unit.end()
        return self.location.after(written[:end])


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a query is due: either a cron expression (five fields, UTC) or a rate in minutes.

    `timeout_minutes` is how long one run may take.
    """

    cron: str | None = None
    rate_minutes: int | None = None
    timeout_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailConfig:
    """Who gets a query's rows by mail."""

    recipients: tuple[str, ...]
    send_empty: bool = False
    """Whether they get a mail if there is no row."""
    prefer_attachment: bool = False
    """Whether the rows are in the attached CSV only, without a table in the mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledQuery:
    """A query that runs on a schedule and hands its rows to the rules that listen to its name."""

    name: str
    enabled: bool
    sql: QueryText
    schedule: Schedule
    location: Location
    description: str = ""
    tags: tuple[str, ...] = ()
    email: EmailConfig | None = None
    is_template: bool = False
    """Whether the text carries `-- pragma: template` and is to be expanded before it is SQL."""
