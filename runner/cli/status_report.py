"""What `runner status` shows, asked of the state database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from runner.cli.wording import did_you_mean
from runner.status import health
from runner.status.query_status import StatusMaker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from runner.schedule.ledger import Interval
    from runner.status.coverage import Coverage
    from runner.status.daemon_record import SeenDaemon
    from runner.status.query_status import QueryStatus
    from runner.store.definitions import DefinitionFault
    from runner.store.state import StateStore


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusReport:
    """All that is shown."""

    at: datetime
    daemons: Sequence[SeenDaemon]
    queries: Sequence[QueryStatus]
    periods: dict[str, Interval]
    coverage: dict[str, dict[str, Coverage]]
    """For each period, by its label, and each query."""
    faults: Sequence[DefinitionFault]
    wrong: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthLimits:
    """How long things may wait, in seconds."""

    overdue: float
    """A query for its run."""
    undelivered: float
    """An alert for its destination."""


def report(
    store: StateStore,
    limits: HealthLimits,
    query: str | None,
    periods: dict[str, Interval],
    now: datetime,
    *,
    exactly: bool,
) -> StatusReport:
    """Ask how one query stands, or how all do, and which share of each period was covered.

    With `exactly`, every due time of the periods is accounted for. Raises `click.UsageError` if no daemon has seen the
    query, and `StoreError`.
    """
    chosen = store.standing.facts(query)
    if query is not None and not chosen:
        raise _unknown(query, [one.query for one in store.standing.facts()])
    maker = StatusMaker(now)
    statuses = [maker.status_of(one) for one in chosen]
    daemons = store.standing.daemons()
    coverage = {
        label: store.standing.coverage(chosen, period, exactly=exactly) for label, period in periods.items()
    }
    faults = store.definitions.faults()
    wrong = health.what_is_wrong(
        daemons,
        map(_fault_sentence, faults),
        statuses,
        _deliveries(store, now, limits.undelivered),
        limits.overdue,
    )
    wrong += [
        f"{name}: {one.outcomes['unaccounted']:,} due times are not accounted for"
        for name, one in list(coverage.values())[-1].items()
        if one.unaccounted
    ]
    return StatusReport(
        at=now,
        daemons=daemons,
        queries=statuses,
        periods=periods,
        coverage=coverage,
        faults=faults,
        wrong=tuple(wrong),
    )


def _deliveries(store: StateStore, now: datetime, limit: float) -> health.DeliveryHealth:
    waiting = {
        name: (number, (now - since).total_seconds())
        for name, (number, since) in store.standing.waiting_deliveries().items()
    }
    return health.delivery_health(waiting, store.standing.undelivered(), limit)


def _fault_sentence(fault: DefinitionFault) -> str:
    if not fault.kept:
        return f"faulty, and there is no last good version: {fault.message}"
    return f"faulty: {fault.message} ({', '.join(fault.kept)}: the last good version runs)"


def _unknown(query: str, names: Sequence[str]) -> click.UsageError:
    hint = did_you_mean(query, names) or " (a daemon takes queries in when it starts)"
    return click.UsageError(f"no daemon has seen a query {query!r}{hint}")
