"""`runner alerts show --why`: what an alert rests on, in words and in JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from runner.alerts.alert import AlertType
from runner.cli import output
from runner.cli.options import written
from runner.cli.output import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.alerts.alert import Alert
    from runner.destinations.delivery import Delivery
    from runner.lake.files_read import TableRead
    from runner.store.provenance import Contribution, FirstMatch, Provenance

_SHORT_HASH = 12
_FILES_SHOWN = 3
_HEADINGS = ("For", "Query", "Matches", "Query hash", "Rule hash", "Commit", "Run")
_ORIGINS = {
    "dedup": "returned by the rule's dedup function",
    "title": "the title, as the rule has no dedup function",
    "default": "the default, as the rule names none",
    "error": "the kind of the rule's failure",
}


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
    for heading, lines in (
        ("Files read", _files(found)),
        ("Definitions", _definitions(found)),
        ("Why one alert", _reasons(alert, found)),
        ("Told", _all_told(alert, found)),
    ):
        place.print(Text(f"\n{heading}", style="bold"))
        for line in list(lines) or [_NONE[heading]]:
            click.echo(line)


_NONE = {
    "Files read": "Not known.",
    "Definitions": "Not known.",
    "Why one alert": "Not known.",
    "Told": "Nobody.",
}


def fields(alert: Alert, found: Provenance) -> dict[str, Any]:
    """Return what an alert rests on as JSON values."""
    return {
        "dedup": _decision_fields(alert, found),
        "runs": [_run_fields(alert, one) for one in found.contributions],
        "definitions": [text._asdict() for _, text in sorted(found.texts.items())],
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


def _decision_fields(alert: Alert, found: Provenance) -> dict[str, Any]:
    first, decision = found.decision.first, found.decision
    return {
        "string": alert.key.dedup,
        "given_by": first.dedup_from if first else None,
        "threshold": decision.threshold,
        "period_minutes": decision.period_minutes,
        "window_start": written(alert.first_match_at),
        "window_last_match": written(alert.last_match_at),
        "matches": alert.match_count,
        "threshold_reached_at": written(alert.created_at),
        "first_match": _first_fields(first) if first else None,
        "folded_into": alert.merged_into,
        "took_in": list(decision.took_in),
        "in_words": list(_reasons(alert, found)),
    }


def _first_fields(first: FirstMatch) -> dict[str, Any]:
    return {"at": written(first.at), "query": first.query, "run_id": first.run_id, "row": first.row}


def _run_fields(alert: Alert, one: Contribution) -> dict[str, Any]:
    return {
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
        "git_commit": one.run.git_commit or None,
        "files_digest": one.files.digest if one.files else None,
        "tables": [asdict(table) for table in one.files.tables] if one.files else [],
    }


def _cells(alert: Alert, one: Contribution) -> tuple[str | Text, ...]:
    return (
        written(one.run.key.scheduled_for),
        Text(one.run.key.query),
        f"{one.matches:,}",
        one.run.query_hash[:_SHORT_HASH],
        one.run.rule_hashes.get(alert.key.rule_id, "")[:_SHORT_HASH],
        one.run.git_commit[:_SHORT_HASH] or "none",
        one.run.run_id,
    )


def _files(found: Provenance) -> Iterator[str]:
    for one in found.contributions:
        for table in one.files.tables if one.files else ():
            yield f"{written(one.run.key.scheduled_for)} {table.table}{_window(table)}: {_size(table)}"
            for file in table.files[:_FILES_SHOWN]:
                yield f"  {file.path}"
            if table.count > _FILES_SHOWN:
                yield f"  and {table.count - _FILES_SHOWN:,} more"


def _window(table: TableRead) -> str:
    if table.time_column is None:
        return " (has no time)"
    return f" from {table.since or 'its beginning'} to before {table.until or 'its end'}"


def _size(table: TableRead) -> str:
    return f"{counted(table.count, 'file')}, {counted(table.size, 'byte')}"


def _definitions(found: Provenance) -> Iterator[str]:
    """Yield every version of the query whole; the rule's Python is in the JSON."""
    queries = {one.run.query_hash for one in found.contributions}
    for digest, text in sorted(found.texts.items(), key=lambda item: item[1].definition_id):
        yield f"{text.definition_id} ({text.place}), hash {digest}"
        if digest in queries:
            yield from (f"  {line}" for line in text.text.strip().splitlines())


def _reasons(alert: Alert, found: Provenance) -> Iterator[str]:
    decision = found.decision
    if alert.type is AlertType.SYSTEM_ERROR:
        yield "A system error: one alert for as long as it lasts."
        return
    if decision.threshold is None:
        yield "It stands for what a run raised beyond limits.alerts_per_run:"
        yield f"runner alerts list --held-by {alert.alert_id[: output.SHORT_ID]}"
        return
    origin = _ORIGINS.get(decision.first.dedup_from if decision.first else "", "as it was stored")
    yield f"Matches of {alert.key.rule_id} with the dedup string {alert.key.dedup!r}: {origin}."
    if decision.first:
        yield f"The first, at {written(decision.first.at)} by the run {decision.first.run_id}, opened the window."
    yield (
        f"The window holds for {counted(decision.period_minutes or 0, 'minute')}; "
        f"{counted(alert.match_count, 'match', 'matches')} fell into it until {written(alert.last_match_at)}."
    )
    yield f"The threshold of {decision.threshold:,} was reached at {written(alert.created_at)}."
    if alert.merged_into:
        yield f"Late matches joined its window with that of {alert.merged_into}, which has its matches now."
    for other in decision.took_in:
        yield f"It took in the alert {other}: late matches joined their windows."


def _all_told(alert: Alert, found: Provenance) -> Iterator[str]:
    if alert.held_by:
        yield f"Nobody: the alert {alert.held_by} stands for it, as its run raised too many (limits.alerts_per_run)."
    yield from map(_told, found.deliveries)


def _told(delivery: Delivery) -> str:
    at = written(delivery.ended_at or delivery.created_at)
    attempts = counted(delivery.attempts, "attempt")
    reason = f": {delivery.reason}" if delivery.reason else ""
    return f"{at} {delivery.destination}: {delivery.kind.value}, {delivery.state.value} ({attempts}){reason}"
