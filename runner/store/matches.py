"""Matches in the state database: staged in batches, then counted once each.

All of it is set-based: a run with a million matches costs a handful of statements beside the batches.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.store.driver_insert import DriverInsert
from runner.store.schema import alerts, match_contents, match_horizons, matches, recognised, staged, touched

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sqlalchemy.engine import Connection

    from runner.alerts.match import Match
    from runner.runs.query_run import Claim

KEY = ("rule_id", "kind", "dedup")
_IDENTITY = ("rule_id", "kind", "identity", "ordinal")
_STAGED = ("match_id", *KEY, "identity", "occurrences", "unique_value", "has_event")
_CONTENTS = ("match_id", "details", "event", "summary")
_COPIED = (*_STAGED, "ordinal")
_BEGINNING = datetime.min.replace(tzinfo=UTC)
"""Where a key without windows is folded from."""

KEYS_PER_CHUNK = 2_000
"""How many alert keys are folded at a time: what bounds the memory of a commit."""


def stage(connection: Connection, batches: Iterable[Sequence[Match]]) -> bool:
    """Take the matches of a run in; returns whether there are any. Only their contents are stored yet.

    Those are most of what a run brings, so they go where they stay, past the staging table: the ids of the
    matches are settled here. `store` takes away the contents of what turns out to be known.
    """
    filled = (batch for batch in batches if batch)
    first = next(filled, None)
    if first is None:
        return False  # most runs: nothing more to do
    _empty_workspace(connection)
    stage_matches = DriverInsert(connection, staged, _STAGED)
    store_contents = DriverInsert(connection, match_contents, _CONTENTS)
    for ids, batch in _with_ids(connection, itertools.chain([first], filled)):
        numbered = list(zip(ids, batch, strict=True))
        # Slices: a name for each value would take twice as long.
        stage_matches.add([(number, *match[:-3], match[-2] is not None) for number, match in numbered])
        store_contents.add([(number, *match[-3:]) for number, match in numbered])
    return True


def drop_closed(connection: Connection, rule_ids: Collection[str]) -> int:
    """Take the staged matches of some rules away again; returns how many there were."""
    closed = sa.select(staged.c.match_id).where(staged.c.rule_id.in_(rule_ids))
    connection.execute(sa.delete(match_contents).where(match_contents.c.match_id.in_(closed)))
    return connection.execute(sa.delete(staged).where(staged.c.rule_id.in_(rule_ids))).rowcount


def store(
    connection: Connection, claim: Claim, *, refolded: Collection[str], has_horizons: bool = False
) -> int:
    """Store the staged matches of a run, each event once, and note the keys they touch.

    Returns the number of chunks of touched keys. A match that an earlier reference time has seen does
    not count again; one that was known from a later reference time moves to this one. Of runs of several
    queries at one time the first by name counts. `refolded` names the rules whose open windows cannot be
    taken as one step. `has_horizons`: old matches of some of the rules have been removed, so windows that
    ended before are left as they are.
    """
    _number_equal_identities(connection)
    _recognise(connection, claim)
    _note_touched_keys(connection, claim, refolded, has_horizons=has_horizons)
    _take_late_ones_away(connection)
    _insert(connection, claim)
    newest = connection.scalar(sa.select(sa.func.max(touched.c.chunk)))
    return 0 if newest is None else newest + 1


def same(names: Iterable[str], left: sa.FromClause, right: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that two tables agree in some columns."""
    return sa.and_(*(left.c[name] == right.c[name] for name in names))


def window_at(key: sa.FromClause, moment: sa.ColumnElement[datetime] | None = None) -> sa.Select[tuple[str]]:
    """Select the last window of a key that has matches; with a moment, the last that began by then.

    Ordered and cut rather than asked for its maximum, so that the index answers with one look.
    """
    query = (
        sa.select(alerts.c.alert_id)
        .where(same(KEY, alerts, key), alerts.c.merged_into.is_(None), alerts.c.match_count > 0)
        .order_by(alerts.c.window_start.desc())
        .limit(1)
    )
    return query if moment is None else query.where(alerts.c.window_start <= moment)


def _with_ids(
    connection: Connection, batches: Iterable[Sequence[Match]]
) -> Iterator[tuple[Sequence[int], Sequence[Match]]]:
    """Yield batches with ids for their matches: rising ones that nothing else has, or will have."""
    if connection.dialect.name == "postgresql":
        for batch in batches:
            yield connection.scalars(_RESERVE, {"number": len(batch)}).all(), batch
    else:  # one writer at a time: what follows the last id is ours
        first = connection.scalar(_LAST_ID) or 0
        for batch in batches:
            first, start = first + len(batch), first + 1
            yield range(start, start + len(batch)), batch


