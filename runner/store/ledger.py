"""What queries owe, in the state database: epochs, watermarks, gaps, and the backlog of runs to make.

Any number of processes may share the backlog. A due time belongs to whoever has set its owner, as long as the
lease holds; the number of the attempt is the fencing token, so that a process that lost its lease stores nothing.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.definitions.scheduled_query import Schedule
from runner.errors import RunInterrupted, SlotTaken
from runner.runs.query_run import Claim, RunKey, RunPurpose, RunState
from runner.schedule.ledger import Epoch, GapReason
from runner.store import runs as run_rows
from runner.store.database import take_turns, upsert
from runner.store.schema import attempts, backlog, epochs, gaps, query_health, runs, watermarks

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.engine import Connection, RowMapping

    from runner.schedule.owed import DuePlan

_CLAIMING = "claim of the backlog"
_MOST_NAMED = 1_000
"""Of more queries than that it costs less to read all than to name them."""


def epochs_by_query(connection: Connection, query: str | None = None) -> dict[str, list[Epoch]]:
    """Return every query's epochs (or one's), in order of time."""
    chosen = sa.select(epochs).order_by(epochs.c.query, epochs.c.start)
    rows = connection.execute(chosen if query is None else chosen.where(epochs.c.query == query)).mappings()
    grouped = itertools.groupby(rows, lambda row: row["query"])
    return {query: [_epoch_of(row) for row in group] for query, group in grouped}


def begin_epochs(connection: Connection, begun: Mapping[str, Epoch]) -> None:
    """Remember new epochs; a query seen for the first time owes nothing from before its epoch."""
    rows = [_epoch_row(query, epoch) for query, epoch in begun.items()]
    if rows:
        connection.execute(upsert(connection, epochs).on_conflict_do_nothing(), rows)
        marks = [{"query": query, "recorded_until": epoch.start} for query, epoch in begun.items()]
        connection.execute(upsert(connection, watermarks).on_conflict_do_nothing(), marks)


def watermarks_by_query(
    connection: Connection, queries: Collection[str] | None = None
) -> dict[str, datetime]:
    """Return up to when the due times of queries are recorded; of all, if none are named."""
    chosen = sa.select(watermarks)
    if queries is not None and len(queries) <= _MOST_NAMED:
        chosen = chosen.where(watermarks.c.query.in_(queries))
    return {row.query: row.recorded_until for row in connection.execute(chosen)}


def keep_turn(connection: Connection) -> None:
    """Let nobody else record or claim due times until the end of the transaction."""
    take_turns(connection, [_CLAIMING])


def record_due(connection: Connection, plans: Sequence[DuePlan], now: datetime) -> None:
    """Put due times into the backlog, or among the gaps, and move the watermarks.

    What another process has recorded stays as it is. A watermark never goes back. The due times of a paused
    query are gaps, but for one now and then.
    """
    keep_turn(connection)
    marks = watermarks_by_query(connection, [plan.query for plan in plans])
    new = [plan for plan in plans if plan.watermark > marks[plan.query]]
    stopped = set(_stopped_by_pause(connection, new, marks, now))
    owed = [
        {
            "query": plan.query,
            "due": run.due,
            "start_at": run.start_at,
            "is_live": run.is_live,
            "is_late": False,
            "rank": -run.priority,
            "may_be_skipped": run.may_be_skipped,
        }
        for plan in new
        for run in plan.runs
        if run.due > marks[plan.query] and (plan.query, run.due) not in stopped
    ]
    missed = [
        {"query": plan.query, "due": due, "reason": plan.gap_reason.value}
        for plan in new
        for due in plan.gaps
        if due > marks[plan.query]
    ]
    missed += [
        {"query": query, "due": due, "reason": GapReason.PAUSED.value} for query, due in sorted(stopped)
    ]
    if owed:
        connection.execute(upsert(connection, backlog).on_conflict_do_nothing(), owed)
    if missed:
        connection.execute(upsert(connection, gaps).on_conflict_do_nothing(), missed)
    moved = [{"name": plan.query, "until": plan.watermark} for plan in new]
    if moved:
        connection.execute(_MOVE_WATERMARK, moved)


def reopen(connection: Connection, owed: Sequence[tuple[str, datetime, datetime]]) -> int:
    """Put due times that were evaluated into the backlog once more, as query, due time and when to start.

    Those that are there already stay as they are; those of paused queries are gaps. Returns how many are new.
    """
    keep_turn(connection)
    names = sa.select(query_health.c.query).where(query_health.c.paused_at.is_not(None))
    paused = set(connection.scalars(names))
    stopped = [
        {"query": query, "due": due, "reason": GapReason.PAUSED.value}
        for query, due, _ in owed
        if query in paused
    ]
    again = [
        {"query": query, "due": due, "start_at": start_at, "is_live": False, "is_late": True}
        for query, due, start_at in owed
        if query not in paused
    ]
    before = backlog_size(connection)
    if again:
        connection.execute(upsert(connection, backlog).on_conflict_do_nothing(), again)
    if stopped:
        connection.execute(upsert(connection, gaps).on_conflict_do_nothing(), stopped)
    return backlog_size(connection) - before


def close_backlog(connection: Connection, query: str) -> None:
    """Make gaps of a query's due times that wait for their first attempt, as it is paused."""
    waiting = sa.and_(backlog.c.query == query, backlog.c.run_id.is_(None))
    paused = sa.literal(GapReason.PAUSED.value, gaps.c.reason.type)
    moved = sa.select(backlog.c.query, backlog.c.due, paused).where(waiting)
    insert = upsert(connection, gaps).from_select(["query", "due", "reason"], moved)
    connection.execute(insert.on_conflict_do_nothing())
    connection.execute(sa.delete(backlog).where(waiting))


