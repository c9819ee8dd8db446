"""The `runner` command: it imports a command only when that command is called."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from runner import __version__
from runner.errors import RunnerError, SettingsError, StoreError, UnknownAlert, UnknownSilence, UnusableRow
from runner.references import Mask

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "once": "Run scheduled queries once, at a given time, and print their alerts.",
    "check": "Check definitions and queries without running them.",
    "schema": "Print JSON Schemas of definitions, for editors.",
    "test": "Run the unit tests of rules and policies.",
    "debug": "Run one unit test with its prints shown and the debugger allowed.",
    "alerts": "List, show and resolve alerts.",
    "destinations": "List the destinations of alerts, try them, and see what they missed.",
    "silences": "Keep alerts from being told for a while.",
    "daemon": "Run every enabled query at its due times, for months.",
    "next": "Show when queries run next, and which windows they answer for.",
    "status": "Show whether a daemon is alive, how each query stands, and what was covered.",
    "queries": "List paused queries, and let them go on.",
    "gaps": "List, and fill, the due times that were not evaluated.",
    "why-not": "Say why there is no alert for a row at a due time.",
    "late": "List, and run again, the windows that got logs after they were evaluated.",
    "runs": "List the latest runs.",
    "state": "Look after the state database: remove what is old.",
    "ingest": "Take log files into the data lake.",
    "lake": "Show what the data lake holds, how late it is, and what is wrong with it.",
    "init": "Make a new project with one query, one rule and sample logs.",
}
"""Each command's one-line help, here so that `runner --help` imports none of them."""

EXIT_CODES = {
    0: "done",
    1: "faults in content: definitions, tests, queries or log files",
    2: "wrong usage or settings, or output that cannot be written",
    3: "the state database did not do as asked",
    130: "interrupted",
}
_CONTENT, _USAGE, _STATE, _INTERRUPTED = 1, 2, 3, 130
_WITHOUT_PLUGINS = ("PYDANTIC_DISABLE_PLUGINS", "__all__")
"""What else is installed has no say in how definitions are read; pydantic would look for it in every package."""


class _LazyGroup(click.Group):
    """A group that knows its commands by name, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  as above
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"runner.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  as above
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"there is no command {args[0]!r}{f': did you mean {near[0]}?' if near else ''}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader who has seen enough of our output is no fault (Click ends with 1 then)."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _drop_output()
            return 0


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="runner")
def cli() -> None:
    """Run Panther-format scheduled queries and rules on your own data lake."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and end it with one of `EXIT_CODES`."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    os.environ.setdefault(*_WITHOUT_PLUGINS)
    mask = Mask()
    try:
        return int(cli.main(arguments, prog_name="runner", standalone_mode=False, obj=mask) or 0)
    except click.exceptions.Exit as leave:
        return int(leave.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return _INTERRUPTED
    except click.ClickException as error:
        error.show()
        return _USAGE
    except RunnerError as error:
        click.echo(mask.masked(f"Error: {error}"), err=True)
        return _code_of(error)
    except OSError as error:
        click.echo(f"Error: {error.strerror}{f': {error.filename}' if error.filename else ''}", err=True)
        _drop_output()
        return _USAGE


def _drop_output() -> None:
    """Let what is still buffered go nowhere, so that Python's own flush at the end does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _code_of(error: RunnerError) -> int:
    if isinstance(error, SettingsError | UnusableRow | UnknownAlert | UnknownSilence):
        return _USAGE
    return _STATE if isinstance(error, StoreError) else _CONTENT