_RESERVE = sa.text(
    "SELECT nextval(pg_get_serial_sequence('matches', 'match_id')) FROM generate_series(1, :number)"
)
_LAST_ID = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'matches'")


def _empty_workspace(connection: Connection) -> None:
    for table in (staged, recognised, touched):
        connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
        connection.execute(sa.delete(table))


def _number_equal_identities(connection: Connection) -> None:
    """Tell apart identical rows of one run, so that three equal rows count three times, once."""
    columns = (staged.c.identity, staged.c.rule_id, staged.c.kind)
    repeated = sa.select(staged.c.identity).group_by(*columns).having(sa.func.count() > 1)
    number = sa.func.row_number().over(partition_by=columns, order_by=staged.c.match_id).label("number")
    numbered = sa.select(staged.c.match_id, number).where(staged.c.identity.in_(repeated)).subquery()
    connection.execute(
        sa.update(staged)
        .values(ordinal=numbered.c.number)
        .where(staged.c.match_id == numbered.c.match_id, numbered.c.number > 1)
    )


def _recognise(connection: Connection, claim: Claim) -> None:
    """Sort out the matches that are known: what is left in the staging table is to be inserted."""
    at, query = claim.key.scheduled_for, claim.key.query
    is_late = sa.or_(matches.c.matched_at > at, sa.and_(matches.c.matched_at == at, matches.c.query > query))
    found = sa.select(
        staged.c.match_id, *(matches.c[name] for name in ("match_id", *KEY, "matched_at")), is_late
    ).join_from(staged, matches, same(_IDENTITY, staged, matches))
    connection.execute(sa.insert(recognised).from_select([column.name for column in recognised.c], found))
    known = sa.select(recognised.c.staged_id).where(~recognised.c.is_late)
    connection.execute(sa.delete(staged).where(staged.c.match_id.in_(known)))
    connection.execute(sa.delete(match_contents).where(match_contents.c.match_id.in_(known)))


def _note_touched_keys(
    connection: Connection, claim: Claim, refolded: Collection[str], *, has_horizons: bool
) -> None:
    """Collect the keys of the new matches, and those that a match leaves for an earlier time."""
    at = sa.literal(claim.key.scheduled_for, matches.c.matched_at.type)
    keys = sa.union(
        sa.select(*(staged.c[name] for name in KEY)),
        sa.select(*(recognised.c[name] for name in KEY)).where(recognised.c.is_late),
    ).subquery("keys")
    beginning = sa.literal(_BEGINNING, matches.c.matched_at.type)
    earliest = _horizon(keys.c.rule_id, beginning) if has_horizons else beginning
    found = window_at(keys, at)
    if has_horizons:
        found = found.where(alerts.c.window_last >= earliest)
    base = found.with_only_columns(alerts.c.window_start).scalar_subquery()
    latest = window_at(keys).with_only_columns(alerts.c.window_last).scalar_subquery()
    placed = sa.select(
        *keys.c,
        sa.func.coalesce(base, earliest).label("base"),
        sa.and_(sa.func.coalesce(latest, beginning) < at, keys.c.rule_id.not_in(refolded)).label("at_end"),
        sa.func.row_number().over(order_by=list(keys.c)).label("number"),
    ).subquery("placed")
    chosen = sa.select(
        (placed.c.number - 1) // KEYS_PER_CHUNK,
        *(placed.c[name] for name in (*KEY, "base")),
        sa.case((placed.c.at_end, at), else_=placed.c.base),
    )
    connection.execute(sa.insert(touched).from_select([column.name for column in touched.c], chosen))


def _horizon(
    rule_id: sa.ColumnElement[str], beginning: sa.ColumnElement[datetime]
) -> sa.ColumnElement[datetime]:
    """Return up to when matches of a rule have been removed."""
    closed = sa.select(match_horizons.c.closed_until).where(match_horizons.c.rule_id == rule_id)
    return sa.func.coalesce(closed.scalar_subquery(), beginning)


def _take_late_ones_away(connection: Connection) -> None:
    """Remove what is known from a later time: it is inserted again, and has its place in this run's order."""
    late = sa.select(recognised.c.match_id).where(recognised.c.is_late)
    for table in (matches, match_contents):
        connection.execute(sa.delete(table).where(table.c.match_id.in_(late)))


def _insert(connection: Connection, claim: Claim) -> None:
    chosen = sa.select(
        *(staged.c[name] for name in _COPIED),
        sa.literal(claim.key.scheduled_for, matches.c.matched_at.type),
        sa.literal(claim.key.query),
        sa.literal(claim.run_id),
        sa.literal(claim.is_late),
    ).order_by(staged.c.match_id)
    given = [*_COPIED, "matched_at", "query", "run_id", "is_late"]
    connection.execute(sa.insert(matches).from_select(given, chosen))
