"""Runs in the state database: claimed by the insert that wins, ended once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from runner.errors import ClaimLost, SlotTaken
from runner.runs.query_run import Claim, QueryRun, RunCounts, RunFault, RunKey, RunPurpose, RunState
from runner.runs.run_id import new_run_id
from runner.store.schema import EVALUATED, RUNNING, attempts, runs, watermarks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

    from runner.runs.query_run import Reads


def claim(
    connection: Connection,
    key: RunKey,
    now: datetime,
    start_at: datetime | None = None,
    *,
    is_late: bool = False,
) -> Claim:
    """Insert the row of a run. Raises `SlotTaken` if it is there already."""
    won = Claim(
        run_id=new_run_id(now), key=key, attempt=1, started_at=now, start_at=start_at, is_late=is_late
    )
    row = {
        "run_id": won.run_id,
        "query": key.query,
        "scheduled_for": key.scheduled_for,
        "purpose": key.purpose.value,
        "revision": key.revision,
        "state": RunState.RUNNING.value,
        "attempt": won.attempt,
        "start_at": start_at,
        "started_at": now,
        "is_late": is_late,
    }
    try:
        connection.execute(sa.insert(runs), row)
    except IntegrityError as error:
        raise SlotTaken(f"{key.query} at {key.scheduled_for:%Y-%m-%dT%H:%M:%SZ} has been claimed") from error
    beginning = {"run_id": won.run_id, "attempt": won.attempt, "started_at": now, "state": row["state"]}
    connection.execute(sa.insert(attempts), beginning)
    return won


def claim_again(
    connection: Connection,
    key: RunKey,
    now: datetime,
    start_at: datetime | None = None,
    *,
    is_late: bool = False,
) -> Claim:
    """Claim the next free revision of a key: the same due time, run once more."""
    newest = connection.scalar(
        sa.select(sa.func.max(runs.c.revision)).where(
            runs.c.query == key.query,
            runs.c.scheduled_for == key.scheduled_for,
            runs.c.purpose == key.purpose.value,
        )
    )
    again = replace(key, revision=0 if newest is None else newest + 1)
    return claim(connection, again, now, start_at, is_late=is_late and newest is not None)


def end_cut_off(connection: Connection, key: RunKey, now: datetime) -> None:
    """Write down of earlier revisions of a key that they were cut off, if they were.

    One that is still going on, in a process that was slow, stores nothing: the newest counts.
    """
    cut_off = sa.select(runs.c.run_id).where(
        runs.c.query == key.query,
        runs.c.scheduled_for == key.scheduled_for,
        runs.c.purpose == key.purpose.value,
        runs.c.state == RunState.RUNNING.value,
    )
    _interrupt(connection, cut_off, now, "it was begun again by another process")


def end_forgotten(connection: Connection, query: str, now: datetime, *, begun_before: datetime) -> None:
    """Write down of a query's manual runs that they were cut off, if they should have ended long ago.

    Nobody holds a lease on those: the process that ran them was killed. If it is still there, it stores nothing.
    """
    forgotten = sa.select(runs.c.run_id).where(
        runs.c.query == query,
        runs.c.purpose == RunPurpose.MANUAL.value,
        sa.text(RUNNING),  # as the index on them has it
        runs.c.started_at < begun_before,
    )
    _interrupt(connection, forgotten, now, "its process was gone before it ended")


def _interrupt(connection: Connection, run_ids: sa.Select[tuple[str]], now: datetime, why: str) -> None:
    lost = RunFault(kind="LeaseLost", message=why, transient=True)
    values = {"state": RunState.INTERRUPTED.value, "ended_at": now}
    connection.execute(
        sa.update(attempts)
        .where(attempts.c.run_id.in_(run_ids), attempts.c.state == RunState.RUNNING.value)
        .values(**values, **_fault_columns(lost, "fault_kind", "fault_message"))
    )
    connection.execute(
        sa.update(runs)
        .where(runs.c.run_id.in_(run_ids))
        .values(**values, **_fault_columns(lost, "fault_kind", "fault_message", "fault_transient"))
    )


def end(
    connection: Connection,
    claim: Claim,
    *,
    state: RunState,
    now: datetime,
    counts: RunCounts,
    query_hash: str = "",
    rule_hashes: Mapping[str, str] | None = None,
    git_commit: str = "",
    fault: RunFault | None = None,
    stale: str = "",
    broken_rules: tuple[str, ...] = (),
    reads: Reads | None = None,
) -> QueryRun:
    """Write the end of a run, if its claim still holds.

    Raises `ClaimLost` if the run has ended, or another attempt has taken it over: that outcome counts.
    """
    run = QueryRun(
        run_id=claim.run_id,
        key=claim.key,
        state=state,
        attempt=claim.attempt,
        start_at=claim.start_at,
        started_at=claim.started_at,
        ended_at=now,
        counts=counts,
        fault=fault,
        stale=stale,
        broken_rules=broken_rules,
        query_hash=query_hash,
        rule_hashes=rule_hashes or {},
        git_commit=git_commit,
        reads=reads or {},
        is_late=claim.is_late,
    )
    held = connection.execute(
        sa.update(runs)
        .where(
            runs.c.run_id == claim.run_id,
            runs.c.attempt == claim.attempt,
            runs.c.state == RunState.RUNNING.value,
        )
        .values(_ending(run))
    )
    if held.rowcount != 1:
        raise ClaimLost(
            f"the run {claim.run_id} of {claim.key.query} has ended or was taken over: nothing is stored for it twice"
        )
    connection.execute(
        sa.update(attempts)
        .where(attempts.c.run_id == claim.run_id, attempts.c.attempt == claim.attempt)
        .values(state=state.value, ended_at=now, **_fault_columns(fault, "fault_kind", "fault_message"))
    )
    return run


def note_fault(connection: Connection, run: QueryRun, fault: RunFault) -> QueryRun:
    """Write down what is amiss with a run that has ended well otherwise."""
    connection.execute(
        sa.update(runs)
        .where(runs.c.run_id == run.run_id)
        .values(_fault_columns(fault, "fault_kind", "fault_message", "fault_transient"))
    )
    return replace(run, fault=fault)


def suspend(connection: Connection, claim: Claim, *, now: datetime, fault: RunFault) -> None:
    """End an attempt, but not its run: another attempt will be made. Raises `ClaimLost` as `end` does."""
    held = connection.execute(
        sa.update(runs)
        .where(
            runs.c.run_id == claim.run_id,
            runs.c.attempt == claim.attempt,
            runs.c.state == RunState.RUNNING.value,
        )
        .values(
            state=RunState.WAITING.value,
            **_fault_columns(fault, "fault_kind", "fault_message", "fault_transient"),
        )
    )
    if held.rowcount != 1:
        raise ClaimLost(f"the run {claim.run_id} of {claim.key.query} was taken over")
    connection.execute(
        sa.update(attempts)
        .where(attempts.c.run_id == claim.run_id, attempts.c.attempt == claim.attempt)
        .values(
            state=RunState.WAITING.value, ended_at=now, **_fault_columns(fault, "fault_kind", "fault_message")
        )
    )


def succeeded(
    connection: Connection,
    query: str,
    *,
    start: datetime,
    end: datetime,
    query_hash: str,
    rule_hashes: Mapping[str, str],
) -> frozenset[datetime]:
    """Return for which times in `[start, end]` a query was run with success, with these very definitions.

    A run that began before the time that it was for does not count: its window had not ended.
    """
    chosen = sa.select(runs.c.scheduled_for, runs.c.rule_hashes).where(
        runs.c.query == query,
        runs.c.scheduled_for.between(start, end),
        runs.c.state == RunState.SUCCEEDED.value,
        runs.c.query_hash == query_hash,
        runs.c.started_at >= runs.c.scheduled_for,
    )
    return frozenset(due for due, hashes in connection.execute(chosen) if hashes == dict(rule_hashes))


def latest(connection: Connection, limit: int) -> list[QueryRun]:
    """Return the newest runs, newest first."""
    rows = connection.execute(sa.select(runs).order_by(runs.c.run_id.desc()).limit(limit))
    return [run_of(row) for row in rows.mappings()]


def evaluated(connection: Connection, *, since: datetime, query: str | None) -> list[QueryRun]:
    """Return the scheduled runs that have answered for a due time since then, of one query or of all."""
    chosen = sa.select(runs).where(sa.text(EVALUATED), runs.c.scheduled_for >= since)
    rows = connection.execute(chosen if query is None else chosen.where(runs.c.query == query))
    return [run_of(row) for row in rows.mappings()]


def newest_evaluations(connection: Connection) -> dict[str, QueryRun]:
    """Return the last evaluation of the latest due time of each query, looked up one by one in an index."""
    newest = runs.alias("newest")
    of_newest = EVALUATED.replace("purpose", "newest.purpose").replace("state", "newest.state")
    latest = (
        sa.select(newest.c.run_id)
        .where(newest.c.query == watermarks.c.query, sa.text(of_newest))
        .order_by(newest.c.scheduled_for.desc(), newest.c.revision.desc())
        .limit(1)
        .correlate(watermarks)
        .scalar_subquery()
    )
    chosen = sa.select(runs).select_from(watermarks.join(runs, runs.c.run_id == latest))
    return {row["query"]: run_of(row) for row in connection.execute(chosen).mappings()}


def _ending(run: QueryRun) -> dict[str, Any]:
    return {
        "state": run.state.value,
        "ended_at": run.ended_at,
        "rows": run.counts.rows,
        "bytes": run.counts.bytes,
        "matches": run.counts.matches,
        "errors": run.counts.errors,
        "query_hash": run.query_hash,
        "rule_hashes": dict(run.rule_hashes),
        "git_commit": run.git_commit or None,
        "stale": run.stale or None,
        "broken_rules": list(run.broken_rules),
        "reads": dict(run.reads),
        **_fault_columns(run.fault, "fault_kind", "fault_message", "fault_transient"),
    }


def _fault_columns(fault: RunFault | None, *columns: str) -> dict[str, Any]:
    return {name: getattr(fault, name.removeprefix("fault_"), None) for name in columns}


def run_of(row: RowMapping) -> QueryRun:
    """Read a row of `runs`."""
    key = RunKey(
        query=row["query"],
        scheduled_for=row["scheduled_for"],
        purpose=RunPurpose(row["purpose"]),
        revision=row["revision"],
    )
    fault = None
    if row["fault_kind"]:
        fault = RunFault(
            kind=row["fault_kind"], message=row["fault_message"], transient=bool(row["fault_transient"])
        )
    return QueryRun(
        run_id=row["run_id"],
        key=key,
        state=RunState(row["state"]),
        attempt=row["attempt"],
        start_at=row["start_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        counts=RunCounts(rows=row["rows"], bytes=row["bytes"], matches=row["matches"], errors=row["errors"]),
        fault=fault,
        stale=row["stale"] or "",
        broken_rules=tuple(row["broken_rules"]),
        query_hash=row["query_hash"],
        rule_hashes=row["rule_hashes"],
        git_commit=row["git_commit"] or "",
        reads={table: tuple(tuple(pair) for pair in pairs) for table, pairs in row["reads"].items()},
        is_late=row["is_late"],
    )
