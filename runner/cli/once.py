"""`runner once`: run scheduled queries for one reference time, and print the alerts."""

from __future__ import annotations

import logging
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from runner import app, logs
from runner.cli import output, past, side_by_side, telling
from runner.cli.named_query import query_named
from runner.cli.options import (
    Moment,
    format_option,
    lake_option,
    load_settings,
    mask,
    project_option,
    state_option,
    written,
)
from runner.cli.output import Line, counted
from runner.clock import SystemClock
from runner.errors import SettingsError
from runner.runs.query_run import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from rich.table import Table

    from runner.app import App
    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.pipeline import RunReport

_GOOD_STATES = frozenset({RunState.SUCCEEDED, RunState.TRUNCATED})
_MOST_ALERTS = 1_000
"""How many alerts of one run are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Planned:
    """A query that is to run, with the rules that will see its rows."""

    query: ScheduledQuery
    rules: tuple[ScheduledRule, ...]


@click.command(name="once")
@click.argument("queries", nargs=-1)
@click.option("--all", "run_all", is_flag=True, help="Run every enabled query.")
@click.option("--at", type=Moment(), help="The reference time, such as 2026-01-15T09:30:00Z. Default: now.")
@click.option("--from", "start", type=Moment(), help="Run every due time from here on, each for itself.")
@click.option("--to", "end", type=Moment(), help="The last due time of --from. Default: now.")
@click.option(
    "--again", is_flag=True, help="With --from: run also what these definitions were run for before."
)
@click.option("--dry-run", is_flag=True, help="Write nothing: show what these runs alone would raise.")
@click.option("--notify", is_flag=True, help="Tell the destinations of the alerts too.")
@click.option("--include-disabled", is_flag=True, help="Put the rows to disabled rules too.")
@click.option("-v", "--verbose", is_flag=True, help="Log each run on standard error, as a line of JSON.")
@lake_option
@state_option
@project_option
@format_option("text", "json")
def command(
    queries: tuple[str, ...],
    run_all: bool,  # noqa: FBT001  click passes options by name
    at: datetime | None,
    start: datetime | None,
    end: datetime | None,
    again: bool,  # noqa: FBT001  as above
    dry_run: bool,  # noqa: FBT001  as above
    notify: bool,  # noqa: FBT001  as above
    include_disabled: bool,  # noqa: FBT001  as above
    verbose: bool,  # noqa: FBT001  as above
    lake: str | None,
    state: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """Run scheduled queries once, as if it were the given time, and print their alerts.

    What is found is stored, and running again for the same time adds nothing. A query named here runs even if
    it is disabled. Finding alerts is success: the exit code is 0, or 1 if a query, a rule or a definition failed.

    With --from, every due time of the range is run, oldest first, each for its own reference time; those of one
    query in turn, those of different queries side by side. Due times that the same definitions have been run for before
    are left out, so a range that was stopped goes on; with --again they are run too, as is needed when
    more logs have come since. Due times whose window, or time for late data, has not ended are left out and told of.
    """
    if run_all == bool(queries):
        raise click.UsageError("name one or more queries, or give --all")
    if (start and at) or (end and not start):
        raise click.UsageError("give --at, or --from and perhaps --to")
    if again and not start:
        raise click.UsageError("--again is for a range: give --from too; a single time is always run again")
    if notify and dry_run:
        raise click.UsageError("--dry-run writes nothing, so there is nothing to --notify of")
    logs.configure(as_json=True, mask=mask().masked, level=logging.INFO if verbose else logging.ERROR)
    clock = SystemClock()
    settings = load_settings(project, lake__location=lake, state__url=state)
    if not settings.has_lake:
        raise SettingsError(f"there is no data lake at {settings.lake}: ingest some logs, or give --lake")
    building = app.build(settings, clock, keep_state=not dry_run, notifies=notify)
    with _termination_as_interrupt(), building as parts, telling.post_office_if(parts, notify) as post:
        planned = _plan(parts.catalogue, queries, include_disabled=include_disabled)
        output.complain(parts.catalogue.errors)
        if start is not None:
            pairs = [(one.query, one.rules) for one in planned]
            reports = past.run_range(
                parts,
                pairs,
                start=start,
                end=end or clock.now(),
                again=again,
                as_json=output_format == "json",
            )
        else:
            moment = at or clock.now().replace(microsecond=0)
            reports = _run(parts, planned, moment, quiet=output_format == "json")
            show = _show_json if output_format == "json" else _show_text
            show(parts, reports, moment, dry_run=dry_run)
        if post is not None:
            telling.tell(parts, post)
        return int(bool(parts.catalogue.errors) or any(_is_faulty(report) for report in reports))


def _run(parts: App, planned: Sequence[_Planned], at: datetime, *, quiet: bool) -> list[RunReport]:
    """Run queries for one moment; the reports come in the order of the plan."""

    def run(one: _Planned) -> RunReport:
        return parts.pipeline.run_manually(one.query, at, one.rules)

    return list(side_by_side.run_all(parts, planned, run, lane=_name, label="Running queries", quiet=quiet))


def _name(one: _Planned) -> str:
    return one.query.name


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the runs as Ctrl-C does: written down, and with no worker left behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _plan(catalogue: Catalogue, names: Sequence[str], *, include_disabled: bool) -> list[_Planned]:
    chosen = [query_named(catalogue, name) for name in names] or [
        query for query in catalogue.queries.values() if query.enabled
    ]
    for query in chosen:
        if not query.enabled:
            output.complain([f"note: {query.name} is disabled, and runs because it was named"])
    return [
        _Planned(
            query=query,
            rules=tuple(rule for rule in catalogue.rules_for(query.name) if rule.enabled or include_disabled),
        )
        for query in chosen
    ]


def _is_faulty(report: RunReport) -> bool:
    return report.run.state not in _GOOD_STATES or bool(report.rule_errors)


def _show_text(parts: App, reports: Sequence[RunReport], at: datetime, *, dry_run: bool) -> None:
    output.show_table(_run_table(reports))
    for report in reports:
        output.complain(_faults(report))
    lines = output.in_order(line for report in reports for line in _lines(parts, report))
    if lines:
        click.echo()
        output.show_table(output.alert_table(lines))
    click.echo(f"\n{_summary(reports, at)}{' Nothing was stored (--dry-run).' if dry_run else ''}")


def _summary(reports: Sequence[RunReport], at: datetime) -> str:
    changes = [alert.change for report in reports if report.finished for alert in report.finished.alerts]
    if not changes:
        return f"No alerts at {written(at)}."
    new = sum(change.value == "new" for change in changes)
    hidden = any(report.finished and len(report.finished.alerts) > _MOST_ALERTS for report in reports)
    listed = f" Of each query, the first {_MOST_ALERTS:,} are listed." if hidden else ""
    return f"{counted(len(changes), 'alert')} at {written(at)}, {new:,} of them new.{listed}"


def _run_table(reports: Sequence[RunReport]) -> Table:
    numbers = ("Rows", "Matches", "Alerts")
    table = output.new_table("Query", "State", *numbers, folded="Query", numbers=numbers)
    for report in reports:
        run = report.run
        alerts = f"{len(report.finished.alerts):,}" if report.finished else ""
        counts = (f"{run.counts.rows:,}", f"{run.counts.matches:,}", alerts)
        table.add_row(Text(run.key.query), output.state_text(run.state), *counts)
    return table


def _faults(report: RunReport) -> Iterator[str]:
    run = report.run
    if run.fault is not None:
        yield f"{run.key.query}: {run.state.value}: {run.fault.message}"
    if run.stale:
        yield f"{run.key.query}: stale: {run.stale}"
    for error in report.rule_errors:
        yield f"{run.key.query}: rule {error.rule_id}: {error.kind}: {error.message}"


def _lines(parts: App, report: RunReport) -> list[Line]:
    """Return the alerts of a run; of very many, the first."""
    shown = report.finished.alerts[:_MOST_ALERTS] if report.finished else ()
    changed = {one.alert_id: one.change.value for one in shown}
    alerts = parts.store.alerts_of(changed)
    return [Line(alert=alerts[alert_id], change=change) for alert_id, change in changed.items()]


def _show_json(parts: App, reports: Sequence[RunReport], at: datetime, *, dry_run: bool) -> None:
    output.print_json(
        {
            "at": written(at),
            "dry_run": dry_run,
            "definition_errors": [str(error) for error in parts.catalogue.errors],
            "runs": [_run_fields(parts, report) for report in reports],
        }
    )


def _run_fields(parts: App, report: RunReport) -> dict[str, Any]:
    run = report.run
    return {
        "query": run.key.query,
        "run_id": run.run_id,
        "revision": run.key.revision,
        "state": run.state.value,
        "rows": run.counts.rows,
        "matches": run.counts.matches,
        "bytes": run.counts.bytes,
        "fault": {"kind": run.fault.kind, "message": run.fault.message} if run.fault else None,
        "stale": run.stale or None,
        "rule_errors": [
            {
                "rule_id": error.rule_id,
                "function": error.function,
                "kind": error.kind,
                "message": error.message,
            }
            for error in report.rule_errors
        ],
        "alert_count": len(report.finished.alerts) if report.finished else 0,
        "alerts": [
            {"change": line.change, **output.alert_fields(line.alert)}
            for line in output.in_order(_lines(parts, report))
        ],
    }
