"""`runner daemon`: run every enabled query at its due times, for months."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from runner import logs
from runner.cli.options import lake_option, load_settings, mask, project_option, state_option
from runner.clock import SystemClock
from runner.daemon.process import Daemon
from runner.daemon.service_manager import ServiceManager

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="daemon")
@click.option(
    "--standby",
    is_flag=True,
    help="Wait while another daemon works on the same SQLite database, then take over.",
)
@lake_option
@state_option
@project_option
def command(
    standby: bool,  # noqa: FBT001  click passes options by name
    lake: str | None,
    state: str | None,
    project: Path | None,
) -> int:
    """Run every enabled query at its due times, until SIGTERM.

    What fell due while no daemon ran is caught up with, each due time with its own reference time. SIGHUP reads
    the definitions again at once; otherwise a change is seen within seconds. A second SIGTERM does not wait for
    runs to end. Logs are lines on standard error: JSON, unless that is a terminal (settings log.format, log.level).
    """
    settings = load_settings(project, lake__location=lake, state__url=state)
    wanted = settings["log.format"]
    logs.configure(
        as_json=wanted == "json" or (wanted == "auto" and not sys.stderr.isatty()),
        level=logs.level_of(settings["log.level"]),
        mask=mask().masked,
    )
    manager = ServiceManager.from_environment(os.environ)
    daemon = Daemon(settings, SystemClock(), standby=standby, manager=manager)
    daemon.stop_on_signals()
    daemon.run()
    sys.stderr.flush()
    # A thread may still wait for a database server that does not answer; nothing is left that is worth its wait.
    os._exit(0)
