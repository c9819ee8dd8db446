"""Provenance: everything that an alert rests on, as far as the state database still has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import sqlalchemy as sa

from runner.alerts.match import MatchKind
from runner.lake.files_read import files_read_of
from runner.store import outbox, runs
from runner.store.database import upsert
from runner.store.portions import portions
from runner.store.schema import alerts, definition_texts, match_contents, matches, run_files
from runner.store.schema import runs as runs_table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from runner.alerts.alert import Alert
    from runner.destinations.delivery import Delivery
    from runner.lake.files_read import FilesRead
    from runner.runs.query_run import QueryRun


class DefinitionText(NamedTuple):
    """The SQL of a query, or the Python of a rule, as it was when something was found by it."""

    digest: str
    """The hash of the whole definition: its YAML, its Python and the helpers that it imports."""
    definition_id: str
    place: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What is kept of a run that found something, beside its matches."""

    files: FilesRead
    texts: tuple[DefinitionText, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contribution:
    """What one run brought to an alert."""

    run: QueryRun
    matches: int
    """How many matches it was the first to see."""
    files: FilesRead | None
    """What it has read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstMatch:
    """The match that opened the window, and says what the alert says."""

    at: datetime
    query: str
    run_id: str
    row: Mapping[str, Any] | None
    """The row, if it is kept."""
    dedup_from: str
    """What gave the dedup string: the function `dedup` or `title`, `default`, or `error` for a rule's failure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Why these matches are one alert."""

    threshold: int | None
    """How many matches it took; None for a system error."""
    period_minutes: int | None
    first: FirstMatch | None
    """None once its matches have been removed for their age."""
    took_in: tuple[str, ...]
    """The ids of other alerts whose matches joined its window, since late ones came between."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where an alert comes from, and who was told."""

    contributions: tuple[Contribution, ...]
    """In order of reference time; those of runs that are kept no longer are missing."""
    texts: Mapping[str, DefinitionText]
    """By hash: the query of each run, and the rule."""
    decision: Decision
    deliveries: tuple[Delivery, ...]


def keep(connection: Connection, run_id: str, evidence: Evidence, now: datetime) -> None:
    """Keep what the matches of a run rest on. A version of a definition is kept once."""
    document = orjson.dumps(evidence.files.as_document()).decode()
    connection.execute(sa.insert(run_files), {"run_id": run_id, "document": document})
    insert = upsert(connection, definition_texts)
    insert = insert.on_conflict_do_update(
        index_elements=["digest"], set_={"used_at": insert.excluded.used_at}
    )
    texts = {one.digest: one for one in evidence.texts}  # in one order, so that nobody waits in a circle
    connection.execute(insert, [{**texts[digest]._asdict(), "used_at": now} for digest in sorted(texts)])


def provenance_of(connection: Connection, alert: Alert, limit: int) -> Provenance:
    """Return what an alert rests on: at most `limit` runs, the first ones."""
    found = _contributions(connection, alert, limit) or _last_run(connection, alert)
    digests = {one.run.query_hash for one in found}
    digests |= {one.run.rule_hashes.get(alert.key.rule_id, "") for one in found}
    return Provenance(
        contributions=found,
        texts=_texts(connection, digests),
        decision=_decision(connection, alert),
        deliveries=tuple(outbox.deliveries_of(connection, alert.alert_id)),
    )


def _contributions(connection: Connection, alert: Alert, limit: int) -> tuple[Contribution, ...]:
    brought = (
        sa.select(matches.c.run_id, sa.func.sum(matches.c.occurrences).label("number"))
        .where(
            matches.c.rule_id == alert.key.rule_id,
            matches.c.kind == alert.key.kind,
            matches.c.dedup == alert.key.dedup,
            matches.c.matched_at.between(alert.first_match_at, alert.last_match_at),
        )
        .group_by(matches.c.run_id)
        .subquery("brought")
    )
    query = (
        sa.select(runs_table, brought.c.number, run_files.c.document)
        .select_from(
            brought.join(runs_table, brought.c.run_id == runs_table.c.run_id).outerjoin(
                run_files, run_files.c.run_id == runs_table.c.run_id
            )
        )
        .order_by(runs_table.c.scheduled_for, runs_table.c.run_id)
        .limit(limit)
    )
    return tuple(
        Contribution(
            run=runs.run_of(row),
            matches=int(row["number"]),
            files=files_read_of(orjson.loads(row["document"])) if row["document"] else None,
        )
        for row in connection.execute(query).mappings()
    )


def _last_run(connection: Connection, alert: Alert) -> tuple[Contribution, ...]:
    """Return the run by which an alert without matches of its own came about, such as a system error."""
    if alert.key.kind in tuple(MatchKind):
        return ()
    row = (
        connection.execute(sa.select(runs_table).where(runs_table.c.run_id == alert.run_id))
        .mappings()
        .first()
    )
    return () if row is None else (Contribution(run=runs.run_of(row), matches=0, files=None),)


def _texts(connection: Connection, digests: Collection[str]) -> dict[str, DefinitionText]:
    found: dict[str, DefinitionText] = {}
    columns = [definition_texts.c[name] for name in DefinitionText._fields]
    for some in portions(sorted(digests)):
        rows = connection.execute(sa.select(*columns).where(definition_texts.c.digest.in_(some)))
        found.update({row.digest: DefinitionText(*row) for row in rows})
    return found


def _decision(connection: Connection, alert: Alert) -> Decision:
    query = sa.select(alerts.c.threshold, alerts.c.period_minutes, alerts.c.first_match)
    row = connection.execute(query.where(alerts.c.alert_id == alert.alert_id)).one()
    taken = sa.select(alerts.c.alert_id).where(
        alerts.c.merged_into == alert.alert_id,
        alerts.c.rule_id == alert.key.rule_id,  # in the words of an index
        alerts.c.kind == alert.key.kind,
        alerts.c.dedup == alert.key.dedup,
    )
    return Decision(
        threshold=row.threshold,
        period_minutes=row.period_minutes,
        first=_first_match(connection, row.first_match),
        took_in=tuple(connection.scalars(taken.order_by(alerts.c.window_start))),
    )


def _first_match(connection: Connection, match_id: int) -> FirstMatch | None:
    query = (
        sa.select(
            matches.c.matched_at,
            matches.c.query,
            matches.c.run_id,
            match_contents.c.details,
            match_contents.c.event,
        )
        .join_from(matches, match_contents, matches.c.match_id == match_contents.c.match_id)
        .where(matches.c.match_id == match_id)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return FirstMatch(
        at=row.matched_at,
        query=row.query,
        run_id=row.run_id,
        row=orjson.loads(row.event) if row.event else None,
        dedup_from=orjson.loads(row.details).get("dedup_from", ""),
    )
