"""`runner gaps`: due times that were not evaluated, and why; and filling them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from runner import app, logs
from runner.cli import output
from runner.cli.named_query import query_named
from runner.cli.options import format_option, load_settings, mask, project_option, state_option, written
from runner.cli.output import counted
from runner.clock import SystemClock
from runner.errors import SlotTaken
from runner.runs.query_run import RunState
from runner.schedule.ledger import GapReason, disabled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from runner.app import App
    from runner.schedule.ledger import Interval

    Gap = tuple[str, datetime, GapReason]

_ELSEWHERE = "elsewhere"
"""What another process is running, or has run meanwhile."""
_GOOD_STATES = {RunState.SUCCEEDED.value, RunState.TRUNCATED.value, _ELSEWHERE}


@click.command(name="gaps")
@click.argument("query", required=False)
@click.option("--fill", is_flag=True, help="Run each of them now, oldest first, for its own reference time.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="How many at most."
)
@state_option
@project_option
@format_option("text", "json")
def command(
    query: str | None,
    fill: bool,  # noqa: FBT001  click passes options by name
    limit: int,
    state: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """List the due times of QUERY (default: of all) that were not evaluated, oldest first, and why.

    After them come the stretches of time in which a query was disabled: nothing was due then, and nothing is
    filled. With --fill the exit code is 1 if one of them failed again.
    """
    logs.configure(as_json=True, mask=mask().masked)
    settings = load_settings(project, state__url=state)
    with app.build(settings, SystemClock()) as parts:
        if query is not None:
            _require_known(parts, query)
        found = parts.store.ledger.list_gaps(query, limit)
        if not fill:
            _show(found, _disabled(parts, query)[:limit], output_format)
            return 0
        return _fill(parts, found, as_json=output_format == "json")


def _require_known(parts: App, name: str) -> None:
    """Accept a query that is defined, or was when it fell due. Raises `click.UsageError`."""
    if name not in parts.store.ledger.epochs():
        query_named(parts.catalogue, name)


def _disabled(parts: App, wanted: str | None) -> list[tuple[str, Interval]]:
    """Return when the queries that are defined were disabled, after they had been enabled, oldest first."""
    now = parts.clock.now()
    stretches = [
        (name, stretch)
        for name, epochs in parts.store.ledger.epochs().items()
        if name in parts.catalogue.queries and wanted in (None, name)
        for stretch in disabled(epochs, after=epochs[0].start, until=now)
    ]
    return sorted(stretches, key=lambda one: (one[1], one[0]))


def _show(found: Sequence[Gap], off: Sequence[tuple[str, Interval]], output_format: str) -> None:
    if output_format == "json":
        rows = [{"query": query, "due": written(due), "reason": reason.value} for query, due, reason in found]
        rows += [
            {
                "query": query,
                "from": written(one.start),
                "to": written(one.end),
                "reason": GapReason.DISABLED.value,
            }
            for query, one in off
        ]
        output.print_json(rows)
        return
    if not found and not off:
        click.echo("No gaps.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Due", "Query", "Reason"):
        table.add_column(heading)
    for query, due, reason in found:
        table.add_row(written(due), Text(query), reason.value)
    for query, one in off:
        period = f"{written(one.start.replace(microsecond=0))} to {written(one.end.replace(microsecond=0))}"
        table.add_row(period, Text(query), GapReason.DISABLED.value)
    output.show_table(table)


def _fill(parts: App, found: Sequence[Gap], *, as_json: bool) -> int:
    filled = []
    for name, due, _ in found:
        state, problem = _filled(parts, name, due)
        filled.append({"query": name, "due": written(due), "state": state, "problem": problem})
        if not as_json:
            click.echo(f"{written(due)} {name}: {': '.join(filter(None, (state, problem)))}")
    left = sum(one["state"] not in _GOOD_STATES for one in filled)
    if as_json:
        output.print_json(filled)
    else:
        click.echo(f"{counted(len(found) - left, 'gap')} filled, {left:,} left.")
    return int(left > 0)


def _filled(parts: App, name: str, due: datetime) -> tuple[str | None, str | None]:
    """Run for a gap; returns the run's state, None if there is no run, and what was the matter, if anything was."""
    query = parts.catalogue.queries.get(name)
    if query is None:
        return None, "the query is defined no longer"
    rules = [rule for rule in parts.catalogue.rules_for(name) if rule.enabled]
    try:
        run = parts.pipeline.fill_gap(query, due, rules).run
    except SlotTaken as taken:
        return _ELSEWHERE, str(taken)
    return run.state.value, run.fault.message if run.fault else None
