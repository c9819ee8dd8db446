"""What `runner status` knows, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from runner.cli import output
from runner.cli.options import written
from runner.cli.output import counted
from runner.status.coverage import Outcome
from runner.status.query_status import QueryState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from runner.cli.status_report import StatusReport
    from runner.runs.query_run import QueryRun
    from runner.schedule.ledger import Interval
    from runner.status.coverage import Coverage
    from runner.status.daemon_record import SeenDaemon
    from runner.status.query_status import QueryStatus

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_MOST_TIMES = 20
"""How many due times that are not accounted for are shown; the JSON has all of them."""


def show_all(report: StatusReport) -> None:
    """Print the daemons, a line for each query, and what is wrong."""
    _show_daemons(report)
    if report.queries:
        _show_queries(report)
    _show_wrong(report)


def show_query(report: StatusReport) -> None:
    """Print all about one query."""
    (status,) = report.queries
    facts = status.facts
    lines = {
        "Query": facts.query,
        "State": status.state.value,
        "Schedule": _schedule(status),
        "Next due": _moment(status.next_due),
        "Last run": _run(facts.last_run),
        "Last success": _run(facts.last_success),
        "Success is old": _age(status.success_age_seconds),
        "Began late by": _age(facts.last_run.lateness_seconds if facts.last_run else None),
        "Overdue by": _age(status.overdue_seconds or None),
        "Owed": f"{_owed(status):,} ({facts.backlog.running:,} running)",
        "Gaps": _counts(facts.gaps) or "none",
    }
    for label, found in report.coverage.items():
        lines[f"Covered, {label}"] = _covered_in_words(found[facts.query])
    width = max(map(len, lines))
    for name, value in lines.items():
        click.echo(f"{name:<{width}}  {value}")
    _show_wrong(report)


def show_coverage(report: StatusReport) -> None:
    """Print what became of the due times of every query, for each period."""
    for label, found in report.coverage.items():
        period = report.periods[label]
        click.echo(f"After {written(period.start)}, up to {written(period.end)}:")
        table = output.new_table(
            "Covered", "Due", "Query", "Outcomes", folded="Outcomes", numbers={"Covered", "Due"}
        )
        for query, one in sorted(found.items()):
            table.add_row(_share(one), f"{one.due:,}", Text(query), _counts(one.outcomes))
        output.show_table(table)
        for query, one in sorted(found.items()):
            for due in one.unaccounted[:_MOST_TIMES]:
                click.echo(f"not accounted for: {query} at {written(due)}")
            for hole in one.unread[:_MOST_TIMES]:
                click.echo(f"in no window, as the schedule was edited: {query}, {_stretch(hole)}")
        click.echo("")
    _show_wrong(report)


def _show_daemons(report: StatusReport) -> None:
    for daemon in report.daemons:
        click.echo(_daemon_line(daemon))
        if daemon.is_alive:
            for sentence in daemon.record.troubles:
                click.echo(f"  {sentence}")
    if not report.daemons:
        click.echo("No daemon has ever worked on this state database.")
    click.echo("")


def _daemon_line(daemon: SeenDaemon) -> str:
    record = daemon.record
    name = f"{record.owner} (runner {record.version})"
    if daemon.stopped_at is not None:
        return f"Stopped: {name}, at {written(daemon.stopped_at.replace(microsecond=0))}"
    if not daemon.is_alive:
        return f"Dead: {name}, not heard of for {_age(daemon.silent_seconds)}"
    return (
        f"Alive: {name}, since {_moment(record.started_at)}, heard of {_age(daemon.silent_seconds)} ago: "
        f"{record.busy} of {counted(record.workers, 'worker')} busy, "
        f"{counted(record.queries, 'query', 'queries')} and {counted(record.rules, 'rule')} "
        f"as of {_moment(record.definitions_at)}"
    )


def _show_queries(report: StatusReport) -> None:
    narrow = output.is_narrow()
    labels = list(report.coverage)
    more = [] if narrow else ["Began late", "Next due"]
    table = output.new_table(
        *("State", "Last run", "Success is old", *more, "Owed", "Gaps", *labels, "Query"),
        folded="Query",
        numbers={"Success is old", "Began late", "Owed", "Gaps", *labels},
    )
    for status in report.queries:
        facts, run = status.facts, status.facts.last_run
        table.add_row(
            _state(status),
            output.state_text(run.state) if run else "none",
            _age(status.success_age_seconds),
            *([] if narrow else [_age(run.lateness_seconds if run else None), _moment(status.next_due)]),
            f"{_owed(status):,}",
            f"{sum(facts.gaps.values()):,}",
            *(_share(report.coverage[label][facts.query]) for label in labels),
            Text(facts.query),
        )
    output.show_table(table)


def _show_wrong(report: StatusReport) -> None:
    click.echo("")
    for sentence in report.wrong:
        click.echo(f"{click.style('wrong', fg='red', bold=True)} {sentence}")
    if not report.wrong:
        click.echo("Nothing is wrong.")


def _state(status: QueryStatus) -> Text:
    if status.is_failing:
        return Text("failing", style="bold red")
    style = {QueryState.ENABLED: "green", QueryState.PAUSED: "bold yellow", QueryState.OFF: "dim"}[
        status.state
    ]
    return Text(status.state.value, style=style)


def _owed(status: QueryStatus) -> int:
    return status.facts.backlog.waiting + status.facts.backlog.running + status.unseen


def _schedule(status: QueryStatus) -> str:
    if status.schedule is None:
        return "none"
    return status.schedule.cron or f"every {counted(status.schedule.rate_minutes or 0, 'minute')}"


def _run(run: QueryRun | None) -> str:
    if run is None:
        return "none"
    fault = f": {' '.join(run.fault.message.split())}" if run.fault else ""
    stale = f"; stale: {run.stale}" if run.stale else ""
    return f"{run.state.value} for {written(run.key.scheduled_for)} ({run.run_id}){fault}{stale}"


def _moment(moment: datetime | None) -> str:
    return written(moment.replace(microsecond=0)) if moment else "-"


def _age(seconds: float | None) -> str:
    """Write a length of time with one or two units: `40s`, `12m`, `5h 3m`, `3d 4h`."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR}h"


def _share(coverage: Coverage) -> str:
    """Write a share so that only all of it reads 100 %."""
    if coverage.share is None:
        return "-"
    share = coverage.share if coverage.share == 1.0 else min(coverage.share, 0.9999)
    return f"{share:.2%}" if share < 1 else "100%"


def _stretch(interval: Interval) -> str:
    return f"{written(interval.start)} to {written(interval.end)}"


def _covered_in_words(coverage: Coverage) -> str:
    holes = [f"in no window: {_stretch(hole)}" for hole in coverage.unread[:_MOST_TIMES]]
    if not coverage.due:
        return "; ".join(["nothing was due", *holes])
    counts = f"{_share(coverage)} of {counted(coverage.due, 'due time')}: {_counts(coverage.outcomes)}"
    return "; ".join([counts, *holes])


def _counts(counts: Mapping[str, int]) -> str:
    order = [outcome.value for outcome in Outcome]
    known = sorted(
        counts, key=lambda name: (name not in order, order.index(name) if name in order else 0, name)
    )
    return ", ".join(f"{counts[name]:,} {name}" for name in known)
