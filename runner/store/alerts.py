"""Alerts in the state database: the windows of the touched keys, folded again from their matches."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from runner.alerts import fold
from runner.alerts.alert import AlertKey, AlertStatus, AlertType, alert_id
from runner.alerts.fold import Step, Window
from runner.alerts.match import MatchKind
from runner.store.schema import alerts, matches, touched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.engine import Connection, RowMapping

    from runner.alerts.alert import AlertRules
    from runner.runs.query_run import Claim

_KEY = ("rule_id", "kind", "dedup")


class AlertChange(StrEnum):
    """What a run did to an alert."""

    NEW = "new"
    GROWN = "grown"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedAlert:
    """An alert that a run's matches belong to."""

    alert_id: str
    change: AlertChange


def fold_chunk(
    connection: Connection,
    claim: Claim,
    chunk: int,
    rules: Mapping[str, AlertRules],
    *,
    events_per_alert: int,
) -> list[ChangedAlert]:
    """Fold the keys of one chunk, and return the alerts that this run's reference time falls into."""
    known = _known_windows(connection, chunk)
    plan = _Plan(claim=claim)
    for key, steps in _steps_by_key(connection, chunk, rules):
        plan.add(key, fold.windows_of(steps, rules[key.rule_id].of_kind(key.kind)), known.pop(key, []))
    for rows in known.values():
        plan.empty(rows)
    _write(connection, plan, rules)
    if plan.grows:
        _drop_surplus_events(connection, chunk, events_per_alert)
    return plan.changed


class _Plan:
    """What is to be written for a chunk of keys: collected first, written in few statements."""

    def __init__(self, *, claim: Claim) -> None:
        self._claim = claim
        self.run_id = claim.run_id
        self.inserts: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.redescribed: list[dict[str, Any]] = []
        self.merges: list[dict[str, Any]] = []
        self.changed: list[ChangedAlert] = []
        self.grows = False

    def add(self, key: AlertKey, windows: Sequence[Window], known: Sequence[RowMapping]) -> None:
        """Plan the windows of one key, given those that are known."""
        adoption = fold.adopt(windows, [row["window_start"] for row in known])
        ids: dict[int, str] = {}
        for position, window in enumerate(windows):
            kept = adoption.kept.get(position)
            row = None if kept is None else known[kept]
            ids[position] = row["alert_id"] if row else alert_id(key, window.start)
            self._plan_window(key, window, row, ids[position])
        for gone, position in adoption.merged.items():
            self.merges.append({"merged_id": known[gone]["alert_id"], "into": ids[position]})

    def empty(self, known: Sequence[RowMapping]) -> None:
        """Plan a key whose matches have all moved to another one: its alerts stay, with no matches."""
        self.updates += [
            {
                "updated_id": row["alert_id"],
                "start": row["window_start"],
                "last": row["window_last"],
                "count": 0,
                "reached": row["created_at"],
                "run": self._claim.run_id,
            }
            for row in known
        ]

    def _plan_window(self, key: AlertKey, window: Window, row: RowMapping | None, identity: str) -> None:
        reached = window.reached_at if row is None else row["created_at"] or window.reached_at
        changes = {"start": window.start, "last": window.last, "count": window.count, "reached": reached}
        if row is None:
            self.inserts.append({"alert_id": identity, "key": key, "first": window.first_match, **changes})
        elif self._differs(row, window):
            self.grows = True
            self.updates.append({"updated_id": identity, "run": self._claim.run_id, **changes})
            if row["first_match"] != window.first_match:
                self.redescribed.append({"alert_id": identity, "key": key, "first": window.first_match})
        if reached is not None and window.start <= self._claim.key.scheduled_for <= window.last:
            self.changed.append(ChangedAlert(alert_id=identity, change=self._change(row, window)))

    @staticmethod
    def _differs(row: RowMapping, window: Window) -> bool:
        now = (window.start, window.last, window.count, window.first_match)
        before = (row["window_start"], row["window_last"], row["match_count"], row["first_match"])
        return now != before or (row["created_at"] is None and window.reached_at is not None)

    @staticmethod
    def _change(row: RowMapping | None, window: Window) -> AlertChange:
        if row is None or row["created_at"] is None:
            return AlertChange.NEW
        return AlertChange.GROWN if row["match_count"] != window.count else AlertChange.UNCHANGED


