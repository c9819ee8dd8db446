"""How things look: tables and colours for people, JSON for machines."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner.cli.options import written
from runner.cli.wording import complain, counted, print_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from runner.alerts.alert import Alert
    from runner.runs.query_run import RunState

__all__ = ["complain", "counted", "print_json"]  # besides what is defined here: most commands need both

SEVERITY_STYLES = {
    "CRITICAL": "bold white on red",
    "HIGH": "bold red",
    "MEDIUM": "yellow",
    "LOW": "cyan",
    "INFO": "dim",
}
STATE_STYLES = {"running": "cyan", "succeeded": "green", "truncated": "yellow"}
"""Of the states of a run; every other one is a failure."""
SHORT_ID = 10
"""How many characters of an alert's id people are shown; as many as tell alerts apart in practice."""
ROOMY = 120
"""The width of a terminal, in characters, from which tables show every column."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """An alert as one line of a list."""

    alert: Alert
    change: str = ""
    """What the run did to it, if the list is of one run."""


class _Console(Console):
    """A console that leaves it to the program what becomes of output that nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Let the error pass; rich would end the program with 1."""
        raise BrokenPipeError


def console() -> Console:
    """Return where people read; plain text if it is no terminal."""
    return _Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())


def is_narrow() -> bool:
    """Tell whether people look at a terminal that has no room for every column."""
    return sys.stdout.isatty() and console().width < ROOMY


def error_console() -> Console:
    """Return where people see progress: standard error, so that output can be piped on."""
    return Console(stderr=True)


def alert_table(lines: Sequence[Line]) -> Table:
    """Return a table of alerts."""
    changes = any(line.change for line in lines)
    middle_headings = ["This run"] if changes else ["Status", "Created"]
    table = new_table(
        "Severity", "Alert", "Matches", *middle_headings, "Title", folded="Title", numbers={"Matches"}
    )
    for line in lines:
        alert = line.alert
        created = alert.created_at.date().isoformat() if is_narrow() else written(alert.created_at)
        middle = [line.change] if changes else [alert.status.value, created]
        table.add_row(
            Text(alert.severity, style=SEVERITY_STYLES[alert.severity]),
            alert.alert_id[:SHORT_ID],
            f"{alert.match_count:,}",
            *middle,
            Text(alert.title),
        )
    return table


def new_table(*headings: str, folded: str, numbers: Collection[str] = ()) -> Table:
    """Return an empty table whose columns keep their width, but for the `folded` one."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(
            heading,
            justify="right" if heading in numbers else "left",
            no_wrap=heading != folded,
            overflow="fold",
        )
    return table


def state_text(state: RunState) -> Text:
    """Return the state of a run in its colour."""
    return Text(state.value, style=STATE_STYLES.get(state.value, "bold red"))


def show_table(table: Table) -> None:
    """Print a table: folded to a terminal's width, or in lines of any length."""
    if sys.stdout.isatty():
        console().print(table)
        return
    for line in plain_lines(table):
        click.echo(line)


def plain_lines(table: Table) -> Iterator[str]:
    """Yield the lines of a table as rich prints them without colours, for a hundredth of its price."""
    columns = [
        [*([_plain(column.header)] if table.show_header else []), *map(_plain, column.cells)]
        for column in table.columns
    ]
    widths = [max((cell_len(part) for cell in cells for part in cell), default=0) for cells in columns]
    numbers = [column.justify == "right" for column in table.columns]
    for row in zip(*columns, strict=True):
        for parts in zip_longest(*row, fillvalue=""):
            places = zip(parts, widths, numbers, strict=True)
            yield "  ".join(_aligned(*place) for place in places).rstrip()


def _plain(cell: RenderableType) -> list[str]:
    text = cell.plain if isinstance(cell, Text) else str(cell)
    return [line.rstrip() for line in text.removesuffix("\n").split("\n")]


def _aligned(part: str, width: int, is_number: bool) -> str:  # noqa: FBT001  one of the three of a column
    space = " " * (width - cell_len(part))
    return space + part if is_number else part + space


def in_order(alerts: Iterable[Line]) -> list[Line]:
    """Return the gravest first, then by title."""
    grave = list(SEVERITY_STYLES)
    return sorted(alerts, key=lambda line: (grave.index(line.alert.severity), line.alert.title))


def alert_fields(alert: Alert) -> dict[str, Any]:
    """Return an alert as JSON values."""
    return {
        "alert_id": alert.alert_id,
        "rule_id": alert.key.rule_id,
        "type": alert.type.value,
        "dedup": alert.key.dedup,
        "title": alert.title,
        "severity": alert.severity,
        "status": alert.status.value,
        "assignee": alert.assignee or None,
        "held_by": alert.held_by,
        "merged_into": alert.merged_into,
        "match_count": alert.match_count,
        "created_at": written(alert.created_at),
        "first_match_at": written(alert.first_match_at),
        "last_match_at": written(alert.last_match_at),
        "description": alert.description,
        "runbook": alert.runbook,
        "reference": alert.reference,
        "destinations": alert.destinations,
        "log_types": alert.log_types,
        "context": alert.context,
        "run_id": alert.run_id,
    }