def _stopped_by_pause(
    connection: Connection, plans: Sequence[DuePlan], marks: Mapping[str, datetime], now: datetime
) -> list[tuple[str, datetime]]:
    """Return the due times of paused queries; where a trial is due, the newest of them is left out, and run."""
    paused = sa.select(query_health).where(query_health.c.paused_at.is_not(None))
    rows = {row["query"]: row for row in connection.execute(paused).mappings()}
    stopped: list[tuple[str, datetime]] = []
    for plan in plans:
        new = [run.due for run in plan.runs if run.due > marks[plan.query]]
        if plan.query not in rows or not new:
            continue
        row = rows[plan.query]
        if row["probe_at"] <= now:
            new.remove(max(new))
            again = now + timedelta(seconds=row["probe_seconds"])
            connection.execute(
                sa.update(query_health).where(query_health.c.query == plan.query).values(probe_at=again)
            )
        stopped += [(plan.query, due) for due in new]
    return stopped


def take_back(connection: Connection, now: datetime) -> int:
    """Forget epochs, gaps and due times later than `now`, or than the server's time; return how many there were.

    For a clock that was ahead. Runs that were made for such due times stay, and are made again when their time comes;
    those that were begun and have not ended are left to be gone on with then.
    """
    take_turns(connection, [_CLAIMING])
    latest = max(now, server_time(connection) or now)
    to_come = (
        sa.delete(epochs).where(epochs.c.start > latest),
        sa.delete(gaps).where(gaps.c.due > latest),
        sa.delete(backlog).where(
            backlog.c.due > latest, backlog.c.owner.is_(None), backlog.c.run_id.is_(None)
        ),
    )
    taken = sum(connection.execute(deletion).rowcount for deletion in to_come)
    connection.execute(
        sa.update(watermarks).where(watermarks.c.recorded_until > latest).values(recorded_until=latest)
    )
    connection.execute(sa.delete(watermarks).where(watermarks.c.query.not_in(sa.select(epochs.c.query))))
    return taken


def claim_next(connection: Connection, owner: str, lease: timedelta, now: datetime) -> Claim | None:
    """Claim the due time that comes first: live ones before others, then by priority, then the oldest.

    Two runs of one query never overlap: while one has a live lease, its other due times wait; those that may be
    skipped become gaps instead, if they were to start while the one before ran. Returns None if there is nothing to start at `now`; a clock that is ahead of the database server's does not count.
    """
    take_turns(connection, [_CLAIMING])
    moment = database_time(connection)
    latest = min(now, server_time(connection) or now)
    while (row := _next(connection, latest, moment)) is not None and _is_overlapped(connection, row):
        _skip(connection, row)
    if row is None:
        return None
    claim = _attempt(connection, row, now)
    connection.execute(
        sa.update(backlog)
        .where(*_same_due(claim))
        .values(owner=owner, lease_until=moment + lease, run_id=claim.run_id)
    )
    return claim


def _next(connection: Connection, latest: datetime, moment: datetime) -> RowMapping | None:
    return _first(connection, latest, moment, is_live=True) or _first(
        connection, latest, moment, is_live=False
    )


