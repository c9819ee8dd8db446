"""Alerts in the state database: the windows of the touched keys, folded again from their matches."""

from __future__ import annotations

import itertools
import operator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import sqlalchemy as sa

from runner.alerts import fold
from runner.alerts.alert import AlertKey, AlertStatus, AlertType, alert_id, first_status
from runner.alerts.changes import AlertChange, ChangedAlert, plan_key
from runner.alerts.fold import NO_VALUES, KnownWindow, Step
from runner.alerts.match import MatchKind
from runner.store import departures
from runner.store.driver_insert import DriverInsert
from runner.store.matches import KEY, same, window_at
from runner.store.portions import portions
from runner.store.schema import alerts, match_contents, matches, recognised, touched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

    from runner.alerts.alert import AlertRules
    from runner.alerts.changes import KeyPlan, PlannedWindow
    from runner.runs.query_run import Claim

_ROWS_AT_A_TIME = 1_000
"""How many are fetched at once: one by one they take longer."""


def fold_chunk(
    connection: Connection,
    claim: Claim,
    chunk: int,
    rules: Mapping[str, AlertRules],
    *,
    events_per_alert: int,
    now: datetime,
) -> list[ChangedAlert]:
    """Fold the keys of one chunk, and return the alerts that are new, or have changed."""
    plans = list(_plans(connection, chunk, rules))
    windows = _with_free_ids(connection, [window for plan in plans for window in plan.windows])
    _write_windows(connection, windows, rules, claim.run_id)
    departures.write(connection, plans, run_id=claim.run_id, now=now)
    if any(window.differs for window in windows):
        _drop_surplus_events(connection, chunk, events_per_alert)
    changes = [window.change_by(claim.key.scheduled_for) for window in windows]
    changes += [departure for plan in plans for departure in plan.departures()]
    return [change for change in changes if change is not None]


