"""`runner queries`: those that are paused, and letting them go on."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from runner import app
from runner.cli import output
from runner.cli.options import format_option, load_settings, project_option, state_option, written
from runner.cli.output import counted
from runner.cli.wording import did_you_mean
from runner.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from runner.store.query_health import AilingQuery
    from runner.store.state import StateStore


@click.group(name="queries")
def command() -> None:
    """List paused queries, and let them go on."""


@contextmanager
def _store(project: Path | None, state: str | None) -> Iterator[StateStore]:
    store = app.open_store(load_settings(project, state__url=state), SystemClock())
    try:
        yield store
    finally:
        store.close()


@command.command(name="paused")
@state_option
@project_option
@format_option("text", "json")
def paused(state: str | None, project: Path | None, output_format: str) -> int:
    """List the queries that failed so often in a row that they are not run by their schedule any more."""
    with _store(project, state) as store:
        found = store.health.paused_queries()
    if output_format == "json":
        output.print_json([_fields(one) for one in found])
    elif found:
        _show(found)
    else:
        click.echo("No query is paused.")
    return 0


@command.command(name="resume")
@click.argument("queries", nargs=-1)
@click.option("--all", "all_paused", is_flag=True, help="Every query that is paused.")
@click.option("--comment", default="", help="Why, for those who read it later.")
@click.option("--by", "actor", help="Who does it. Default: the user who is logged in.")
@state_option
@project_option
def resume(
    queries: tuple[str, ...],
    all_paused: bool,  # noqa: FBT001  click passes options by name
    comment: str,
    actor: str | None,
    state: str | None,
    project: Path | None,
) -> int:
    """Let paused QUERIES run by their schedule again, from their next due times on.

    The due times that they missed stay gaps: `runner gaps QUERY --fill` runs them.
    """
    if all_paused == bool(queries):
        raise click.UsageError("name one or more paused queries, or give --all")
    with _store(project, state) as store:
        known = [one.query for one in store.health.paused_queries()]
        for query in queries:
            _refuse_unknown(query, known)
        chosen = queries or tuple(known)
        for query in chosen:
            store.health.resume(query, actor=actor or getpass.getuser(), reason=comment)
    click.echo(f"{counted(len(chosen), 'query', 'queries')} resumed.")
    return 0


def _refuse_unknown(query: str, known: Sequence[str]) -> None:
    if query not in known:
        raise click.UsageError(f"{query!r} is not paused{did_you_mean(query, known)}")


def _show(found: Sequence[AilingQuery]) -> None:
    table = output.new_table(
        "Paused", "Failures", "Next trial from", "Query", folded="Query", numbers={"Failures"}
    )
    for one in found:
        fields = _fields(one)
        why = Text(f": {' '.join(one.message.split())}", style="red")
        table.add_row(fields["paused_at"], f"{one.failures:,}", fields["probe_at"], Text(one.query) + why)
    output.show_table(table)


def _fields(one: AilingQuery) -> dict[str, Any]:
    return {
        "query": one.query,
        "failures": one.failures,
        "failing_since": written(one.failing_since.replace(microsecond=0)),
        "paused_at": one.paused_at and written(one.paused_at.replace(microsecond=0)),
        "probe_at": one.probe_at and written(one.probe_at.replace(microsecond=0)),
        "fault": one.message,
    }
