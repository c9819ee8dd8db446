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
from runner.alerts.summary import lines_of
from runner.cli import output, provenance
from runner.cli.options import Moment, format_option, load_settings, project_option, state_option, written
from runner.cli.output import SEVERITY_STYLES, Line, counted
from runner.clock import SystemClock
from runner.store.alert_book import AlertFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from runner.alerts.alert import Alert
    from runner.alerts.summary import Summary
    from runner.store.alert_book import HistoryEntry
    from runner.store.state import StateStore

_EVENTS_SHOWN = 3
_EVERY = 10_000_000
"""More alerts than a command is ever meant for."""
_actor_option = click.option("--by", "actor", help="Who does it. Default: the user who is logged in.")


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


def _filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which alerts are meant."""
    statuses = [status.value for status in AlertStatus]
    severities = list(SEVERITY_STYLES)
    options = (
        click.option(
            "--status",
            "statuses",
            multiple=True,
            type=click.Choice(statuses, case_sensitive=False),
            help="Only alerts with this status; may be repeated.",
        ),
        click.option(
            "--severity",
            "severities",
            multiple=True,
            type=click.Choice(severities, case_sensitive=False),
            help="Only alerts of this severity; may be repeated.",
        ),
        click.option("--rule", help="Only alerts of the rule with this id."),
        click.option("--assignee", help="Only alerts that this person looks after."),
        click.option("--held-by", help="Only alerts that the alert with this id stands for."),
        click.option("--since", type=Moment(), help="Only alerts created at this reference time or later."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _filter(
    store: StateStore,
    *,
    statuses: tuple[str, ...],
    severities: tuple[str, ...],
    rule: str | None,
    assignee: str | None,
    held_by: str | None,
    since: datetime | None,
) -> AlertFilter:
    return AlertFilter(
        statuses=tuple(AlertStatus(status.upper()) for status in statuses),
        severities=tuple(severity.upper() for severity in severities),
        rule_id=rule,
        assignee=assignee,
        held_by=held_by and store.find_alert(held_by).alert_id,
        since=since,
    )


@command.command(name="list")
@_filter_options
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@state_option
@project_option
@format_option("text", "json")
def list_(limit: int, state: str | None, project: Path | None, output_format: str, **filters: Any) -> int:
    """List alerts, newest first."""
    with _store(project, state) as store:
        found = store.list_alerts(_filter(store, **filters), limit)
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
@click.option("--why", is_flag=True, help="Show what it rests on: runs, definitions, and who was told.")
@state_option
@project_option
@format_option("text", "json")
def show(
    alert_id: str,
    events: int,
    why: bool,  # noqa: FBT001  click passes options by name
    state: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """Show one alert whole; ALERT_ID may be shortened to its first characters."""
    with _store(project, state) as store:
        alert = store.find_alert(alert_id)
        rows = store.events_of(alert, events)
        summary = store.summary_of(alert)
        history = store.history_of(alert)
        late = store.late_matches_of(alert)
        found = store.desk.provenance_of(alert) if why else None
    if output_format == "json":
        entries = [_entry_fields(entry) for entry in history]
        reasons = {"why": provenance.fields(alert, found)} if found else {}
        found_fields = {"late_matches": late, "summary": summary, "events": rows, "history": entries}
        output.print_json({**output.alert_fields(alert), **found_fields, **reasons})
    else:
        _show(alert, summary, rows, history, late=late)
        if found:
            provenance.show(alert, found)
    return 0


def _newest_first(found: Sequence[Alert]) -> list[Line]:
    """Order alerts by time, and those of one time by severity."""
    by_severity = output.in_order(Line(alert=alert) for alert in found)
    return sorted(by_severity, key=lambda line: line.alert.created_at, reverse=True)


def _chosen(store: StateStore, alert_ids: Sequence[str], filters: dict[str, Any]) -> list[Alert]:
    """Return the alerts that are named, or that fit the filters. Raises `click.UsageError` if neither is given."""
    wanted = _filter(store, **filters)
    if bool(alert_ids) == (wanted != AlertFilter()):
        raise click.UsageError("name alerts by their ids, or say which ones are meant by options")
    if alert_ids:
        found = {alert.alert_id: alert for alert in map(store.find_alert, alert_ids)}
        return list(found.values())
    return store.list_alerts(wanted, _EVERY)


def _status_command(verb: str, status: AlertStatus, help_text: str) -> None:
    """Make the command that gives alerts one status."""

    @command.command(name=verb, help=help_text)
    @click.argument("alert_ids", nargs=-1)
    @_filter_options
    @click.option("--comment", default="", help="Why, for those who read it later.")
    @_actor_option
    @state_option
    @project_option
    def change(
        alert_ids: tuple[str, ...],
        comment: str,
        actor: str | None,
        state: str | None,
        project: Path | None,
        **filters: Any,
    ) -> int:
        with _store(project, state) as store:
            chosen = _chosen(store, alert_ids, filters)
            changed = [alert for alert in chosen if alert.status is not status]
            store.change_status(changed, status, actor=actor or getpass.getuser(), comment=comment)
        before = len(chosen) - len(changed)
        same = f" {counted(before, 'alert')} had that status before." if before else ""
        click.echo(f"{counted(len(changed), 'alert')} now {status.value}.{same}")
        return 0

    _: Callable[..., Any] = change


@command.command(name="assign")
@click.argument("alert_ids", nargs=-1)
@_filter_options
@click.option("--to", "person", required=True, help="Who looks after them; an empty name for nobody.")
@_actor_option
@state_option
@project_option
def assign(
    alert_ids: tuple[str, ...],
    person: str,
    actor: str | None,
    state: str | None,
    project: Path | None,
    **filters: Any,
) -> int:
    """Say who looks after alerts, given by their ids or by the options that choose them."""
    with _store(project, state) as store:
        chosen = _chosen(store, alert_ids, filters)
        store.desk.assign(chosen, person, actor=actor or getpass.getuser())
    click.echo(f"{counted(len(chosen), 'alert')} assigned to {person or 'nobody'}.")
    return 0


@command.command(name="comment")
@click.argument("alert_id")
@click.argument("text")
@_actor_option
@state_option
@project_option
def comment_on(alert_id: str, text: str, actor: str | None, state: str | None, project: Path | None) -> int:
    """Add TEXT to the history of one alert."""
    with _store(project, state) as store:
        store.desk.comment([store.find_alert(alert_id)], text, actor=actor or getpass.getuser())
    click.echo("Noted.")
    return 0


_status_command("resolve", AlertStatus.RESOLVED, "Mark alerts as dealt with.")
_status_command("close", AlertStatus.CLOSED, "Mark alerts as false positives.")
_status_command("triage", AlertStatus.TRIAGED, "Mark alerts as being looked at.")
_status_command("reopen", AlertStatus.OPEN, "Mark alerts as open again.")


def _show(
    alert: Alert, summary: Summary, rows: list[dict[str, Any]], history: list[HistoryEntry], *, late: int
) -> None:
    place = output.console()
    place.print(Text(alert.severity, style=SEVERITY_STYLES[alert.severity]), Text(alert.title, style="bold"))
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(alert, late):
        if value:
            facts.add_row(Text(name, style="dim"), Text(value))
    output.show_table(facts)
    if alert.context:
        place.print(Text("\nContext", style="bold"))
        click.echo(_indented(alert.context))
    if summary:
        place.print(Text("\nMost frequent values", style="bold"))
        for line in lines_of(summary):
            click.echo(line)
    for number, row in enumerate(rows, start=1):
        place.print(Text(f"\nEvent {number} of {alert.match_count:,}", style="bold"))
        click.echo(_indented(row))
    for entry in history:
        click.echo(f"\n{written(entry.at)} {entry.actor}: {entry.status.value} {entry.comment}".rstrip())


def _facts(alert: Alert, late: int) -> Iterator[tuple[str, str]]:
    yield "Alert", alert.alert_id
    yield "Status", alert.status.value
    yield "Assignee", alert.assignee
    yield "Held by", alert.held_by or ""
    yield "One with", alert.merged_into or ""
    yield "Rule", alert.key.rule_id
    yield "Type", alert.type.value
    yield "Dedup", alert.key.dedup
    yield "Created", written(alert.created_at)
    yield "Matches", f"{alert.match_count:,}, {_span(alert)}"
    yield "Late", f"{late:,} of them, by logs that came after their window was evaluated" if late else ""
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
