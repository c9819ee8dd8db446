"""Matches in the state database: staged in batches, then counted once each.

All of it is set-based: a run with a million matches costs a handful of statements beside the batches.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from runner.store.schema import alerts, matches, staged, touched

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection

    from runner.alerts.match import Match
    from runner.runs.query_run import Claim

_KEY = ("rule_id", "kind", "dedup")
_IDENTITY = ("rule_id", "kind", "identity", "ordinal")
_COPIED = (
    "rule_id",
    "kind",
    "dedup",
    "identity",
    "ordinal",
    "position",
    "occurrences",
    "unique_value",
    "details",
    "event",
)
_BEGINNING = datetime.min.replace(tzinfo=UTC)
"""Where a key without windows is folded from."""

KEYS_PER_CHUNK = 2_000
"""How many alert keys are folded at a time: what bounds the memory of a commit."""


def store(connection: Connection, claim: Claim, batches: Iterable[Sequence[Match]]) -> int:
    """Store the matches of a run, each event once, and note the keys they touch.

    Returns the number of chunks of touched keys. A match that an earlier reference time has seen does
    not count again; one that was known from a later reference time only moves to this one.
    """
    _empty_workspace(connection)
    _stage(connection, batches)
    _number_equal_identities(connection)
    _note_touched_keys(connection, claim)
    _insert(connection, claim)
    newest = connection.scalar(sa.select(sa.func.max(touched.c.chunk)))
    return 0 if newest is None else newest + 1


def _empty_workspace(connection: Connection) -> None:
    for table in (staged, touched):
        connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
        connection.execute(sa.delete(table))


def _stage(connection: Connection, batches: Iterable[Sequence[Match]]) -> None:
    position = 0
    for batch in batches:
        rows = [
            {"position": position + place, "ordinal": 1, **match._asdict()}
            for place, match in enumerate(batch)
        ]
        if rows:
            connection.execute(sa.insert(staged), rows)
        position += len(rows)


def _number_equal_identities(connection: Connection) -> None:
    """Tell apart identical rows of one run, so that three equal rows count three times, once."""
    numbered = sa.select(
        staged.c.position,
        sa.func.row_number()
        .over(partition_by=(staged.c.rule_id, staged.c.kind, staged.c.identity), order_by=staged.c.position)
        .label("number"),
    ).subquery()
    connection.execute(
        sa.update(staged)
        .values(ordinal=numbered.c.number)
        .where(staged.c.position == numbered.c.position, numbered.c.number > 1)
    )


def _note_touched_keys(connection: Connection, claim: Claim) -> None:
    """Collect the keys of the staged matches, and those that a match leaves for an earlier time."""
    at = claim.key.scheduled_for
    left = (
        sa.select(*(matches.c[name] for name in _KEY))
        .join_from(staged, matches, sa.and_(*(staged.c[name] == matches.c[name] for name in _IDENTITY)))
        .where(matches.c.matched_at > at)
    )
    keys = sa.union(sa.select(*(staged.c[name] for name in _KEY)), left).subquery()
    last_window = (
        sa.select(sa.func.max(alerts.c.window_start))
        .where(
            *(alerts.c[name] == keys.c[name] for name in _KEY),
            alerts.c.window_start <= at,
            alerts.c.merged_into.is_(None),
        )
        .scalar_subquery()
    )
    base = sa.func.coalesce(last_window, sa.literal(_BEGINNING, alerts.c.window_start.type))
    place = sa.func.row_number().over(order_by=[keys.c[name] for name in _KEY])
    chosen = sa.select(*keys.c, base, (place - 1).op("/")(KEYS_PER_CHUNK))
    connection.execute(sa.insert(touched).from_select([*_KEY, "base", "chunk"], chosen))


def _insert(connection: Connection, claim: Claim) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    chosen = sa.select(
        *(staged.c[name] for name in _COPIED),
        sa.literal(claim.key.scheduled_for, matches.c.matched_at.type),
        sa.literal(claim.key.query),
        sa.literal(claim.run_id),
    )
    insert = dialect.insert(matches).from_select(
        [*_COPIED, "matched_at", "query", "run_id"],
        chosen.where(sa.true()).order_by(staged.c.position),
    )
    moved = ("dedup", "matched_at", "query", "run_id", "position", "unique_value", "details", "event")
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=list(_IDENTITY),
            set_={name: insert.excluded[name] for name in moved},
            where=insert.excluded.matched_at < matches.c.matched_at,
        )
    )
