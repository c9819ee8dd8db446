"""`runner silences`: alerts that nobody is told of for a while."""

from __future__ import annotations

import getpass
import re
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from runner import app
from runner.cli import output
from runner.cli.options import (
    Moment,
    format_option,
    load_settings,
    project_option,
    state_option,
    written,
)
from runner.clock import SystemClock
from runner.destinations.maintenance import read_windows
from runner.destinations.silence import Matcher

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from runner.destinations.silence import Silence

_DURATION = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class _Duration(click.ParamType[timedelta]):
    """How long, such as 30m, 2h or 7d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read a number with its unit."""
        if isinstance(value, timedelta):
            return value
        match = _DURATION.fullmatch(value)
        if match is None or not int(match[1]):
            self.fail(f"{value!r} is no duration: write it as 30m, 2h or 7d", param, ctx)
        try:
            return timedelta(**{_UNITS[match[2]]: int(match[1])})
        except OverflowError:
            self.fail(f"{value!r} is too long", param, ctx)


@click.group(name="silences")
def command() -> None:
    """Keep alerts from being told for a while; they are stored as ever."""


@command.command(name="list")
@state_option
@project_option
@format_option("text", "json")
def list_silences(state: str | None, project: Path | None, output_format: str) -> int:
    """List the silences that hold now or will, and each maintenance window with the time it holds now or next."""
    clock = SystemClock()
    settings = load_settings(project, state__url=state)
    windows = read_windows(settings.maintenance)
    with closing(app.open_store(settings, clock)) as store:
        found = [*store.outbox.silences(), *(window.at(clock.now()) for window in windows)]
    if output_format == "json":
        output.print_json([_fields(one) for one in found])
    elif found:
        _show(found)
    else:
        click.echo("No silences.")
    return 0


@command.command(name="add")
@click.option(
    "--rule", default="", help="The rule's id; `*` and `?` stand for any characters, here and below."
)
@click.option("--title", default="", help="The alert's title.")
@click.option("--dedup", default="", help="Its dedup string.")
@click.option("--severity", default="", help="Its severity.")
@click.option("--type", "alert_type", default="", help="Its type, such as SYSTEM_ERROR.")
@click.option("--tag", default="", help="One of its rule's tags.")
@click.option("--everything", is_flag=True, help="Silence every alert.")
@click.option("--for", "length", type=_Duration(), help="How long, such as 30m, 2h or 7d.")
@click.option("--from", "start", type=Moment(), help="When it begins. Default: now.")
@click.option("--until", "end", type=Moment(), help="When it ends, instead of --for.")
@click.option("--reason", required=True, help="Why; people see it with each alert that is kept back.")
@click.option("--author", help="Who wants it. Default: who is logged in.")
@state_option
@project_option
def add_silence(
    rule: str,
    title: str,
    dedup: str,
    severity: str,
    alert_type: str,
    tag: str,
    everything: bool,  # noqa: FBT001  click passes options by name
    length: timedelta | None,
    start: datetime | None,
    end: datetime | None,
    reason: str,
    author: str | None,
    state: str | None,
    project: Path | None,
) -> int:
    """Tell no destination of alerts that fit all the given patterns, for a while."""
    matcher = Matcher(rule=rule, title=title, dedup=dedup, severity=severity, type=alert_type, tag=tag)
    if matcher.is_empty != everything:
        raise click.UsageError("say which alerts are meant, or give --everything")
    if (length is None) == (end is None):
        raise click.UsageError("give --for or --until")
    clock = SystemClock()
    starts_at = start or clock.now().replace(microsecond=0)
    ends_at = end or starts_at + (length or timedelta())
    if ends_at <= max(starts_at, clock.now()):
        raise click.UsageError("that silence would have ended already")
    settings = load_settings(project, state__url=state)
    with closing(app.open_store(settings, clock)) as store:
        made = store.outbox.silence(
            matcher,
            reason=reason,
            author=author or getpass.getuser(),
            starts_at=starts_at,
            ends_at=ends_at,
        )
    click.echo(f"Silence {made.silence_id}: {matcher}, until {written(made.ends_at)}.")
    return 0


@command.command(name="end")
@click.argument("number", type=int)
@state_option
@project_option
def end_silence(number: int, state: str | None, project: Path | None) -> int:
    """End the silence NUMBER now."""
    settings = load_settings(project, state__url=state)
    with closing(app.open_store(settings, SystemClock())) as store:
        store.outbox.end_silence(number)
    click.echo(f"Silence {number} has ended.")
    return 0


def _show(found: Sequence[Silence]) -> None:
    table = output.new_table("Number", "From", "Until", "Author", "Alerts", "Reason", folded="Reason")
    for one in found:
        times = (written(one.starts_at), written(one.ends_at))
        author = f"maintenance {one.window}" if one.window else one.author
        words = (Text(author), Text(str(one.matcher)), Text(one.reason))
        table.add_row("" if one.window else str(one.silence_id), *times, *words)
    output.show_table(table)


def _fields(one: Silence) -> dict[str, object]:
    return {
        "silence_id": None if one.window else one.silence_id,
        "window": one.window or None,
        "matcher": str(one.matcher),
        "reason": one.reason,
        "author": one.author or None,
        "starts_at": written(one.starts_at),
        "ends_at": written(one.ends_at),
    }