def _is_overlapped(connection: Connection, row: RowMapping) -> bool:
    """Whether a due time may be skipped, and the run of the one before still ran when it was to start."""
    if not row["may_be_skipped"] or row["run_id"] is not None:
        return False
    before = (
        sa.select(runs.c.started_at, runs.c.ended_at)
        .where(
            runs.c.query == row["query"],
            runs.c.scheduled_for < row["due"],
            runs.c.purpose == RunPurpose.SCHEDULED.value,
            runs.c.revision == 0,
        )
        .order_by(runs.c.scheduled_for.desc())
        .limit(1)
    )
    run = connection.execute(before).first()
    return (
        run is not None
        and run.ended_at is not None
        and bool(run.started_at <= row["start_at"] < run.ended_at)
    )


def _skip(connection: Connection, row: RowMapping) -> None:
    """Make a gap of a due time that nobody has begun."""
    place = {"query": row["query"], "due": row["due"]}
    insert = upsert(connection, gaps).values(reason=GapReason.OVERLAP.value, **place)
    connection.execute(insert.on_conflict_do_nothing())
    connection.execute(sa.delete(backlog).where(*(backlog.c[name] == value for name, value in place.items())))


def _first(connection: Connection, latest: datetime, moment: datetime, *, is_live: bool) -> RowMapping | None:
    """Return the due time that comes first among the live ones or the others: the first in an index."""
    other = backlog.alias()
    busy = sa.select(other.c.query).where(other.c.lease_until >= moment)
    chosen = (
        sa.select(backlog)
        .where(backlog.c.is_live == is_live, backlog.c.start_at <= latest, backlog.c.query.not_in(busy))
        .order_by(backlog.c.rank, backlog.c.due, backlog.c.query)
        .limit(1)
        # An outcome that is being committed locks its row: whoever holds that claim has lost its lease, not its run.
        .with_for_update(skip_locked=True, of=backlog)
    )
    return connection.execute(chosen).mappings().first()


def extend_leases(connection: Connection, owner: str, run_ids: Collection[str], lease: timedelta) -> None:
    """Say that this owner is still at work on these runs; what it has lost since stays lost.

    A run whose outcome is being committed is left out: to wait for it would cost the others their leases.
    """
    moment = database_time(connection)
    held = (
        sa.select(backlog.c.run_id)
        .where(backlog.c.owner == owner, backlog.c.run_id.in_(run_ids), backlog.c.lease_until >= moment)
        .with_for_update(skip_locked=True)
    )
    connection.execute(
        sa.update(backlog).where(backlog.c.run_id.in_(held)).values(lease_until=moment + lease)
    )


def release(connection: Connection, claim: Claim, start_at: datetime) -> None:
    """Give a due time back, to be run again not before `start_at`."""
    connection.execute(
        sa.update(backlog)
        .where(*_same_due(claim), backlog.c.run_id == claim.run_id)
        .values(owner=None, lease_until=None, start_at=start_at)
    )


def release_all(connection: Connection) -> None:
    """Give back everything that is claimed: those who claimed it are known to be gone."""
    connection.execute(
        sa.update(backlog).where(backlog.c.owner.is_not(None)).values(owner=None, lease_until=None)
    )


def settle(connection: Connection, claim: Claim, reason: GapReason | None) -> None:
    """Take a due time off the backlog: it was evaluated, or it is a gap from now on, for this reason."""
    if claim.key.purpose is not RunPurpose.SCHEDULED:
        return
    connection.execute(sa.delete(backlog).where(*_same_due(claim)))
    place = {"query": claim.key.query, "due": claim.key.scheduled_for}
    if reason is None:
        connection.execute(sa.delete(gaps).where(gaps.c.query == place["query"], gaps.c.due == place["due"]))
    else:
        insert = upsert(connection, gaps).values(reason=reason.value, **place)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["query", "due"], set_={"reason": insert.excluded.reason}
            )
        )


def lock_gap(connection: Connection, key: RunKey) -> None:
    """Keep others from filling a gap until the end of the transaction. Raises `SlotTaken` if it is none."""
    gap = sa.select(gaps.c.due).where(gaps.c.query == key.query, gaps.c.due == key.scheduled_for)
    if connection.scalar(gap.with_for_update()) is None:
        raise SlotTaken(f"{key.query} at {key.scheduled_for:%Y-%m-%dT%H:%M:%SZ} is a gap no longer")


def list_gaps(connection: Connection, query: str | None, limit: int) -> list[tuple[str, datetime, GapReason]]:
    """Return gaps as query, due time and reason, oldest first."""
    chosen = sa.select(gaps).order_by(gaps.c.due, gaps.c.query).limit(limit)
    if query is not None:
        chosen = chosen.where(gaps.c.query == query)
    return [(row.query, row.due, GapReason(row.reason)) for row in connection.execute(chosen)]


