"""`runner next`: when queries run next, and which window each run answers for."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from runner import app
from runner.cli import output
from runner.cli.named_query import query_named
from runner.cli.options import Moment, format_option, load_settings, project_option, state_option, written
from runner.clock import SystemClock
from runner.daemon.timings import timing_of
from runner.definitions.catalogue import read_catalogue
from runner.schedule.due import next_due
from runner.schedule.ledger import window_of
from runner.store.database import sqlite_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.settings import Settings


@click.command(name="next")
@click.argument("queries", nargs=-1)
@click.option(
    "--count", type=click.IntRange(min=1), default=3, show_default=True, help="How many due times of each."
)
@click.option("--after", type=Moment(), help="Due times later than this. Default: now.")
@state_option
@project_option
@format_option("text", "json")
def command(
    queries: tuple[str, ...],
    count: int,
    after: datetime | None,
    state: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """Show the coming due times of QUERIES (default: of all that are enabled), their windows and starts.

    The window of a due time reaches back to the one before; the run starts at the due time, plus what the
    settings give late data (settle) and what spreads queries out (skew). The due times of a paused query
    become gaps, until it goes on or a trial of it is due.
    """
    settings = load_settings(project, state__url=state)
    catalogue = read_catalogue(
        settings.root, exclude=settings.not_definitions, folders=settings.definition_folders
    )
    output.complain(catalogue.errors)
    moment = after or SystemClock().now()
    rows = [
        row
        for query in _chosen(catalogue, queries)
        for row in itertools.islice(_due(query, settings, moment), count)
    ]
    _mark_paused(rows, settings)
    rows.sort(key=lambda row: (row["starts_at"], row["query"]))
    if output_format == "json":
        output.print_json(rows)
    else:
        _show(rows)
    return 0


def _mark_paused(rows: Sequence[dict[str, Any]], settings: Settings) -> None:
    """Say of each due time whether its query is paused, as far as there is a state database."""
    paused = _paused(settings)
    for row in rows:
        probe_at = paused.get(row["query"])
        row["paused"] = row["query"] in paused
        row["next_trial_from"] = probe_at and written(probe_at.replace(microsecond=0))


def _paused(settings: Settings) -> dict[str, datetime | None]:
    """Return the paused queries with the times of their trials; showing what comes makes no state database."""
    file = sqlite_file(settings.state_url)
    if file is not None and not file.exists():
        return {}
    store = app.open_store(settings, SystemClock())
    found = store.health.paused_queries()
    store.close()
    return {one.query: one.probe_at for one in found}


def _chosen(catalogue: Catalogue, names: Sequence[str]) -> list[ScheduledQuery]:
    for name in names:
        query_named(catalogue, name)
    return [
        query
        for name, query in sorted(catalogue.queries.items())
        if name in names or (not names and query.enabled)
    ]


def _due(query: ScheduledQuery, settings: Settings, after: datetime) -> Iterator[dict[str, Any]]:
    timing = timing_of(settings, query)
    due = after
    while True:
        due = next_due(query.schedule, due)
        yield {
            "query": query.name,
            "due": written(due),
            "window_start": written(window_of(query.schedule, due).start),
            "starts_at": written(timing.start_of(query.name, due).replace(microsecond=0)),
        }


def _show(rows: Sequence[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Starts", "Query", "Due", "Window from"):
        table.add_column(heading)
    for row in rows:
        note = f" (paused, next trial from {row['next_trial_from']})" if row["paused"] else ""
        name = Text(row["query"]) + Text(note, style="red")
        table.add_row(row["starts_at"], name, row["due"], row["window_start"])
    output.show_table(table)
