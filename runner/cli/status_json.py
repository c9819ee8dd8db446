"""What `runner status` knows, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.cli import output
from runner.cli.options import written

if TYPE_CHECKING:
    from datetime import datetime

    from runner.cli.status_report import StatusReport
    from runner.runs.query_run import QueryRun
    from runner.status.coverage import Coverage
    from runner.status.daemon_record import SeenDaemon
    from runner.status.query_status import QueryStatus
    from runner.store.definitions import DefinitionFault


def show(report: StatusReport) -> None:
    """Print one document."""
    output.print_json(
        {
            "at": written(report.at),
            "is_well": not report.wrong,
            "wrong": list(report.wrong),
            "daemons": [_daemon(daemon) for daemon in report.daemons],
            "faults": [_fault(fault) for fault in report.faults],
            "periods": {
                label: {"from": written(period.start), "to": written(period.end)}
                for label, period in report.periods.items()
            },
            "queries": [
                {
                    **_query(status),
                    "coverage": {
                        label: _coverage(found[status.facts.query])
                        for label, found in report.coverage.items()
                    },
                }
                for status in report.queries
            ],
        }
    )


def _daemon(daemon: SeenDaemon) -> dict[str, Any]:
    record = daemon.record
    return {
        "owner": record.owner,
        "host": record.host,
        "pid": record.pid,
        "version": record.version,
        "is_alive": daemon.is_alive,
        "started_at": written(record.started_at),
        "beat_at": written(daemon.beat_at),
        "silent_seconds": daemon.silent_seconds,
        "stopped_at": _moment(daemon.stopped_at),
        "workers": record.workers,
        "busy": record.busy,
        "queries": record.queries,
        "rules": record.rules,
        "definitions_at": written(record.definitions_at),
        "troubles": list(record.troubles),
    }


def _fault(fault: DefinitionFault) -> dict[str, Any]:
    return {"message": fault.message, "kept": list(fault.kept), "since": _moment(fault.since)}


def _query(status: QueryStatus) -> dict[str, Any]:
    facts = status.facts
    return {
        "query": facts.query,
        "state": status.state.value,
        "cron": status.schedule.cron if status.schedule else None,
        "rate_minutes": status.schedule.rate_minutes if status.schedule else None,
        "next_due": _moment(status.next_due),
        "last_run": _run(facts.last_run),
        "last_success": _run(facts.last_success),
        "success_age_seconds": status.success_age_seconds,
        "lateness_seconds": facts.last_run.lateness_seconds if facts.last_run else None,
        "overdue_seconds": status.overdue_seconds,
        "is_failing": status.is_failing,
        "is_stale": status.is_stale,
        "waiting": facts.backlog.waiting,
        "running": facts.backlog.running,
        "unseen": status.unseen,
        "gaps": dict(facts.gaps),
    }


def _run(run: QueryRun | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "run_id": run.run_id,
        "scheduled_for": written(run.key.scheduled_for),
        "state": run.state.value,
        "attempt": run.attempt,
        "started_at": written(run.started_at),
        "ended_at": _moment(run.ended_at),
        "fault": {"kind": run.fault.kind, "message": run.fault.message} if run.fault else None,
        "stale": run.stale or None,
    }


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "due": coverage.due,
        "outcomes": dict(coverage.outcomes),
        "share": coverage.share,
        "unaccounted": [written(due) for due in coverage.unaccounted],
        "unread": [{"start": written(one.start), "end": written(one.end)} for one in coverage.unread],
    }


def _moment(moment: datetime | None) -> str | None:
    return written(moment) if moment else None