def next_start(connection: Connection) -> datetime | None:
    """Return when the first due time that nobody has may start."""
    moment: datetime | None = connection.scalar(
        sa.select(sa.func.min(backlog.c.start_at)).where(backlog.c.owner.is_(None))
    )
    return moment


def backlog_size(connection: Connection) -> int:
    """Return how many due times are still to be run, or are running."""
    return connection.scalar(sa.select(sa.func.count()).select_from(backlog)) or 0


def database_time(connection: Connection) -> datetime:
    """Return the time by which leases are ruled: the database's own, so that hosts need not agree on theirs."""
    moment = server_time(connection)
    if moment is None:
        written: str = connection.scalar(sa.text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")) or ""
        moment = datetime.fromisoformat(written).replace(tzinfo=UTC)
    return moment


def server_time(connection: Connection) -> datetime | None:
    """Return what time it is for a database server; None if the database is a file of this machine."""
    if connection.dialect.name != "postgresql":
        return None
    moment: datetime = connection.scalar(sa.text("SELECT clock_timestamp()"))
    return moment


def _attempt(connection: Connection, row: RowMapping, now: datetime) -> Claim:
    """Begin the first attempt at a due time, or another one at a run that was given up or lost."""
    key = RunKey(query=row["query"], scheduled_for=row["due"], purpose=RunPurpose.SCHEDULED)
    if row["run_id"] is None:
        return run_rows.claim_again(connection, key, now, row["start_at"], is_late=row["is_late"])
    before = connection.execute(sa.select(runs).where(runs.c.run_id == row["run_id"])).mappings().one()
    number = before["attempt"] + 1
    _end_lost_attempt(connection, row["run_id"], before["attempt"], now)
    connection.execute(
        sa.update(runs)
        .where(runs.c.run_id == row["run_id"])
        .values(attempt=number, state=RunState.RUNNING.value)
    )
    connection.execute(
        sa.insert(attempts),
        {"run_id": row["run_id"], "attempt": number, "started_at": now, "state": RunState.RUNNING.value},
    )
    return Claim(
        run_id=row["run_id"],
        key=RunKey(
            query=key.query,
            scheduled_for=key.scheduled_for,
            purpose=key.purpose,
            revision=before["revision"],
        ),
        attempt=number,
        start_at=before["start_at"],
        started_at=before["started_at"],
        is_late=before["is_late"],
        failures=_failures(connection, row["run_id"]),
    )


def _failures(connection: Connection, run_id: str) -> int:
    """Return how many attempts at a run have failed, so that it was given back."""
    failed = sa.select(sa.func.count()).where(
        attempts.c.run_id == run_id,
        attempts.c.state == RunState.WAITING.value,
        attempts.c.fault_kind != RunInterrupted.__name__,
    )
    return connection.scalar(failed) or 0


def _end_lost_attempt(connection: Connection, run_id: str, attempt: int, now: datetime) -> None:
    connection.execute(
        sa.update(attempts)
        .where(
            attempts.c.run_id == run_id,
            attempts.c.attempt == attempt,
            attempts.c.state == RunState.RUNNING.value,
        )
        .values(
            state=RunState.INTERRUPTED.value,
            ended_at=now,
            fault_kind="LeaseLost",
            fault_message="the process that ran it was gone",
        )
    )


_MOVE_WATERMARK = (
    sa.update(watermarks)
    .where(watermarks.c.query == sa.bindparam("name"))
    .values(recorded_until=sa.bindparam("until"))
)


def _same_due(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return backlog.c.query == claim.key.query, backlog.c.due == claim.key.scheduled_for


def _epoch_row(query: str, epoch: Epoch) -> dict[str, object]:
    schedule = epoch.schedule
    return {
        "query": query,
        "start": epoch.start,
        "cron": schedule.cron if schedule else None,
        "rate_minutes": schedule.rate_minutes if schedule else None,
        "timeout_minutes": schedule.timeout_minutes if schedule else None,
    }


def _epoch_of(row: RowMapping) -> Epoch:
    if row["timeout_minutes"] is None:
        return Epoch(start=row["start"], schedule=None)
    schedule = Schedule(
        cron=row["cron"], rate_minutes=row["rate_minutes"], timeout_minutes=row["timeout_minutes"]
    )
    return Epoch(start=row["start"], schedule=schedule)
