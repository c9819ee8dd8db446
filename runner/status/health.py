"""Health: what keeps the whole chain from working, in sentences. Pure; no sentence means that all is well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.status.query_status import QueryState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from runner.status.daemon_record import SeenDaemon
    from runner.status.query_status import QueryStatus

_NAMED = 3
"""How many queries or rules a sentence names; of the others it tells the number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetHealth:
    """The figures by which the running of queries is judged, over all queries."""

    overdue: tuple[str, ...]
    """Queries that have waited for a run longer than they may."""
    failing: tuple[str, ...]
    """Queries whose latest run did not succeed."""
    broken_rules: tuple[str, ...]
    """Rules that failed on every row of the newest run of a query, or could not be loaded."""
    tried: int
    """How many enabled queries have been run at all."""


def fleet_health(statuses: Iterable[QueryStatus], overdue_limit: float) -> FleetHealth:
    """Judge all queries; `overdue_limit` is in seconds."""
    enabled = [status for status in statuses if status.state is QueryState.ENABLED]
    return FleetHealth(
        overdue=_names(status for status in enabled if status.overdue_seconds > overdue_limit),
        failing=_names(status for status in enabled if status.is_failing),
        broken_rules=tuple(sorted({rule for status in enabled for rule in status.broken_rules})),
        tried=sum(status.facts.last_run is not None for status in enabled),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryHealth:
    """Whether alerts reach people, over all destinations."""

    late: tuple[str, ...] = ()
    """Destinations for which an alert has waited longer than it may."""
    missing: tuple[str, ...] = ()
    """Destinations that were not given an alert, for good."""


def delivery_health(
    waiting: Mapping[str, tuple[int, float]], missing: Iterable[str], limit: float
) -> DeliveryHealth:
    """Judge all destinations.

    `waiting` says for each how many deliveries wait, and for how many seconds the oldest does, which may be `limit`;
    `missing` names those that were not given an alert, for good.
    """
    late = (name for name, (_, oldest) in waiting.items() if oldest > limit)
    return DeliveryHealth(late=tuple(sorted(late)), missing=tuple(sorted(missing)))


def chain_troubles(health: FleetHealth, deliveries: DeliveryHealth) -> Iterator[str]:
    """Yield why alerts do not come out of the chain as they should.

    One failing query is its author's business; when every query fails, it is the chain's. A rule that fails on every row
    sees nothing, while its query succeeds.
    """
    yield from _delivery_troubles(deliveries)
    yield from _rule_troubles(health)
    if health.overdue:
        yield f"overdue: {_listed(health.overdue)}"
    if health.failing and len(health.failing) == health.tried:
        yield f"no query succeeds: {_listed(health.failing)}"


def _rule_troubles(health: FleetHealth) -> Iterator[str]:
    if health.broken_rules:
        yield f"rules fail on every row: {_listed(health.broken_rules)}"


def _delivery_troubles(health: DeliveryHealth) -> Iterator[str]:
    if health.late:
        yield f"alerts wait too long for: {_listed(health.late)}"
    if health.missing:
        yield f"alerts were not taken by: {_listed(health.missing)}"


def what_is_wrong(
    daemons: Sequence[SeenDaemon],
    faults: Iterable[str],
    statuses: Sequence[QueryStatus],
    deliveries: DeliveryHealth,
    overdue_limit: float,
) -> list[str]:
    """Return everything that somebody should look at; `faults` are the sentences about definitions."""
    health = fleet_health(statuses, overdue_limit)
    alive = [daemon.record for daemon in daemons if daemon.is_alive]
    found = [] if alive else ["no daemon is alive"]
    found += [f"{record.owner}: {trouble}" for record in alive for trouble in record.troubles]
    found += faults
    found += _delivery_troubles(deliveries)
    found += _rule_troubles(health)
    if health.overdue:
        found.append(f"overdue: {_listed(health.overdue)}")
    if health.failing:
        found.append(f"failing: {_listed(health.failing)}")
    paused = _names(status for status in statuses if status.state is QueryState.PAUSED)
    if paused:
        found.append(f"paused: {_listed(paused)}")
    stale = _names(status for status in statuses if status.is_stale)
    if stale:
        found.append(f"over tables without new data: {_listed(stale)}")
    return list(dict.fromkeys(found))


def _names(statuses: Iterable[QueryStatus]) -> tuple[str, ...]:
    return tuple(sorted(status.facts.query for status in statuses))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
