"""`runner status`: whether a daemon is alive, how each query stands, and which share of a period was covered."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from runner import app
from runner.cli import output, status_json, status_report, status_text
from runner.cli.options import Moment, format_option, load_settings, project_option, state_option
from runner.clock import SystemClock
from runner.schedule.ledger import Interval

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


_DAY = timedelta(days=1)


@click.command(name="status")
@click.argument("query", required=False)
@click.option("--coverage", is_flag=True, help="Account for every due time of the period, one by one.")
@click.option(
    "--from", "start", type=Moment(), help="The start of the period. Default: a day and a week ago."
)
@click.option("--to", "end", type=Moment(), help="The end of the period. Default: now.")
@click.option("--check", is_flag=True, help="End with 1 if something is wrong.")
@state_option
@project_option
@format_option("text", "json")
def command(
    query: str | None,
    coverage: bool,  # noqa: FBT001  click passes options by name
    start: datetime | None,
    end: datetime | None,
    check: bool,  # noqa: FBT001  as above
    state: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """Show from the state database how QUERY (default: all of them) stands, whether or not a daemon is alive.

    Coverage is the share of a period that was evaluated with success: each due time weighs as much as the time since
    the one before it, and time in which a query was disabled is not owed. With --coverage every due time of the
    period is accounted for: succeeded, truncated, still owed, or a gap with its reason.

    With --check the exit code is 1 if no daemon is alive, a definition is faulty, a query is overdue, paused or
    failing, alerts do not reach a destination, or, with --coverage, a due time is not accounted for.
    """
    settings = load_settings(project, state__url=state)
    clock = SystemClock()
    now = clock.now()
    store = app.open_store(settings, clock)
    try:
        periods = _kept(_periods(start, end, now), settings["retention.runs_days"], now)
        limits = status_report.HealthLimits(
            overdue=settings["health.overdue_seconds"], undelivered=settings["health.undelivered_seconds"]
        )
        report = status_report.report(store, limits, query, periods, now, exactly=coverage)
    finally:
        store.close()
    if output_format == "json":
        status_json.show(report)
    elif coverage:
        status_text.show_coverage(report)
    elif query is not None:
        status_text.show_query(report)
    else:
        status_text.show_all(report)
    return int(check and bool(report.wrong))


def _periods(start: datetime | None, end: datetime | None, now: datetime) -> dict[str, Interval]:
    until = end or now
    if start is not None:
        if start >= until:
            raise click.UsageError("--from is to be earlier than --to")
        return {"period": Interval(start=start, end=until)}
    return {
        "24 h": Interval(start=until - _DAY, end=until),
        "7 d": Interval(start=until - 7 * _DAY, end=until),
    }


def _kept(periods: dict[str, Interval], days: int, now: datetime) -> dict[str, Interval]:
    """Let periods begin no earlier than runs and gaps are kept: of what was before, nothing can be said."""
    if not days:
        return periods
    since = now - days * _DAY
    if any(period.start < since for period in periods.values()):
        output.complain([f"note: runs are kept for {days} days, so nothing is said of what was due before"])
    return {
        label: Interval(start=max(period.start, since), end=max(period.end, since))
        for label, period in periods.items()
    }
