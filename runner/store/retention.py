"""Retention: what is old is removed from the state database, in portions, and is never counted anew.

When matches of a rule are removed, its books are closed up to that time: a run for an earlier reference time stores
no match of it, since nobody could tell any more whether it was counted; and windows that ended before are never
folded again. So an alert that outlives its matches keeps its figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.alerts.alert import AlertStatus
from runner.runs.query_run import RunPurpose, RunState
from runner.store import reports
from runner.store.database import take_turns, upsert
from runner.store.matches import KEY, same
from runner.store.portions import portions
from runner.store.schema import (
    alerts,
    announcements,
    backlog,
    daemons,
    definition_texts,
    deliveries,
    epochs,
    gaps,
    match_contents,
    match_horizons,
    matches,
    runs,
    standing_errors,
    threads,
    watermarks,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

_TURN = "retention"
_WINDOWS = 200
_ROWS = 1_000
"""How much one portion removes at most: a tenth of a second or so, in which nobody else can write to SQLite."""
_AFTER_HEX = "g"
"""Sorts after any id of an alert."""
_CLOSED = (AlertStatus.RESOLVED.value, AlertStatus.CLOSED.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cutoffs:
    """Up to when (aware, UTC) what is removed; None: it is kept for ever."""

    runs: datetime | None
    """Runs that were claimed before, gaps that were due before, and reports that were sent before."""
    matches: datetime | None
    """Matches of windows whose last match was before."""
    alerts: datetime | None
    """Resolved and closed alerts whose last match was before, once their matches are gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """How many rows were removed, or would be."""

    runs: int = 0
    gaps: int = 0
    matches: int = 0
    alerts: int = 0

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(
            runs=self.runs + other.runs,
            gaps=self.gaps + other.gaps,
            matches=self.matches + other.matches,
            alerts=self.alerts + other.alerts,
        )

    @property
    def total(self) -> int:
        """All rows together."""
        return self.runs + self.gaps + self.matches + self.alerts


def prune_portion(connection: Connection, cutoffs: Cutoffs, *, rows: int = _ROWS) -> tuple[Pruned, bool]:
    """Remove one portion of what is old; returns what that was, and whether there may be more."""
    take_turns(connection, [_TURN])
    if cutoffs.matches is not None:
        removed, is_done = _prune_matches(connection, cutoffs.matches, rows)
        if not is_done:
            return Pruned(matches=removed), True
    if cutoffs.alerts is not None and (gone := _prune_alerts(connection, cutoffs.alerts)):
        return Pruned(alerts=gone), True
    if cutoffs.runs is not None:
        pruned = _prune_runs(connection, cutoffs.runs, rows)
        return pruned, pruned.total > 0
    return Pruned(), False


def count(connection: Connection, cutoffs: Cutoffs) -> Pruned:
    """Return how much would be removed."""

    def number(chosen: sa.Select[tuple[str]] | sa.Select[tuple[int]]) -> int:
        return connection.scalar(sa.select(sa.func.count()).select_from(chosen.subquery())) or 0

    return Pruned(
        runs=number(_old_runs(cutoffs.runs)) if cutoffs.runs else 0,
        gaps=number(_old_gaps(cutoffs.runs)) if cutoffs.runs else 0,
        matches=number(_old_matches(cutoffs.matches)) if cutoffs.matches else 0,
        alerts=number(_old_alerts(cutoffs.alerts, matches_before=cutoffs.matches)) if cutoffs.alerts else 0,
    )


def closed_until(connection: Connection, rule_ids: Collection[str]) -> dict[str, datetime]:
    """Return up to when the books of rules are closed; a rule none of whose matches were removed is not in it."""
    found: dict[str, datetime] = {}
    for some in portions(sorted(rule_ids)):
        chosen = sa.select(match_horizons).where(match_horizons.c.rule_id.in_(some))
        found.update({row.rule_id: row.closed_until for row in connection.execute(chosen)})
    return found


