"""How queries stand, read from the state database in a few statements however many queries there are."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.runs.query_run import RunPurpose, RunState
from runner.status.coverage import Outcome, Recorded
from runner.status.query_status import Backlog, QueryFacts
from runner.store import ledger, query_health
from runner.store import runs as run_rows
from runner.store.schema import EVALUATED, backlog, gaps, runs, watermarks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from runner.runs.query_run import QueryRun
    from runner.schedule.ledger import Interval


_NOTHING_OWED = Backlog()
_EVALUATED_OF_NEWEST = EVALUATED.replace("purpose", "newest.purpose").replace("state", "newest.state")


def facts(connection: Connection, query: str | None = None) -> list[QueryFacts]:
    """Return what is held of every query that was ever seen (or of one), by name."""
    epochs = ledger.epochs_by_query(connection)
    marks = ledger.watermarks_by_query(connection)
    names = [name for name in sorted(epochs) if query in (None, name)]
    last = _last_runs(connection, query)
    good = _last_runs(connection, query, state=RunState.SUCCEEDED)
    owing = _backlog(connection)
    missed = _gaps_by_reason(connection)
    paused = {one.query for one in query_health.ailing_queries(connection, only_paused=True)}
    return [
        QueryFacts(
            query=name,
            epochs=tuple(epochs[name]),
            recorded_until=marks[name],
            last_run=last.get(name),
            last_success=good.get(name),
            gaps=missed.get(name, {}),
            is_paused=name in paused,
            backlog=owing.get(name, _NOTHING_OWED),
        )
        for name in names
    ]


def recorded(connection: Connection, period: Interval, query: str | None = None) -> dict[str, Recorded]:
    """Return what became of the due times of a period (after its start, up to its end), for each query."""
    counts = dict(_succeeded_counts(connection, period, query))
    others = _other_outcomes(connection, period, query)
    return {
        name: Recorded(succeeded=counts.get(name, 0), others=others.get(name, {}))
        for name in {*counts, *others}
    }


def outcomes(
    connection: Connection, period: Interval, query: str | None = None
) -> Mapping[str, dict[datetime, str]]:
    """Return what became of each single due time of a period, as far as it is known, for each query."""
    found = _other_outcomes(connection, period, query)
    chosen = _evaluated(period, query).where(runs.c.state == RunState.SUCCEEDED.value)
    for name, due in connection.execute(chosen):
        found[name][due] = Outcome.SUCCEEDED.value
    return found


def _last_runs(
    connection: Connection, query: str | None, state: RunState | None = None
) -> dict[str, QueryRun]:
    """Return each query's run of its latest due time, looked up one by one in an index."""
    newest = runs.alias("newest")
    chosen = (
        sa.select(newest.c.run_id)
        .where(newest.c.query == watermarks.c.query, newest.c.purpose == RunPurpose.SCHEDULED.value)
        .order_by(newest.c.scheduled_for.desc(), newest.c.revision.desc())
        .limit(1)
    )
    if state is not None:  # in the words of the index, or SQLite does not see that it fits
        chosen = chosen.where(sa.text(_EVALUATED_OF_NEWEST), newest.c.state == state.value)
    joined = sa.select(runs).select_from(
        watermarks.join(runs, runs.c.run_id == chosen.correlate(watermarks).scalar_subquery())
    )
    if query is not None:
        joined = joined.where(watermarks.c.query == query)
    return {row["query"]: run_rows.run_of(row) for row in connection.execute(joined).mappings()}


def _backlog(connection: Connection) -> dict[str, Backlog]:
    moment = ledger.database_time(connection)
    is_running = sa.func.coalesce(backlog.c.lease_until >= moment, sa.false())
    chosen = sa.select(
        backlog.c.query,
        sa.func.sum(sa.case((is_running, 0), else_=1)),
        sa.func.sum(sa.case((is_running, 1), else_=0)),
        sa.func.min(sa.case((backlog.c.is_live & ~is_running, backlog.c.start_at))),
    ).group_by(backlog.c.query)
    return {
        query: Backlog(waiting=int(waiting), running=int(running), live_since=live_since)
        for query, waiting, running, live_since in connection.execute(chosen)
    }


def _gaps_by_reason(connection: Connection) -> dict[str, dict[str, int]]:
    chosen = sa.select(gaps.c.query, gaps.c.reason, sa.func.count()).group_by(gaps.c.query, gaps.c.reason)
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for query, reason, number in connection.execute(chosen):
        found[query][reason] = number
    return found


def _evaluated(period: Interval, query: str | None) -> sa.Select[str, datetime]:
    """Choose the due times of a period that were evaluated: each once, however often it was run."""
    chosen = (
        sa.select(runs.c.query, runs.c.scheduled_for)
        .where(
            sa.text(EVALUATED),
            runs.c.scheduled_for > period.start,
            runs.c.scheduled_for <= period.end,
        )
        .distinct()
    )
    return chosen if query is None else chosen.where(runs.c.query == query)


def _succeeded_counts(
    connection: Connection, period: Interval, query: str | None
) -> Iterator[tuple[str, int]]:
    each = _evaluated(period, query).where(runs.c.state == RunState.SUCCEEDED.value).subquery()
    chosen = sa.select(each.c.query, sa.func.count()).group_by(each.c.query)
    yield from connection.execute(chosen)


def _other_outcomes(
    connection: Connection, period: Interval, query: str | None
) -> defaultdict[str, dict[datetime, str]]:
    """Return due times that were not evaluated with success; what was, though truncated before, is left out."""
    found: defaultdict[str, dict[datetime, str]] = defaultdict(dict)
    sources = (
        (backlog, backlog.c.due, sa.literal(Outcome.OWED.value)),
        (gaps, gaps.c.due, gaps.c.reason),
    )
    for table, due, outcome in sources:
        chosen: sa.Select[str, datetime, str] = sa.select(table.c.query, due, outcome).where(
            due > period.start, due <= period.end
        )
        if query is not None:
            chosen = chosen.where(table.c.query == query)
        for name, moment, what in connection.execute(chosen):
            found[name][moment] = what
    for name, truncated in connection.execute(_only_truncated(period, query)):
        found[name][truncated] = Outcome.TRUNCATED.value
    return found


def _only_truncated(period: Interval, query: str | None) -> sa.Select[str, datetime]:
    other = runs.alias()
    better = sa.exists().where(
        other.c.query == runs.c.query,
        other.c.scheduled_for == runs.c.scheduled_for,
        other.c.purpose == RunPurpose.SCHEDULED.value,
        other.c.state == RunState.SUCCEEDED.value,
    )
    return _evaluated(period, query).where(runs.c.state == RunState.TRUNCATED.value, ~better)