def _same_key(left: sa.FromClause, right: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(*(left.c[name] == right.c[name] for name in _KEY))


def _since_base(moment: sa.Column[Any]) -> sa.ColumnElement[bool]:
    return moment >= touched.c.base


def _key_of(row: RowMapping) -> AlertKey:
    return AlertKey(rule_id=row["rule_id"], kind=row["kind"], dedup=row["dedup"])


def _known_windows(connection: Connection, chunk: int) -> dict[AlertKey, list[RowMapping]]:
    """Return the windows that are to be folded again, by key, in order of time."""
    query = (
        sa.select(alerts)
        .join_from(touched, alerts, _same_key(touched, alerts))
        .where(touched.c.chunk == chunk, alerts.c.merged_into.is_(None), _since_base(alerts.c.window_start))
        .order_by(*(touched.c[name] for name in _KEY), alerts.c.window_start)
    )
    rows = connection.execute(query).mappings()
    return {key: list(group) for key, group in itertools.groupby(rows, _key_of)}


def _steps_by_key(
    connection: Connection, chunk: int, rules: Mapping[str, AlertRules]
) -> Iterator[tuple[AlertKey, list[Step]]]:
    values = _unique_values(connection, chunk, [name for name, rule in rules.items() if rule.counts_unique])
    query = (
        sa.select(
            *(touched.c[name] for name in _KEY),
            matches.c.matched_at,
            matches.c.query,
            sa.func.sum(matches.c.occurrences).label("count"),
            sa.func.min(matches.c.match_id).label("first_match"),
        )
        .join_from(touched, matches, _same_key(touched, matches))
        .where(touched.c.chunk == chunk, _since_base(matches.c.matched_at))
        .group_by(*(touched.c[name] for name in _KEY), matches.c.matched_at, matches.c.query)
        .order_by(*(touched.c[name] for name in _KEY), matches.c.matched_at, matches.c.query)
    )
    rows = connection.execute(query).mappings()
    for key, group in itertools.groupby(rows, _key_of):
        yield (
            key,
            [
                _step(list(same_time), values.get((key, at), frozenset()))
                for at, same_time in itertools.groupby(group, lambda row: row["matched_at"])
            ],
        )


def _step(rows: Sequence[RowMapping], values: frozenset[str]) -> Step:
    """Join what several queries brought at one time; the first query by name has the first match."""
    return Step(
        at=rows[0]["matched_at"],
        count=sum(int(row["count"]) for row in rows),
        values=values,
        first_match=rows[0]["first_match"],
    )


def _unique_values(
    connection: Connection, chunk: int, rule_ids: Sequence[str]
) -> dict[tuple[AlertKey, Any], frozenset[str]]:
    if not rule_ids:
        return {}
    columns = (*(touched.c[name] for name in _KEY), matches.c.matched_at)
    query = (
        sa.select(*columns, matches.c.unique_value)
        .distinct()
        .join_from(touched, matches, _same_key(touched, matches))
        .where(
            touched.c.chunk == chunk,
            _since_base(matches.c.matched_at),
            matches.c.rule_id.in_(rule_ids),
            matches.c.unique_value.is_not(None),
        )
        .order_by(*columns)
    )
    rows = connection.execute(query).mappings()
    grouped = itertools.groupby(rows, lambda row: (_key_of(row), row["matched_at"]))
    return {key: frozenset(row["unique_value"] for row in group) for key, group in grouped}


def _write(connection: Connection, plan: _Plan, rules: Mapping[str, AlertRules]) -> None:
    described = _descriptions(connection, [row["first"] for row in (*plan.inserts, *plan.redescribed)])
    if plan.inserts:
        rows = [
            {
                "run_id": plan.run_id,
                **_alert_row(row),
                **_description(described[row["first"]], _of(row, rules)),
            }
            for row in plan.inserts
        ]
        connection.execute(
            sa.insert(alerts), [{**row, "status": _first_status(row["severity"]).value} for row in rows]
        )
    if plan.updates:
        connection.execute(_UPDATE, plan.updates)
    for row in plan.redescribed:
        values = {"first_match": row["first"], **_description(described[row["first"]], _of(row, rules))}
        connection.execute(sa.update(alerts).where(alerts.c.alert_id == row["alert_id"]).values(values))
    if plan.merges:
        connection.execute(_MERGE, plan.merges)


_UPDATE = (
    sa.update(alerts)
    .where(alerts.c.alert_id == sa.bindparam("updated_id"))
    .values(
        window_start=sa.bindparam("start"),
        window_last=sa.bindparam("last"),
        match_count=sa.bindparam("count"),
        created_at=sa.bindparam("reached"),
        run_id=sa.bindparam("run"),
    )
)
_MERGE = (
    sa.update(alerts)
    .where(alerts.c.alert_id == sa.bindparam("merged_id"))
    .values(merged_into=sa.bindparam("into"))
)


def _descriptions(connection: Connection, match_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Read what the first matches say about their alerts, by match id."""
    found: dict[int, dict[str, Any]] = {}
    for some in _portions(match_ids):
        rows = connection.execute(
            sa.select(matches.c.match_id, matches.c.details).where(matches.c.match_id.in_(some))
        )
        found.update({match_id: orjson.loads(details) for match_id, details in rows})
    return found


def _portions(match_ids: Sequence[int], size: int = 1_000) -> Iterator[Sequence[int]]:
    return (match_ids[start : start + size] for start in range(0, len(match_ids), size))


def _of(planned: Mapping[str, Any], rules: Mapping[str, AlertRules]) -> AlertRules:
    return rules[planned["key"].rule_id]


def _alert_row(planned: Mapping[str, Any]) -> dict[str, Any]:
    key: AlertKey = planned["key"]
    is_error = key.kind == MatchKind.ERROR
    return {
        "alert_id": planned["alert_id"],
        "rule_id": key.rule_id,
        "kind": key.kind,
        "dedup": key.dedup,
        "window_start": planned["start"],
        "window_last": planned["last"],
        "match_count": planned["count"],
        "first_match": planned["first"],
        "created_at": planned["reached"],
        "type": (AlertType.SCHEDULED_RULE_ERROR if is_error else AlertType.SCHEDULED_RULE).value,
    }


def _first_status(severity: str) -> AlertStatus:
    """Panther opens alerts of severity INFO as resolved: they are kept, and nobody has to act."""
    return AlertStatus.RESOLVED if severity == "INFO" else AlertStatus.OPEN


def _description(details: Mapping[str, Any], rules: AlertRules) -> dict[str, Any]:
    """Return what an alert says: the first match's own words, else those of the rule's definition."""
    return {
        "title": details["title"],
        "severity": details["severity"],
        "description": details.get("description", rules.description),
        "runbook": details.get("runbook", rules.runbook),
        "reference": details.get("reference", rules.reference),
        "context": orjson.dumps(details.get("context", {})).decode(),
        "destinations": details.get("destinations"),
    }


def _drop_surplus_events(connection: Connection, chunk: int, events_per_alert: int) -> None:
    """Keep whole event rows only for the first few matches of each alert."""
    in_window = sa.and_(
        _same_key(alerts, matches),
        matches.c.matched_at.between(alerts.c.window_start, alerts.c.window_last),
        alerts.c.merged_into.is_(None),
    )
    placed = (
        sa.select(
            matches.c.match_id,
            sa.func.row_number()
            .over(partition_by=alerts.c.alert_id, order_by=(matches.c.matched_at, matches.c.match_id))
            .label("place"),
        )
        .select_from(touched.join(matches, _same_key(touched, matches)).join(alerts, in_window))
        .where(touched.c.chunk == chunk, _since_base(matches.c.matched_at), matches.c.event.is_not(None))
        .subquery()
    )
    surplus = sa.select(placed.c.match_id).where(placed.c.place > events_per_alert)
    connection.execute(sa.update(matches).where(matches.c.match_id.in_(surplus)).values(event=None))
