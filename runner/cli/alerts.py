"""`runner alerts`: list, show, and change the status of alerts."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
import orjson
from rich.table import Table
from rich.text import Text

from runner import app
from runner.alerts.alert import AlertStatus
from runner.cli import output
from runner.cli.options import Moment, format_option, load_settings, project_option, state_option, written
from runner.cli.output import SEVERITY_STYLES, Line, counted
from runner.clock import SystemClock
from runner.store.alert_book import AlertFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from runner.alerts.alert import Alert
    from runner.store.alert_book import HistoryEntry
    from runner.store.state import StateStore

_EVENTS_SHOWN = 3


@click.group(name="alerts")
def command() -> None:
    """List, show and resolve alerts."""


@contextmanager
def _store(project: Path | None, state: str | None) -> Iterator[StateStore]:
    store = app.open_store(load_settings(project, state__url=state), SystemClock())
    try:
        yield store
    finally:
        store.close()


@command.command(name="list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([status.value for status in AlertStatus], case_sensitive=False),
    help="Only alerts with this status; may be repeated.",
)
@click.option(
    "--severity",
    "severities",
    multiple=True,
    type=click.Choice(list(SEVERITY_STYLES), case_sensitive=False),
    help="Only alerts of this severity; may be repeated.",
)
@click.option("--rule", help="Only alerts of the rule with this id.")
@click.option("--since", type=Moment(), help="Only alerts created at this reference time or later.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@state_option
@project_option
@format_option("text", "json")
def list_(
    statuses: tuple[str, ...],
    severities: tuple[str, ...],
    rule: str | None,
    since: datetime | None,
    limit: int,
    state: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """List alerts, newest first."""
    chosen = AlertFilter(
        statuses=tuple(AlertStatus(status.upper()) for status in statuses),
        severities=tuple(severity.upper() for severity in severities),
        rule_id=rule,
        since=since,
    )
    with _store(project, state) as store:
        found = store.list_alerts(chosen, limit)
    if output_format == "json":
        output.print_json([output.alert_fields(alert) for alert in found])
    elif found:
        output.show_table(output.alert_table(_newest_first(found)))
    else:
        click.echo("No alerts.")
    return 0


@command.command(name="show")
@click.argument("alert_id")
@click.option(
    "--events", type=click.IntRange(min=0), default=_EVENTS_SHOWN, show_default=True, help="Rows to show."
)
@state_option
@project_option
@format_option("text", "json")
def show(alert_id: str, events: int, state: str | None, project: Path | None, output_format: str) -> int:
    """Show one alert whole; ALERT_ID may be shortened to its first characters."""
    with _store(project, state) as store:
        alert = store.find_alert(alert_id)
        rows = store.events_of(alert, events)
        history = store.history_of(alert)
    if output_format == "json":
        entries = [_entry_fields(entry) for entry in history]
        output.print_json({**output.alert_fields(alert), "events": rows, "history": entries})
    else:
        _show(alert, rows, history)
    return 0


def _newest_first(found: Sequence[Alert]) -> list[Line]:
    """Order alerts by time, and those of one time by severity."""
    by_severity = output.in_order(Line(alert=alert) for alert in found)
    return sorted(by_severity, key=lambda line: line.alert.created_at, reverse=True)


def _status_command(verb: str, status: AlertStatus, help_text: str) -> None:
    """Make the command that gives alerts one status."""

    @command.command(name=verb, help=help_text)
    @click.argument("alert_ids", nargs=-1, required=True)
    @click.option("--comment", default="", help="Why, for those who read it later.")
    @click.option("--by", "actor", help="Who does it. Default: the user who is logged in.")
    @state_option
    @project_option
    def change(
        alert_ids: tuple[str, ...], comment: str, actor: str | None, state: str | None, project: Path | None
    ) -> int:
        with _store(project, state) as store:
            chosen = [store.find_alert(alert_id) for alert_id in alert_ids]
            store.change_status(chosen, status, actor=actor or getpass.getuser(), comment=comment)
        click.echo(f"{counted(len(chosen), 'alert')} now {status.value}.")
        return 0

    _: Callable[..., Any] = change


_status_command("resolve", AlertStatus.RESOLVED, "Mark alerts as dealt with.")
_status_command("close", AlertStatus.CLOSED, "Mark alerts as false positives.")
_status_command("triage", AlertStatus.TRIAGED, "Mark alerts as being looked at.")
_status_command("reopen", AlertStatus.OPEN, "Mark alerts as open again.")


def _show(alert: Alert, rows: list[dict[str, Any]], history: list[HistoryEntry]) -> None:
    place = output.console()
    place.print(Text(alert.severity, style=SEVERITY_STYLES[alert.severity]), Text(alert.title, style="bold"))
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(alert):
        if value:
            facts.add_row(Text(name, style="dim"), Text(value))
    output.show_table(facts)
    if alert.context:
        place.print(Text("\nContext", style="bold"))
        click.echo(_indented(alert.context))
    for number, row in enumerate(rows, start=1):
        place.print(Text(f"\nEvent {number} of {alert.match_count:,}", style="bold"))
        click.echo(_indented(row))
    for entry in history:
        click.echo(f"\n{written(entry.at)} {entry.actor}: {entry.status.value} {entry.comment}".rstrip())


def _facts(alert: Alert) -> Iterator[tuple[str, str]]:
    yield "Alert", alert.alert_id
    yield "Status", alert.status.value
    yield "Rule", alert.key.rule_id
    yield "Type", alert.type.value
    yield "Dedup", alert.key.dedup
    yield "Created", written(alert.created_at)
    yield "Matches", f"{alert.match_count:,}, {_span(alert)}"
    yield "Description", alert.description.strip()
    yield "Runbook", alert.runbook.strip()
    yield "Reference", alert.reference


def _span(alert: Alert) -> str:
    first, last = written(alert.first_match_at), written(alert.last_match_at)
    return f"at {first}" if first == last else f"{first} to {last}"


def _entry_fields(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "at": written(entry.at),
        "actor": entry.actor,
        "status": entry.status.value,
        "comment": entry.comment,
    }


def _indented(value: object) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()
