"""`runner state`: what the state database holds, and removing what is old."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from runner import app
from runner.cli import output
from runner.cli.options import format_option, load_settings, project_option, state_option, written
from runner.cli.output import counted
from runner.clock import SystemClock
from runner.daemon.lock import lock_beside, only_daemon
from runner.store.database import sqlite_file
from runner.store.retention import Pruned

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.state import StateStore


@click.group(name="state")
def command() -> None:
    """Look after the state database."""


@command.command(name="prune")
@click.option("--dry-run", is_flag=True, help="Remove nothing: tell how much it would be.")
@state_option
@project_option
@format_option("text", "json")
def prune(
    dry_run: bool,  # noqa: FBT001  click passes options by name
    state: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """Remove what is older than the settings `retention.*` say, as the daemon does by itself.

    It may run beside a daemon: it removes a little at a time. Alerts that are open or triaged stay.
    """
    settings = load_settings(project, state__url=state)
    store = app.open_store(settings, SystemClock())
    try:
        pruned = _pruned(store, settings, dry_run=dry_run)
    finally:
        store.close()
    if output_format == "json":
        output.print_json(
            {
                "dry_run": dry_run,
                "runs": pruned.runs,
                "gaps": pruned.gaps,
                "matches": pruned.matches,
                "alerts": pruned.alerts,
            }
        )
    else:
        click.echo(f"{_told(pruned)} {'would be ' if dry_run else ''}removed.")
    return 0


@command.command(name="take-back")
@click.option("--yes", is_flag=True, help="Do not ask whether the clock is right.")
@state_option
@project_option
def take_back(
    yes: bool,  # noqa: FBT001  click passes options by name
    state: str | None,
    project: Path | None,
) -> int:
    """Forget what a clock that was ahead had recorded for times that have not come.

    A daemon never does this by a clock that is behind what an earlier daemon recorded: it waits until the clock is
    right. If the clock is right, and was ahead before, stop the daemon, give this command, and start it again: what
    falls due from now on is recorded anew.
    """
    settings, clock = load_settings(project, state__url=state), SystemClock()
    with ExitStack() as stack:
        file = sqlite_file(settings.state_url)
        if file is not None:
            stack.enter_context(only_daemon(lock_beside(file)))
        store = app.open_store(settings, clock)
        stack.callback(store.close)
        now = clock.now()
        if not yes:
            click.confirm(f"By this machine's clock it is {written(now)}. Is that right?", abort=True)
        taken = store.ledger.take_back(now)
    click.echo(f"{counted(taken, 'epoch, gap or due time', 'epochs, gaps and due times')} taken back.")
    return 0


def _pruned(store: StateStore, settings: Settings, *, dry_run: bool) -> Pruned:
    cutoffs = store.retention.cutoffs(settings)
    if dry_run:
        return store.retention.count(cutoffs)
    total, has_more = Pruned(), True
    with output.error_console().status("Removing what is old"):
        while has_more:
            portion, has_more = store.retention.prune_portion(cutoffs)
            total += portion
    return total


def _told(pruned: Pruned) -> str:
    parts = [
        counted(pruned.runs, "run"),
        counted(pruned.gaps, "gap"),
        counted(pruned.matches, "match", "matches"),
        counted(pruned.alerts, "alert"),
    ]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