def unchanged(connection: Connection, changed: Iterable[ChangedAlert]) -> list[ChangedAlert]:
    """Return the other alerts that matches of the run belong to, which earlier runs had counted."""
    seen = (
        sa.select(*(recognised.c[name] for name in (*KEY, "matched_at")))
        .where(~recognised.c.is_late)
        .distinct()
        .subquery("seen")
    )
    homes = sa.select(window_at(seen, seen.c.matched_at).scalar_subquery()).select_from(seen)
    query = (
        sa.select(alerts.c.alert_id)
        .where(alerts.c.alert_id.in_(homes), alerts.c.created_at.is_not(None), alerts.c.held_by.is_(None))
        .order_by(alerts.c.alert_id)
    )
    named = {one.alert_id for one in changed}
    return [
        ChangedAlert(alert_id=found, change=AlertChange.UNCHANGED)
        for found in connection.scalars(query)
        if found not in named
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _KnownOfKey:
    """The windows of a key that are to be folded again."""

    since: datetime
    """Matches are read from here on; what lies before is taken from the windows."""
    windows: list[KnownWindow]

    def steps(self) -> list[Step]:
        return [one.as_step() for one in self.windows if one.start < self.since and one.count]


def _plans(connection: Connection, chunk: int, rules: Mapping[str, AlertRules]) -> Iterator[KeyPlan]:
    known = _known_windows(connection, chunk)
    for key, steps in _steps_by_key(connection, chunk, rules):
        before = known.pop(key, None)
        of_kind = rules[key.rule_id].of_kind(key.kind)
        if before is None:
            yield plan_key(key, fold.windows_of(steps, of_kind), [])
        else:
            yield plan_key(key, fold.windows_of([*before.steps(), *steps], of_kind), before.windows)
    for key, before in known.items():
        yield plan_key(key, [], before.windows)


def _key_of(row: RowMapping) -> AlertKey:
    return AlertKey(rule_id=row["rule_id"], kind=row["kind"], dedup=row["dedup"])


def _known_windows(connection: Connection, chunk: int) -> dict[AlertKey, _KnownOfKey]:
    """Return the windows that are to be folded again, by key, in order of time."""
    query = (
        sa.select(alerts, touched.c.since)
        .join_from(touched, alerts, same(KEY, touched, alerts))
        .where(
            touched.c.chunk == chunk, alerts.c.merged_into.is_(None), alerts.c.window_start >= touched.c.base
        )
        .order_by(*(touched.c[name] for name in KEY), alerts.c.window_start)
    )
    known: dict[AlertKey, _KnownOfKey] = {}
    for row in connection.execute(query).mappings():
        of_key = known.setdefault(_key_of(row), _KnownOfKey(since=row["since"], windows=[]))
        of_key.windows.append(_known_window(row))
    return known


def _known_window(row: RowMapping) -> KnownWindow:
    return KnownWindow(
        alert_id=row["alert_id"],
        start=row["window_start"],
        last=row["window_last"],
        count=row["match_count"],
        first_match=row["first_match"],
        created_at=row["created_at"],
        severity=row["severity"],
        status=AlertStatus(row["status"]),
        is_held=row["held_by"] is not None,
    )


def _steps_by_key(
    connection: Connection, chunk: int, rules: Mapping[str, AlertRules]
) -> Iterator[tuple[AlertKey, list[Step]]]:
    values = _unique_values(connection, chunk, [name for name, rule in rules.items() if rule.counts_unique])
    grouping = (*(touched.c[name] for name in KEY), matches.c.matched_at, matches.c.query)
    query = (
        sa.select(
            *grouping,
            sa.func.sum(matches.c.occurrences).label("count"),
            sa.func.min(matches.c.match_id).label("first_match"),
        )
        .join_from(touched, matches, same(KEY, touched, matches))
        .where(touched.c.chunk == chunk, matches.c.matched_at >= touched.c.since)
        .group_by(*grouping)
        .order_by(*grouping)
    )
    rows = itertools.chain.from_iterable(connection.execute(query).partitions(_ROWS_AT_A_TIME))
    for (rule_id, kind, dedup), group in itertools.groupby(rows, operator.itemgetter(0, 1, 2)):
        key = AlertKey(rule_id=rule_id, kind=kind, dedup=dedup)
        yield key, _steps(key, group, values)


def _steps(
    key: AlertKey, rows: Iterable[Sequence[Any]], values: Mapping[tuple[AlertKey, datetime], frozenset[str]]
) -> list[Step]:
    """Join what several queries brought at one time; the first query by name has the first match."""
    steps: list[Step] = []
    for _, _, _, at, _, count, first_match in rows:
        if steps and steps[-1].at == at:
            steps[-1] = replace(steps[-1], count=steps[-1].count + int(count))
        else:
            found = values.get((key, at), NO_VALUES) if values else NO_VALUES
            steps.append(Step(at=at, count=int(count), values=found, first_match=first_match))
    return steps


def _unique_values(
    connection: Connection, chunk: int, rule_ids: Sequence[str]
) -> dict[tuple[AlertKey, datetime], frozenset[str]]:
    if not rule_ids:
        return {}
    columns = (*(touched.c[name] for name in KEY), matches.c.matched_at)
    query = (
        sa.select(*columns, matches.c.unique_value)
        .distinct()
        .join_from(touched, matches, same(KEY, touched, matches))
        .where(
            touched.c.chunk == chunk,
            matches.c.matched_at >= touched.c.since,
            touched.c.rule_id.in_(rule_ids),
            matches.c.unique_value.is_not(None),
        )
        .order_by(*columns)
    )
    rows = connection.execute(query).mappings()
    grouped = itertools.groupby(rows, lambda row: (_key_of(row), row["matched_at"]))
    return {key: frozenset(row["unique_value"] for row in group) for key, group in grouped}


def _with_free_ids(connection: Connection, windows: Sequence[PlannedWindow]) -> list[PlannedWindow]:
    """Give another id to new windows whose own an alert has kept that once started there."""
    new = [window.alert_id for window in windows if window.known is None]
    taken = _taken(connection, new)
    return [
        _with_free_id(connection, window) if window.known is None and window.alert_id in taken else window
        for window in windows
    ]


def _with_free_id(connection: Connection, window: PlannedWindow) -> PlannedWindow:
    ids = (alert_id(window.key, window.window.start, turn) for turn in itertools.count(1))
    return window._replace(alert_id=next(free for free in ids if not _taken(connection, [free])))


def _taken(connection: Connection, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for some in portions(ids):
        found.update(connection.scalars(sa.select(alerts.c.alert_id).where(alerts.c.alert_id.in_(some))))
    return found


def _write_windows(
    connection: Connection, windows: Sequence[PlannedWindow], rules: Mapping[str, AlertRules], run_id: str
) -> None:
    inserted = [window for window in windows if window.known is None]
    redescribed = [window for window in windows if window.is_redescribed]
    details = _details(connection, [window.window.first_match for window in (*inserted, *redescribed)])

    def words(window: PlannedWindow) -> _Words:
        return _words(window, details[window.window.first_match], rules[window.key.rule_id])

    if inserted:
        insert = DriverInsert(
            connection, alerts, _ALERT_COLUMNS, times=_ALERT_TIMES, documents=["destinations", "log_types"]
        )
        insert.add(
            [(*_beginning_of(window), *words(window), run_id, *_limits(window, rules)) for window in inserted]
        )
    updated = [_figures(window, rules) for window in windows if window.differs]
    if updated:
        connection.execute(_UPDATE, [{**figures, "run": run_id} for figures in updated])
    for window in redescribed:
        values = {"first_match": window.window.first_match, **words(window)._asdict()}
        connection.execute(sa.update(alerts).where(alerts.c.alert_id == window.alert_id).values(values))


_UPDATE = (
    sa.update(alerts)
    .where(alerts.c.alert_id == sa.bindparam("updated"))
    .values(
        window_start=sa.bindparam("start"),
        window_last=sa.bindparam("last"),
        match_count=sa.bindparam("count"),
        created_at=sa.bindparam("created"),
        run_id=sa.bindparam("run"),
        threshold=sa.bindparam("limit"),
        period_minutes=sa.bindparam("period"),
    )
)


def _limits(window: PlannedWindow, rules: Mapping[str, AlertRules]) -> tuple[int, int]:
    """Return the threshold and the period, in minutes, by which a window is folded."""
    of_kind = rules[window.key.rule_id].of_kind(window.key.kind)
    return of_kind.threshold, of_kind.period_minutes


def _figures(window: PlannedWindow, rules: Mapping[str, AlertRules]) -> dict[str, Any]:
    limit, period = _limits(window, rules)
    return {
        "updated": window.alert_id,
        "start": window.window.start,
        "last": window.window.last,
        "count": window.window.count,
        "created": window.created_at,
        "limit": limit,
        "period": period,
    }


def _details(connection: Connection, match_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Read what the first matches say about their alerts, by match id."""
    found: dict[int, dict[str, Any]] = {}
    for some in portions(match_ids):
        rows = connection.execute(
            sa.select(match_contents.c.match_id, match_contents.c.details).where(
                match_contents.c.match_id.in_(some)
            )
        )
        found.update({match_id: orjson.loads(details) for match_id, details in rows})
    return found


class _Beginning(NamedTuple):
    """What an alert is, when it is stored for the first time."""

    alert_id: str
    rule_id: str
    kind: str
    dedup: str
    window_start: datetime
    window_last: datetime
    match_count: int
    first_match: int
    created_at: datetime | None
    type: str


class _Words(NamedTuple):
    """What an alert says."""

    title: str
    severity: str
    status: str
    description: str
    runbook: str
    reference: str
    context: str
    destinations: list[str] | None
    log_types: list[str]


_ALERT_COLUMNS = (*_Beginning._fields, *_Words._fields, "run_id", "threshold", "period_minutes")
_ALERT_TIMES = ("window_start", "window_last", "created_at")
_TYPES = {
    MatchKind.MATCH.value: AlertType.SCHEDULED_RULE.value,
    MatchKind.ERROR.value: AlertType.SCHEDULED_RULE_ERROR.value,
}


def _beginning_of(planned: PlannedWindow) -> _Beginning:
    key, window = planned.key, planned.window
    return _Beginning(
        alert_id=planned.alert_id,
        rule_id=key.rule_id,
        kind=key.kind,
        dedup=key.dedup,
        window_start=window.start,
        window_last=window.last,
        match_count=window.count,
        first_match=window.first_match,
        created_at=planned.created_at,
        type=_TYPES[key.kind],
    )


def _words(window: PlannedWindow, details: Mapping[str, Any], rules: AlertRules) -> _Words:
    """Return what an alert says: the first match's own words, else those of the rule's definition."""
    return _Words(
        title=details["title"],
        severity=details["severity"],
        status=_status(window.known, details["severity"]).value,
        description=details.get("description", rules.description),
        runbook=details.get("runbook", rules.runbook),
        reference=details.get("reference", rules.reference),
        context=orjson.dumps(details["context"]).decode() if "context" in details else "{}",
        destinations=details.get("destinations"),
        log_types=details.get("log_types") or list(rules.log_types),
    )


def _status(known: KnownWindow | None, severity: str) -> AlertStatus:
    """Let the status follow the severity, as long as it is the one that the alert began with."""
    if known is None or known.status == first_status(known.severity):
        return first_status(severity)
    return known.status


def _drop_surplus_events(connection: Connection, chunk: int, events_per_alert: int) -> None:
    """Keep whole event rows only for the first few matches of each alert."""
    kept = sa.select(*(matches.c[name] for name in ("match_id", *KEY, "matched_at", "query"))).join_from(
        touched, matches, same(KEY, touched, matches)
    )
    kept = kept.where(touched.c.chunk == chunk, matches.c.matched_at >= touched.c.base, matches.c.has_event)
    with_event = kept.subquery("with_event")
    home = window_at(with_event, with_event.c.matched_at).scalar_subquery()
    housed = sa.select(with_event, home.label("alert_id")).subquery("housed")
    order = (housed.c.matched_at, housed.c.query, housed.c.match_id)
    place = sa.func.row_number().over(partition_by=housed.c.alert_id, order_by=order).label("place")
    placed = sa.select(housed.c.match_id, place).subquery("placed")
    query = sa.select(placed.c.match_id).where(placed.c.place > events_per_alert)
    surplus = [{"gone": match_id} for match_id in connection.scalars(query)]
    if surplus:
        connection.execute(_DROP_EVENT, surplus)
        connection.execute(_HAS_NO_EVENT, surplus)


_DROP_EVENT = (
    sa.update(match_contents).where(match_contents.c.match_id == sa.bindparam("gone")).values(event=None)
)
_HAS_NO_EVENT = sa.update(matches).where(matches.c.match_id == sa.bindparam("gone")).values(has_event=False)
