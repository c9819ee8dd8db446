"""What the end of a run adds to the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.alerts.changes import AlertChange
from runner.schedule.ledger import window_of

if TYPE_CHECKING:
    from runner.definitions.scheduled_query import Schedule
    from runner.metrics import Metrics
    from runner.pipeline import RunReport


def note_run(metrics: Metrics, report: RunReport | None, schedule: Schedule) -> None:
    """Count a run that has ended; without a report, its attempt was given back to be made again."""
    if report is None:
        metrics.retries.inc()
        return
    run = report.run
    metrics.runs.labels(state=run.state.value).inc()
    metrics.rows.inc(run.counts.rows)
    metrics.matches.inc(run.counts.matches)
    metrics.rule_errors.inc(run.counts.errors)
    metrics.run_seconds.observe(report.seconds)
    window = window_of(schedule, run.key.scheduled_for)
    metrics.run_ratio.observe(report.seconds / (window.end - window.start).total_seconds())
    if run.lateness_seconds is not None:
        metrics.run_lateness.observe(max(0.0, run.lateness_seconds))


def new_alerts(report: RunReport | None) -> list[str]:
    """Return the ids of the alerts that a run has created."""
    changed = report.finished.alerts if report and report.finished else ()
    return [one.alert_id for one in changed if one.change is AlertChange.NEW]
