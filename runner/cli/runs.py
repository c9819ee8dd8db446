"""`runner runs`: the latest runs, and how they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from runner import app
from runner.cli import output
from runner.cli.options import format_option, load_settings, project_option, state_option, written
from runner.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.runs.query_run import QueryRun


@click.command(name="runs")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@state_option
@project_option
@format_option("text", "json")
def command(limit: int, state: str | None, project: Path | None, output_format: str) -> int:
    """List the latest runs, newest first, with their counts and, for those that failed, the reason."""
    store = app.open_store(load_settings(project, state__url=state), SystemClock())
    found = store.latest_runs(limit)
    store.close()
    if output_format == "json":
        output.print_json([_fields(run) for run in found])
    elif found:
        _show(found)
    else:
        click.echo("No runs.")
    return 0


def _show(found: Sequence[QueryRun]) -> None:
    narrow = output.is_narrow()
    first = [] if narrow else ["Started", "Purpose"]
    table = output.new_table(
        *first, "For", "State", "Rows", "Matches", "Query", folded="Query", numbers={"Rows", "Matches"}
    )
    for run in found:
        started = [written(run.started_at.replace(microsecond=0)), f"{run.key.purpose} {run.key.revision}"]
        fault = f": {' '.join(run.fault.message.split())}" if run.fault else ""
        stale = f" (stale: {run.stale})" if run.stale else ""
        table.add_row(
            *([] if narrow else started),
            written(run.key.scheduled_for),
            output.state_text(run.state),
            f"{run.counts.rows:,}",
            f"{run.counts.matches:,}",
            Text(run.key.query) + Text(fault, style="red") + Text(stale, style="yellow"),
        )
    output.show_table(table)


def _fields(run: QueryRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "query": run.key.query,
        "scheduled_for": written(run.key.scheduled_for),
        "purpose": run.key.purpose.value,
        "revision": run.key.revision,
        "late": run.is_late,
        "state": run.state.value,
        "attempt": run.attempt,
        "started_at": written(run.started_at),
        "ended_at": written(run.ended_at) if run.ended_at else None,
        "rows": run.counts.rows,
        "bytes": run.counts.bytes,
        "matches": run.counts.matches,
        "rule_errors": run.counts.errors,
        "broken_rules": list(run.broken_rules),
        "query_hash": run.query_hash,
        "rule_hashes": run.rule_hashes,
        "fault": {"kind": run.fault.kind, "message": run.fault.message, "transient": run.fault.transient}
        if run.fault
        else None,
        "stale": run.stale or None,
    }
