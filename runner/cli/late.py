"""`runner late`: due times into whose windows logs have come after they were evaluated; and running those again."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from runner import app, late_data, logs
from runner.cli import output
from runner.cli.options import format_option, load_settings, mask, project_option, state_option, written
from runner.cli.output import counted
from runner.clock import SystemClock
from runner.lake.index.lake_index import LakeIndex
from runner.lake.landed_files import LandingWatch
from runner.runs.query_run import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from runner.app import App
    from runner.late_data import LateWindow

_GOOD_STATES = (RunState.SUCCEEDED, RunState.TRUNCATED)


@click.command(name="late")
@click.argument("query", required=False)
@click.option("--run", "again", is_flag=True, help="Run each of them again now, oldest first.")
@click.option(
    "--days", type=click.IntRange(min=1), default=3, show_default=True, help="How many days are looked back."
)
@state_option
@project_option
@format_option("text", "json")
def command(
    query: str | None,
    again: bool,  # noqa: FBT001  click passes options by name
    days: int,
    state: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """List the due times of QUERY (default: of all) whose windows got files after they were evaluated.

    Only those windows of only those queries are concerned. Run again with --run, each keeps its reference time; its
    run is a new revision, and an event that counted before does not count again. The exit code is then 1 if one of
    them failed.
    """
    logs.configure(as_json=True, mask=mask().masked)
    settings = load_settings(project, state__url=state)
    with app.build(settings, SystemClock()) as parts:
        found = list(_late(parts, query, parts.clock.now() - timedelta(days=days)))
        if again:
            return _run(parts, found)
    _show(found, output_format)
    return 0


def _late(parts: App, query: str | None, since: datetime) -> Iterator[LateWindow]:
    settings = parts.settings
    queries = {name for name, one in parts.catalogue.queries.items() if one.enabled and query in (None, name)}
    index = LakeIndex(settings.lake, settings.lake_index, parts.clock)
    with closing(index):
        yield from late_data.find(
            parts.store, LandingWatch(settings.lake, index), queries=queries, since=since
        )


def _show(found: Sequence[LateWindow], output_format: str) -> None:
    if output_format == "json":
        output.print_json(
            [
                {
                    "query": one.query,
                    "due": written(one.due),
                    "evaluated": written(one.run.started_at),
                    "revision": one.run.key.revision,
                    "files": [str(file) for file in one.files],
                }
                for one in found
            ]
        )
        return
    if not found:
        click.echo("No window got logs after it was evaluated.")
        return
    table = output.new_table("Due", "Evaluated", "Files", "Query", folded="Query", numbers={"Files"})
    for one in found:
        table.add_row(written(one.due), written(one.run.started_at), f"{len(one.files):,}", one.query)
    output.show_table(table)


def _run(parts: App, found: Sequence[LateWindow]) -> int:
    done = 0
    for one in found:
        rules = [rule for rule in parts.catalogue.rules_for(one.query) if rule.enabled]
        report = parts.pipeline.run_late(parts.catalogue.queries[one.query], one.due, rules)
        done += report.run.state in _GOOD_STATES
        fault = f": {report.run.fault.message}" if report.run.fault else ""
        click.echo(f"{written(one.due)} {one.query}: {report.run.state.value}{fault}")
    click.echo(f"{counted(done, 'window')} run again, {len(found) - done:,} failed.")
    return int(done < len(found))
