"""`runner alerts show --why`: what an alert rests on, in words and in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from runner.cli import output
from runner.cli.options import written

if TYPE_CHECKING:
    from runner.alerts.alert import Alert
    from runner.destinations.delivery import Delivery
    from runner.store.provenance import Contribution, Provenance

_SHORT_HASH = 12
_HEADINGS = ("For", "Query", "Matches", "Query hash", "Rule hash", "Run")


def show(alert: Alert, found: Provenance) -> None:
    """Print what an alert rests on."""
    place = output.console()
    place.print(Text("\nRests on", style="bold"))
    if found.contributions:
        table = output.new_table(*_HEADINGS, folded="Query", numbers={"Matches"})
        for one in found.contributions:
            table.add_row(*_cells(alert, one))
        output.show_table(table)
    else:
        click.echo("No run that is still kept.")
    click.echo(f"Dedup: {_decision(alert)}")
    place.print(Text("\nTold", style="bold"))
    if not found.deliveries:
        click.echo("Nobody.")
    for delivery in found.deliveries:
        click.echo(_told(delivery))


def fields(alert: Alert, found: Provenance) -> dict[str, Any]:
    """Return what an alert rests on as JSON values."""
    return {
        "dedup": _decision(alert),
        "runs": [
            {
                "run_id": one.run.run_id,
                "query": one.run.key.query,
                "scheduled_for": written(one.run.key.scheduled_for),
                "purpose": one.run.key.purpose.value,
                "revision": one.run.key.revision,
                "matches": one.matches,
                "rows": one.run.counts.rows,
                "bytes": one.run.counts.bytes,
                "query_hash": one.run.query_hash,
                "rule_hash": one.run.rule_hashes.get(alert.key.rule_id, ""),
            }
            for one in found.contributions
        ],
        "deliveries": [
            {
                "destination": one.destination,
                "kind": one.kind.value,
                "sequence": one.sequence,
                "state": one.state.value,
                "attempts": one.attempts,
                "created_at": written(one.created_at),
                "ended_at": written(one.ended_at) if one.ended_at else None,
                "reason": one.reason,
                "idempotency_key": one.message.key,
            }
            for one in found.deliveries
        ],
    }


def _cells(alert: Alert, one: Contribution) -> tuple[str | Text, ...]:
    return (
        written(one.run.key.scheduled_for),
        Text(one.run.key.query),
        f"{one.matches:,}",
        one.run.query_hash[:_SHORT_HASH],
        one.run.rule_hashes.get(alert.key.rule_id, "")[:_SHORT_HASH],
        one.run.run_id,
    )


def _decision(alert: Alert) -> str:
    key = f"matches of {alert.key.rule_id} with the dedup string {alert.key.dedup!r}"
    return (
        f"{key}, from the first at {written(alert.first_match_at)} to the last at "
        f"{written(alert.last_match_at)}; an alert since {written(alert.created_at)}"
    )


def _told(delivery: Delivery) -> str:
    at = written(delivery.ended_at or delivery.created_at)
    attempts = output.counted(delivery.attempts, "attempt")
    reason = f": {delivery.reason}" if delivery.reason else ""
    return f"{at} {delivery.destination}: {delivery.kind.value}, {delivery.state.value} ({attempts}){reason}"
