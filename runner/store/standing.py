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
from runner.store.portions import portions
from runner.store.schema import EVALUATED, backlog, deliveries, gaps, runs, watermarks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from runner.runs.query_run import QueryRun
    from runner.schedule.ledger import Interval


_NOTHING_OWED = Backlog()
_EVALUATED_OF_NEWEST = EVALUATED.replace("purpose", "newest.purpose").replace("state", "newest.state")


def facts(connection: Connection, query: str | None = None) -> list[QueryFacts]:
    """Return what is held of every query that was ever seen (or of one), by name."""
    epochs = ledger.epochs_by_query(connection, query)
    marks = ledger.watermarks_by_query(connection, None if query is None else [query])
    names = sorted(epochs)
    last = _last_runs(connection, query)
    good = _last_successes(connection, last)
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


def waiting_deliveries(connection: Connection) -> dict[str, tuple[int, datetime]]:
    """Return for each destination how many deliveries wait for it, and since when the oldest does."""
    chosen = (
        sa.select(deliveries.c.destination, sa.func.count(), sa.func.min(deliveries.c.created_at))
        .where(sa.text("state = 'waiting'"))  # in the words of the index
        .group_by(deliveries.c.destination)
    )
    return {name: (number, since) for name, number, since in connection.execute(chosen)}


def recorded(
    connection: Connection, period: Interval, query: str | None = None
) -> dict[str, Recorded | None]:
    """Return what became of the due times of a period (after its start, up to its end), for each query.

    None stands for queries that have to be looked at due time by due time, with `outcomes`.
    """
    counts = dict(_succeeded_counts(connection, period, query))
    others = _not_evaluated(connection, period, query)
    found: dict[str, Recorded | None] = {}
    for name in {*counts, *others}:
        succeeded = counts.get(name, 0)
        found[name] = (
            None if succeeded is None else Recorded(succeeded=succeeded, others=others.get(name, {}))
        )
    return found


def outcomes(
    connection: Connection, period: Interval, query: str | None = None
) -> Mapping[str, dict[datetime, str]]:
    """Return what became of each single due time of a period, as far as it is known, for each query."""
    found = _not_evaluated(connection, period, query)
    chosen = sa.select(runs.c.query, runs.c.scheduled_for, runs.c.state).where(_evaluated_in(period, query))
    for name, due, state in connection.execute(chosen):
        if found[name].get(due) != Outcome.SUCCEEDED:
            found[name][due] = state
    return found


def _last_runs(connection: Connection, query: str | None) -> dict[str, QueryRun]:
    """Return each query's run of its latest due time, looked up one by one in an index."""
    newest = runs.alias("newest")
    chosen = (
        sa.select(newest.c.run_id)
        .where(newest.c.query == watermarks.c.query, newest.c.purpose == RunPurpose.SCHEDULED.value)
        .order_by(newest.c.scheduled_for.desc(), newest.c.revision.desc())
        .limit(1)
    )
    return _chosen_runs(connection, chosen, [] if query is None else [watermarks.c.query == query])


def _last_successes(connection: Connection, last: Mapping[str, QueryRun]) -> dict[str, QueryRun]:
    """Return each query's run of the latest due time that was evaluated with success."""
    found = {name: run for name, run in last.items() if run.state is RunState.SUCCEEDED}
    newest = runs.alias("newest")
    chosen = (
        sa.select(newest.c.run_id)
        .where(newest.c.query == watermarks.c.query, newest.c.state == RunState.SUCCEEDED.value)
        .where(
            sa.text(_EVALUATED_OF_NEWEST)
        )  # in the words of the index, or SQLite does not see that it fits
        .order_by(newest.c.scheduled_for.desc(), newest.c.revision.desc())
        .limit(1)
    )
    for some in portions(sorted(last.keys() - found.keys())):
        found |= _chosen_runs(connection, chosen, [watermarks.c.query.in_(some)])
    return found


def _chosen_runs(
    connection: Connection, chosen: sa.Select[str], only: Sequence[sa.ColumnElement[bool]]
) -> dict[str, QueryRun]:
    each = watermarks.join(runs, runs.c.run_id == chosen.correlate(watermarks).scalar_subquery())
    rows = connection.execute(sa.select(runs).select_from(each).where(*only)).mappings()
    return {row["query"]: run_rows.run_of(row) for row in rows}


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


def _evaluated_in(period: Interval, query: str | None) -> sa.ColumnElement[bool]:
    in_period = sa.and_(
        sa.text(EVALUATED), runs.c.scheduled_for > period.start, runs.c.scheduled_for <= period.end
    )
    return in_period if query is None else in_period & (runs.c.query == query)


def _succeeded_counts(
    connection: Connection, period: Interval, query: str | None
) -> Iterator[tuple[str, int | None]]:
    """Yield for each query how many due times succeeded; None if some were truncated, or were run again."""
    is_plain = sa.and_(runs.c.state == RunState.SUCCEEDED.value, runs.c.revision == 0)
    chosen = (
        sa.select(runs.c.query, sa.func.count(), sa.func.sum(sa.case((is_plain, 0), else_=1)))
        .where(_evaluated_in(period, query))
        .group_by(runs.c.query)
    )
    for name, number, others in connection.execute(chosen):
        yield name, None if others else number


def _not_evaluated(
    connection: Connection, period: Interval, query: str | None
) -> defaultdict[str, dict[datetime, str]]:
    """Return what became of due times that are owed, or are gaps, and were not evaluated before."""
    found: defaultdict[str, dict[datetime, str]] = defaultdict(dict)
    sources = (
        (backlog, backlog.c.due, sa.literal(Outcome.OWED.value)),
        (gaps, gaps.c.due, gaps.c.reason),
    )
    for table, due, outcome in sources:
        evaluated = sa.exists().where(
            runs.c.query == table.c.query, runs.c.scheduled_for == due, sa.text(EVALUATED)
        )
        chosen = sa.select(table.c.query, due, outcome).where(
            due > period.start, due <= period.end, ~evaluated
        )
        if query is not None:
            chosen = chosen.where(table.c.query == query)
        for name, moment, what in connection.execute(chosen):
            found[name][moment] = what
    return found
