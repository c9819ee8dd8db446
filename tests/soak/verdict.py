"""The verdict on a soak: whether every due time is accounted for once, and the alerts are those of a quiet day."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from runner.store.database import Database
from runner.store.schema import alerts, backlog, epochs, gaps, runs

sys.path.insert(0, str(Path(__file__).parents[1] / "integration" / "daemon"))

from slow_model import SlowCron, SlowHistory, SlowRate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy.engine import Connection, RowMapping

_AT_WORK = ("running", "waiting")


class Verdict:
    """What is to be said of a state database at the end of a soak; `faults` is empty if all is well."""

    def __init__(self, url: str) -> None:
        self.faults: list[str] = []
        self.figures: dict[str, Any] = {}
        database = Database(url)
        with database.reading() as connection:
            self._judge_due_times(connection)
            self.alerts = alerts_in(connection)
            self.period = _period(connection)
            self.figures["runs"] = _counts(connection, runs.c.state)
            self.figures["gaps"] = _counts(connection, gaps.c.reason)
            self.figures["attempts of a run at most"] = connection.scalar(
                sa.select(sa.func.max(runs.c.attempt))
            )
            self.steady_gaps = connection.execute(
                sa.select(gaps.c.query, gaps.c.due, gaps.c.reason).where(gaps.c.query.not_like("Volatile %"))
            ).all()
        database.close()

    def _judge_due_times(self, connection: Connection) -> None:
        """Compare what is recorded with what an independent reading of the epochs says was owed."""
        owed = Counter(_owed(connection))
        left = connection.scalar(sa.select(sa.func.count()).select_from(backlog))
        if left:
            self.faults.append(f"{left} due times are still to be run")
        recorded = Counter(_recorded(connection))
        self.figures["due times"] = sum(owed.values())
        self._differ("missing", owed - recorded)
        self._differ("twice, or never owed", recorded - owed)
        at_work = sa.select(sa.func.count()).where(runs.c.state.in_(_AT_WORK))
        if connection.scalar(at_work):
            self.faults.append("a run has not ended")

    def _differ(self, what: str, difference: Counter[tuple[str, datetime]]) -> None:
        if difference:
            shown = ", ".join(f"{query} at {due:%H:%M}" for query, due in sorted(difference)[:10])
            self.faults.append(f"{sum(difference.values())} due times are {what}: {shown}")

    def compare_alerts(self, quiet: dict[tuple[Any, ...], Any], rules: Collection[str]) -> None:
        """Say in what the alerts of these rules differ from those of a quiet run over the same data."""
        mine = {key: one for key, one in self.alerts.items() if one["rule_id"] in rules}
        theirs = {key: one for key, one in quiet.items() if one["rule_id"] in rules}
        self.figures["alerts compared"] = len(theirs)
        self.figures["matches compared"] = sum(one["match_count"] for one in theirs.values())
        for key in sorted(mine.keys() | theirs.keys()):
            if mine.get(key) != theirs.get(key):
                self.faults.append(
                    f"an alert differs: {mine.get(key)} and, on a quiet day, {theirs.get(key)}"
                )


def alerts_in(connection: Connection) -> dict[tuple[Any, ...], Any]:
    """Return what there is to say of each alert, by its rule, dedup string and window; not by which run it was stored.

    Its id is that of the window's first match when people were first told of it: live due times go before those that
    are caught up with, so after a restart that may be another one than on a quiet day.
    """
    chosen = sa.select(
        *(alerts.c[name] for name in ("rule_id", "kind", "dedup", "window_start", "window_last")),
        *(alerts.c[name] for name in ("match_count", "title", "severity")),
    ).where(alerts.c.created_at.is_not(None), alerts.c.type != "SYSTEM_ERROR", alerts.c.match_count > 0)
    found: dict[tuple[Any, ...], Any] = {}
    for row in connection.execute(chosen).mappings():
        key = (row["rule_id"], row["kind"], row["dedup"], row["window_start"])
        if key in found:
            raise ValueError(f"two alerts share a window: {key}")
        found[key] = dict(row)
    return found


def nothing_is_owed(connection: Connection) -> bool:
    """Whether the backlog is empty and will stay so, as every query is disabled."""
    newest = sa.select(epochs.c.query, sa.func.max(epochs.c.start).label("start")).group_by(epochs.c.query)
    last = newest.subquery()
    is_last = sa.and_(epochs.c.query == last.c.query, epochs.c.start == last.c.start)
    enabled = sa.select(epochs.c.query).join(last, is_last).where(epochs.c.timeout_minutes.is_not(None))
    left = sa.select(backlog.c.query)
    return connection.execute(enabled).first() is None and connection.execute(left).first() is None


def judge_report(project: Path, start: datetime, end: datetime) -> list[str]:
    """Ask `runner status` to account for every due time; return what it cannot."""
    command = ["status", "--coverage", "--from", f"{start:%Y-%m-%dT%H:%M:%SZ}"]
    command += ["--to", f"{end:%Y-%m-%dT%H:%M:%SZ}", "--format", "json", "--project", str(project)]
    done = subprocess.run(
        [sys.executable, "-m", "runner", *command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return [f"runner status ended with {done.returncode}: {done.stderr}"]
    return [f"runner status cannot account for {place}" for place in _unaccounted(json.loads(done.stdout))]


def _unaccounted(value: Any, place: str = "") -> Iterator[str]:
    """Find the lists of that name wherever the report has them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "unaccounted" and inner:
                yield f"{place}: {inner}"
            yield from _unaccounted(inner, str(value.get("query", place)))
    elif isinstance(value, list):
        for inner in value:
            yield from _unaccounted(inner, place)


def _owed(connection: Connection) -> Iterator[tuple[str, datetime]]:
    histories: dict[str, SlowHistory] = {}
    rows = connection.execute(sa.select(epochs).order_by(epochs.c.query, epochs.c.start)).mappings()
    for row in rows:
        histories.setdefault(row["query"], SlowHistory()).told.append((row["start"], _schedule(row)))
    for query, history in histories.items():
        last = history.told[-1]
        if last[1] is not None:
            raise ValueError(f"{query} was not disabled at the end")
        yield from ((query, due) for due in history.owed(last[0]))


def _schedule(row: RowMapping) -> SlowCron | SlowRate | None:
    if row["timeout_minutes"] is None:
        return None
    return SlowCron(row["cron"]) if row["cron"] else SlowRate(row["rate_minutes"])


def _recorded(connection: Connection) -> Iterator[tuple[str, datetime]]:
    """Yield each due time once for a run that ended well, and once for a gap."""
    ended = runs.c.state.in_(("succeeded", "truncated"))
    for row in connection.execute(sa.select(runs.c.query, runs.c.scheduled_for).where(ended)):
        yield row.query, row.scheduled_for
    for row in connection.execute(sa.select(gaps.c.query, gaps.c.due)):
        yield row.query, row.due


def _period(connection: Connection) -> tuple[datetime, datetime]:
    first, last = connection.execute(
        sa.select(sa.func.min(epochs.c.start), sa.func.max(epochs.c.start))
    ).one()
    return first.astimezone(UTC), last.astimezone(UTC)


def _counts(connection: Connection, column: sa.Column[str]) -> dict[str, int]:
    counted = sa.select(column, sa.func.count()).group_by(column)
    return {str(name): count for name, count in connection.execute(counted)}