def _prune_matches(connection: Connection, before: datetime, rows: int) -> tuple[int, bool]:
    """Remove matches of some windows, the oldest first; returns how many, and whether no window is left."""
    windows = sa.select(alerts.c.alert_id, alerts.c.rule_id).where(*_ended(before))
    windows = windows.order_by(alerts.c.window_last).limit(_WINDOWS)
    rule_ids = {row.rule_id for row in connection.execute(windows)}
    if not rule_ids:
        return 0, True
    _close(connection, rule_ids, before)
    chosen = [row.alert_id for row in connection.execute(windows) if row.rule_id in rule_ids]
    found = connection.execute(_matches_of(chosen).limit(rows + 1)).all()
    gone = [row.match_id for row in found[:rows]]
    _remove_matches(connection, gone)
    unfinished = {row.alert_id for row in found[rows:]}
    finished = [one for one in chosen if one < min(unfinished, default=_AFTER_HEX)]  # in order of ids
    _mark_without_matches(connection, finished)
    return len(gone), False


def _ended(before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return alerts.c.holds_matches, alerts.c.window_last < before


def _close(connection: Connection, rule_ids: Collection[str], before: datetime) -> None:
    """Close the books of rules, once no run is storing matches of them."""
    take_turns(connection, rule_ids)
    until = closed_until(connection, rule_ids)
    later = [rule_id for rule_id in sorted(rule_ids) if rule_id not in until or until[rule_id] < before]
    if later:
        insert = upsert(connection, match_horizons)
        insert = insert.on_conflict_do_update(
            index_elements=["rule_id"], set_={"closed_until": insert.excluded.closed_until}
        )
        connection.execute(insert, [{"rule_id": rule_id, "closed_until": before} for rule_id in later])


def _matches_of(alert_ids: Sequence[str]) -> sa.Select[tuple[int, str]]:
    """Select the matches of windows, window by window; of an alert that is still open, its whole rows stay."""
    is_open = sa.and_(alerts.c.created_at.is_not(None), alerts.c.status.not_in(_CLOSED))
    return (
        sa.select(matches.c.match_id, alerts.c.alert_id)
        .join_from(alerts, matches, _belongs())
        .where(alerts.c.alert_id.in_(alert_ids), sa.or_(~is_open, ~matches.c.has_event))
        .order_by(alerts.c.alert_id)
    )


def _belongs() -> sa.ColumnElement[bool]:
    """Return the condition that a match lies in a window; one that was merged or emptied has none."""
    return sa.and_(
        same(KEY, alerts, matches),
        matches.c.matched_at.between(alerts.c.window_start, alerts.c.window_last),
        alerts.c.merged_into.is_(None),
        alerts.c.match_count > 0,
    )


def _remove_matches(connection: Connection, match_ids: Sequence[int]) -> None:
    for some in portions(match_ids):
        for table in (match_contents, matches):
            connection.execute(sa.delete(table).where(table.c.match_id.in_(some)))


def _mark_without_matches(connection: Connection, alert_ids: Sequence[str]) -> None:
    """Remember which windows are through; one that is no alert is of no use any more."""
    for some in portions(alert_ids):
        ours = alerts.c.alert_id.in_(some)
        connection.execute(sa.delete(alerts).where(ours, alerts.c.created_at.is_(None)))
        connection.execute(sa.update(alerts).where(ours).values(holds_matches=False))


def _prune_alerts(connection: Connection, before: datetime) -> int:
    gone = list(connection.scalars(_old_alerts(before).limit(_WINDOWS)))
    if gone:
        kept_rows = sa.select(matches.c.match_id).join_from(alerts, matches, _belongs())
        _remove_matches(connection, list(connection.scalars(kept_rows.where(alerts.c.alert_id.in_(gone)))))
        for table in (announcements, deliveries, threads, alerts):
            connection.execute(sa.delete(table).where(table.c.alert_id.in_(gone)))
    return len(gone)


def _prune_runs(connection: Connection, before: datetime, rows: int) -> Pruned:
    old_runs = _old_runs(before).limit(rows)
    removed = connection.execute(sa.delete(runs).where(runs.c.run_id.in_(old_runs.scalar_subquery())))
    old = list(connection.execute(_old_gaps(before).add_columns(gaps.c.due).limit(rows)))
    for some in (old[start : start + 500] for start in range(0, len(old), 500)):
        places = sa.tuple_(gaps.c.query, gaps.c.due).in_([(query, due) for query, due in some])
        connection.execute(sa.delete(gaps).where(places))
    _prune_epochs(connection, before)
    connection.execute(sa.delete(definition_texts).where(definition_texts.c.used_at < before))
    reports.prune(connection, before, rows)
    connection.execute(sa.delete(daemons).where(daemons.c.expires_at < before))
    return Pruned(runs=removed.rowcount, gaps=len(old))


def _prune_epochs(connection: Connection, before: datetime) -> None:
    """Remove epochs that ended long ago, if all that fell due in them is recorded."""
    later = epochs.alias("later")
    follows = sa.exists().where(
        later.c.query == epochs.c.query,
        later.c.start > epochs.c.start,
        later.c.start <= before,
        watermarks.c.query == epochs.c.query,
        watermarks.c.recorded_until >= later.c.start,
    )
    connection.execute(sa.delete(epochs).where(epochs.c.start < before, follows))


def _old_runs(before: datetime | None) -> sa.Select[tuple[str]]:
    """Select runs that were claimed before a moment, but for those that are still owed, and each query's newest.

    How long ago a query succeeded, and how it stands, is told by its newest run by schedule and its newest success:
    a query that is due once a year has both for a year.

    An id begins with the moment it was made at, so the key's own order finds them.
    """
    assert before is not None  # noqa: S101  the caller has asked
    digits = f"{int(before.timestamp() * 1000):012x}"
    owed = sa.select(backlog.c.run_id).where(backlog.c.run_id.is_not(None))
    by_hand = sa.or_(
        runs.c.purpose != RunPurpose.SCHEDULED.value, runs.c.query.not_in(sa.select(watermarks.c.query))
    )
    return (
        sa.select(runs.c.run_id)
        .where(
            runs.c.run_id < f"{digits[:8]}-{digits[8:]}",
            runs.c.run_id.not_in(owed),
            sa.or_(by_hand, _has_later()),
            sa.or_(by_hand, runs.c.state != RunState.SUCCEEDED.value, _has_later(RunState.SUCCEEDED)),
        )
        .order_by(runs.c.run_id)
    )


def _has_later(state: RunState | None = None) -> sa.ColumnElement[bool]:
    """Return the condition that the query has a later run by schedule, or a later one that ended so."""
    later = runs.alias()
    chosen = sa.exists().where(
        later.c.query == runs.c.query,
        later.c.purpose == RunPurpose.SCHEDULED.value,
        later.c.scheduled_for >= runs.c.scheduled_for,  # in the order of the unique key
        sa.or_(later.c.scheduled_for > runs.c.scheduled_for, later.c.revision > runs.c.revision),
    )
    return chosen if state is None else chosen.where(later.c.state == state.value)


def _old_gaps(before: datetime | None) -> sa.Select[tuple[str]]:
    return sa.select(gaps.c.query).where(gaps.c.due < before)


def _old_matches(before: datetime | None) -> sa.Select[tuple[int]]:
    assert before is not None  # noqa: S101  the caller has asked
    return sa.select(matches.c.match_id).join_from(alerts, matches, _belongs()).where(*_ended(before))


def _old_alerts(before: datetime | None, *, matches_before: datetime | None = None) -> sa.Select[tuple[str]]:
    """Select alerts that may go: dealt with, old, and without matches (or soon so), and standing for nothing."""
    has_none = ~alerts.c.holds_matches
    if matches_before is not None:
        has_none = sa.or_(has_none, alerts.c.window_last < matches_before)
    standing = sa.select(standing_errors.c.alert_id).where(standing_errors.c.alert_id.is_not(None))
    return sa.select(alerts.c.alert_id).where(
        has_none,
        alerts.c.window_last < before,
        alerts.c.created_at.is_not(None),
        sa.or_(alerts.c.status.in_(_CLOSED), alerts.c.merged_into.is_not(None)),
        alerts.c.alert_id.not_in(standing),
        alerts.c.alert_id.not_in(sa.select(deliveries.c.alert_id).where(deliveries.c.state == "waiting")),
    )
