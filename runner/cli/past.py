"""The range form of `runner once`: every due time from one moment to another."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from runner import backfill
from runner.cli import output
from runner.cli.options import written
from runner.cli.output import counted
from runner.cli.side_by_side import run_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from runner.app import App
    from runner.backfill import PastRun
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.pipeline import RunReport


def run_range(
    parts: App,
    queries: Sequence[tuple[ScheduledQuery, tuple[ScheduledRule, ...]]],
    *,
    start: datetime,
    end: datetime,
    again: bool,
    as_json: bool,
) -> list[RunReport]:
    """Run every due time of a range that was not run before, oldest first, and print what came of it.

    With `again` those that were run before are run too.
    """

    def run(one: PastRun) -> RunReport:
        return parts.pipeline.run_manually(one.query, one.due, one.rules)

    planned, to_come = _planned(parts, queries, start, end)
    left = planned if again else backfill.remaining(planned, parts.store, parts.catalogue)
    reports: list[RunReport] = []
    try:
        reports.extend(run_all(parts, left, run, lane=_name, label="Running the past", quiet=as_json))
    except KeyboardInterrupt:
        done = len(planned) - len(left) + len(reports)
        how = "begins anew" if again else "goes on from there"
        output.complain([f"{done:,} of {len(planned):,} due times have been run; the same command {how}"])
        raise
    if as_json:
        output.print_json(
            {
                "from": written(start),
                "to": written(end),
                "done_before": len(planned) - len(left),
                "to_come": to_come,
                "runs": [_fields(report) for report in reports],
            }
        )
    else:
        _show(reports, done_before=len(planned) - len(left))
    return reports


def _planned(
    parts: App,
    queries: Sequence[tuple[ScheduledQuery, tuple[ScheduledRule, ...]]],
    start: datetime,
    end: datetime,
) -> tuple[list[PastRun], int]:
    """Return what is to be run, and how many due times of the range have not come yet; these are told of."""

    def settle_of(query: ScheduledQuery) -> timedelta:
        return timedelta(seconds=parts.settings.of_query(query.name, query.tags, "settle_seconds"))

    wanted = backfill.plan(queries, start=start, end=end)
    planned = backfill.past(wanted, parts.clock.now(), settle_of)
    to_come = len(wanted) - len(planned)
    if to_come:
        output.complain([f"note: {counted(to_come, 'due time')} left out, for the time has not come yet"])
    return planned, to_come


def _name(run: PastRun) -> str:
    return run.query.name


def _show(reports: Sequence[RunReport], *, done_before: int) -> None:
    for report in reports:
        run = report.run
        if run.fault is not None:
            output.complain(
                [
                    f"{run.key.query} at {written(run.key.scheduled_for)}: {run.state.value}: {run.fault.message}"
                ]
            )
        for error in report.rule_errors:
            output.complain(
                [
                    f"{run.key.query} at {written(run.key.scheduled_for)}: rule {error.rule_id}: {error.message}"
                ]
            )
    changes = [
        alert.change.value for report in reports if report.finished for alert in report.finished.alerts
    ]
    before = f" {counted(done_before, 'due time')} had been run before." if done_before else ""
    click.echo(
        f"{counted(len(reports), 'due time')} run, {counted(sum(r.run.counts.matches for r in reports), 'match', 'matches')}, "
        f"{counted(changes.count('new'), 'new alert')}.{before}"
    )
    if changes:
        click.echo("See `runner alerts list`.")


def _fields(report: RunReport) -> dict[str, Any]:
    run = report.run
    return {
        "query": run.key.query,
        "scheduled_for": written(run.key.scheduled_for),
        "run_id": run.run_id,
        "state": run.state.value,
        "rows": run.counts.rows,
        "matches": run.counts.matches,
        "fault": {"kind": run.fault.kind, "message": run.fault.message} if run.fault else None,
        "alerts": [
            {"alert_id": alert.alert_id, "change": alert.change.value}
            for alert in (report.finished.alerts if report.finished else ())
        ],
    }
