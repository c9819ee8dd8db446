"""`runner destinations`: who is told of alerts, and whether they can be reached."""

from __future__ import annotations

import secrets
from contextlib import closing
from typing import TYPE_CHECKING

import click
from rich.text import Text

from runner import app
from runner.cli import output
from runner.cli.options import format_option, load_settings, project_option, state_option, written
from runner.cli.output import counted
from runner.clock import SystemClock
from runner.destinations.message import Message, MessageKind, Notice
from runner.destinations.reading import read_destinations
from runner.errors import DeliveryError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from runner.destinations.delivery import Delivery
    from runner.destinations.destination import Destination


@click.group(name="destinations")
def command() -> None:
    """List the destinations of alerts, and try them."""


@command.command(name="list")
@project_option
@format_option("text", "json")
def list_destinations(project: Path | None, output_format: str) -> int:
    """List the destinations that the settings describe, and what each one gets."""
    found = _destinations(project)
    if output_format == "json":
        output.print_json([_fields(one) for one in found])
    elif not found:
        click.echo("No destinations. Describe one in runner.toml, as [destinations.<name>].")
    else:
        _show(found)
    return 0


@command.command(name="test")
@click.argument("names", nargs=-1)
@project_option
def try_destinations(names: Sequence[str], project: Path | None) -> int:
    """Send a test message to the destinations NAMES (default: to all), and tell whether they took it.

    The exit code is 1 if one did not.
    """
    clock = SystemClock()
    failed = 0
    for one in _chosen(_destinations(project), names):
        try:
            one.sender.send(_trial(clock.now()))
            click.echo(f"{one.name}: took the message")
        except DeliveryError as error:
            failed += 1
            click.echo(f"{one.name}: {error}")
        finally:
            one.sender.close()
    return int(failed > 0)


@command.command(name="missed")
@click.argument("name")
@click.option(
    "--resend",
    is_flag=True,
    help="Have the daemon send them after all: under the same keys, saying how the alerts are now.",
)
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@state_option
@project_option
@format_option("text", "json")
def missed(
    name: str,
    resend: bool,  # noqa: FBT001  click passes options by name
    limit: int,
    state: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """List the messages that the destination NAME was not given, the newest first, and why."""
    settings = load_settings(project, state__url=state)
    if resend and name not in settings.destinations:
        have = ", ".join(settings.destinations) or "there are none"
        raise SettingsError(f"there is no destination {name} to send them to (the destinations: {have})")
    with closing(app.open_store(settings, SystemClock())) as store:
        found = store.outbox.failed(name, limit)
        if output_format == "json":
            output.print_json([_missed_fields(one) for one in found])
        else:
            _show_missed(found)
        if resend:
            output.complain([f"{counted(store.outbox.try_again(name), 'message')} will be sent again."])
    return 0


def _show_missed(found: Sequence[Delivery]) -> None:
    if not found:
        click.echo("Nothing was missed.")
        return
    table = output.new_table("Given up", "Alert", "Attempts", "Title", "Reason", folded="Reason")
    for one in found:
        ended = written(one.ended_at) if one.ended_at else ""
        cells = (ended, one.alert_id[: output.SHORT_ID], str(one.attempts))
        table.add_row(*cells, Text(one.message.notice.title), Text(one.reason))
    output.show_table(table)


def _missed_fields(one: Delivery) -> dict[str, object]:
    return {
        "alert_id": one.alert_id,
        "kind": one.kind.value,
        "title": one.message.notice.title,
        "attempts": one.attempts,
        "given_up_at": written(one.ended_at) if one.ended_at else None,
        "reason": one.reason,
        "idempotency_key": one.message.key,
    }


def _destinations(project: Path | None) -> tuple[Destination, ...]:
    settings = load_settings(project)
    return read_destinations(settings.destinations, root=settings.root, clock=SystemClock())


def _chosen(known: Sequence[Destination], names: Sequence[str]) -> list[Destination]:
    unknown = [name for name in names if not any(one.is_called(name) for one in known)]
    if unknown or not known:
        have = ", ".join(one.name for one in known) or "there are none"
        raise SettingsError(f"there is no destination {', '.join(unknown)} (the destinations: {have})")
    return [one for one in known if not names or any(one.is_called(name) for name in names)]


def _trial(now: datetime) -> Message:
    key = secrets.token_hex(16)
    notice = Notice(
        alert_id=key,
        rule_id="runner.Test",
        name="",
        type="SYSTEM_ERROR",
        title="runner tries whether this destination works",
        severity="INFO",
        status="RESOLVED",
        created_at=now,
        first_match_at=now,
        last_match_at=now,
        match_count=0,
        description="Somebody ran `runner destinations test`. Nothing has happened.",
    )
    return Message(key=key, kind=MessageKind.TEST, notice=notice)


def _show(found: Sequence[Destination]) -> None:
    table = output.new_table("Name", "Kind", "Gets", "Updates", folded="Gets")
    for one in found:
        table.add_row(Text(one.name), one.kind, Text(_wanted(one)), "yes" if one.takes_updates else "no")
    output.show_table(table)


def _wanted(one: Destination) -> str:
    parts = [", ".join(values) for values in _filters(one).values() if values]
    return "; ".join(parts) or "everything"


def _filters(one: Destination) -> dict[str, list[str]]:
    wanted = one.subscription
    return {
        "severities": sorted(wanted.severities),
        "alert_types": sorted(wanted.alert_types),
        "log_types": sorted(wanted.log_types),
        "tags": sorted(wanted.tags),
    }


def _fields(one: Destination) -> dict[str, object]:
    return {
        "name": one.name,
        "kind": one.kind,
        "id": one.output_id,
        **_filters(one),
        "updates": one.takes_updates,
        "timeout_seconds": one.pace.timeout,
        "per_minute": one.pace.per_minute,
        "group_above": one.pace.group_above,
    }
