"""The `runner` command: it imports a command only when that command is called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import click

from runner import __version__
from runner.errors import RunnerError, SettingsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "once": "Run scheduled queries once, at a given time, and print their alerts.",
    "check": "Check definitions and queries without running them.",
    "test": "Run the unit tests of the rules.",
    "alerts": "List, show and resolve alerts.",
    "runs": "List the latest runs.",
    "ingest": "Take log files into the data lake.",
    "init": "Make a new project with one query, one rule and sample logs.",
}
"""Each command's one-line help, here so that `runner --help` imports none of them."""

EXIT_CODES = {
    0: "done",
    1: "faults in content: definitions, tests, queries or log files",
    2: "wrong usage or settings",
    3: "the state database did not do as asked",
    130: "interrupted",
}
_CONTENT, _USAGE, _STATE, _INTERRUPTED = 1, 2, 3, 130


class _LazyGroup(click.Group):
    """A group that knows its commands by name, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  as above
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"runner.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  as above
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="runner")
def cli() -> None:
    """Run Panther-format scheduled queries and rules on your own data lake."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and end it with one of `EXIT_CODES`."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        return int(cli.main(arguments, prog_name="runner", standalone_mode=False) or 0)
    except click.exceptions.Exit as leave:
        return int(leave.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return _INTERRUPTED
    except click.ClickException as error:
        error.show()
        return _USAGE
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except RunnerError as error:
        click.echo(f"Error: {error}", err=True)
        return _code_of(error)


def _code_of(error: RunnerError) -> int:
    if isinstance(error, SettingsError):
        return _USAGE
    return _STATE if isinstance(error, StoreError) else _CONTENT
