"""A project whose answers are known for every due time, and a slow, obvious computation of what has to be found."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from runner.clock import FrozenClock
from runner.ingest import ingest_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

DAY = datetime(2026, 3, 1, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
CRON = "*/30 0-5 1 3 *"
SAME_CRON = "0,30 0-5 1 3 *"
"""The same due times, written differently: an edit that begins a new epoch and changes nothing else."""
DUE_TIMES = [DAY + HALF_HOUR * number for number in range(12)]


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownQuery:
    """A query, the rule that listens to it, and what both mean in plain words."""

    name: str
    sql: str
    window: timedelta
    dedup: str
    """The column by which alerts are made."""
    period: timedelta
    threshold: int
    fails_on_the_hour: bool = False
    is_aggregate: bool = False

    @property
    def rule_id(self) -> str:
        return f"{self.name}.Rule"


COLUMNS = "p_row_id, p_event_time, actor.alternateId AS person, client.ipAddress AS address"
LOGINS = "FROM panther_logs.public.okta_systemlog WHERE outcome.result = 'FAILURE'"
QUERIES = [
    KnownQuery(
        name="Tiles",
        sql=f"SELECT {COLUMNS} {LOGINS} AND p_occurs_since('30 minutes')",
        window=timedelta(minutes=30),
        dedup="person",
        period=timedelta(minutes=60),
        threshold=2,
    ),
    KnownQuery(
        name="Overlaps",
        sql=f"SELECT {COLUMNS} {LOGINS} AND p_occurs_since('90 minutes')",
        window=timedelta(minutes=90),
        dedup="address",
        period=timedelta(minutes=120),
        threshold=1,
    ),
    KnownQuery(
        name="Aggregates",
        sql=f"SELECT actor.alternateId AS person, count(*) AS n {LOGINS} AND p_occurs_since('30 minutes') GROUP BY ALL",
        window=timedelta(minutes=30),
        dedup="person",
        period=timedelta(minutes=90),
        threshold=2,
        is_aggregate=True,
    ),
    KnownQuery(
        name="Fails on the hour",
        sql=f"SELECT {COLUMNS}, 60 / EXTRACT(minute FROM CURRENT_TIMESTAMP) AS share {LOGINS} AND p_occurs_since('30 minutes')",
        window=timedelta(minutes=30),
        dedup="person",
        period=timedelta(minutes=180),
        threshold=1,
        fails_on_the_hour=True,
    ),
]
MENDED = (
    "SELECT p_row_id, p_event_time, actor.alternateId AS person "
    + LOGINS
    + " AND p_occurs_since('30 minutes')"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """One event of the lake."""

    number: int
    at: datetime
    person: str
    address: str
    is_refused: bool


def logins() -> Iterator[Login]:
    """Yield one login a minute, from two hours before the first due time until after the last."""
    for minute in range(-120, 360):
        yield Login(
            number=minute,
            at=DAY + timedelta(minutes=minute, seconds=7),
            person=f"person{minute % 7}@example.com",
            address=f"203.0.113.{minute % 4}",
            is_refused=minute % 5 != 0,
        )


def fill_lake(lake: Path) -> None:
    records = [
        {
            "uuid": f"login{login.number}",
            "published": login.at.isoformat(),
            "eventType": "user.session.start",
            "actor": {"alternateId": login.person},
            "client": {"ipAddress": login.address},
            "outcome": {"result": "FAILURE" if login.is_refused else "SUCCESS"},
        }
        for login in logins()
    ]
    ingest_records("Okta.SystemLog", records, source_name="logins", lake=lake, clock=FrozenClock(DAY))


def write_project(root: Path, settings: str, *, rule_takes: float = 0.0) -> None:
    """Write the queries, their rules and the settings; each rule takes so many seconds over its first row."""
    for folder in ("queries", "scheduled_rules"):
        (root / folder).mkdir(parents=True)
    (root / "runner.toml").write_text(settings)
    for query in QUERIES:
        write_query(root, query)
        write_rule(root, query, rule_takes)


def write_query(root: Path, query: KnownQuery, *, cron: str = CRON, sql: str = "") -> None:
    text = (
        f"AnalysisType: scheduled_query\nQueryName: {query.name}\nEnabled: true\nQuery: |\n  {sql or query.sql}\n"
        f'Schedule:\n  CronExpression: "{cron}"\n  TimeoutMinutes: 5\n'
    )
    new = root / f"{_stem(query)}.new"
    new.write_text(text)
    new.rename(file_of(root, query))


def file_of(root: Path, query: KnownQuery) -> Path:
    return root / "queries" / f"{_stem(query)}.yml"


def write_rule(root: Path, query: KnownQuery, seconds: float) -> None:
    (root / "scheduled_rules" / f"{_stem(query)}.yml").write_text(
        f"AnalysisType: scheduled_rule\nRuleID: {query.rule_id}\nEnabled: true\nFilename: {_stem(query)}.py\n"
        f"ScheduledQueries: [{query.name}]\nSeverity: Medium\nThreshold: {query.threshold}\n"
        f"DedupPeriodMinutes: {int(query.period.total_seconds()) // 60}\n"
    )
    (root / "scheduled_rules" / f"{_stem(query)}.py").write_text(
        "import time\n\nslept = []\n\n\ndef rule(event):\n"
        f"    if not slept and {seconds}:\n        slept.append(time.sleep({seconds}))\n    return True\n\n\n"
        f"def dedup(event):\n    return event.get({query.dedup!r})\n\n\n"
        f"def title(event):\n    return 'Refused: ' + event.get({query.dedup!r})\n"
    )


def _stem(query: KnownQuery) -> str:
    return query.name.lower().replace(" ", "_")


def fails_at(query: KnownQuery, due: datetime) -> bool:
    return query.fails_on_the_hour and due.minute == 0


def expected_alerts(query: KnownQuery, due_times: Iterable[datetime]) -> list[tuple[str, datetime, int]]:
    """Return dedup string, start of the window and number of matches of each alert, by walking through time.

    Each event counts at the first due time whose window holds it; a row of an aggregate counts every time.
    """
    counted: set[int] = set()
    steps: dict[str, list[datetime]] = defaultdict(list)
    for due in sorted(due_times):
        if fails_at(query, due):
            continue
        rows = [one for one in logins() if one.is_refused and due - query.window <= one.at < due]
        fresh = [one for one in rows if one.number not in counted]
        if query.is_aggregate:
            found = {one.person for one in rows}
        else:
            found = [getattr(one, query.dedup) for one in fresh]
            counted |= {one.number for one in fresh}
        for key in found:
            steps[key].append(due)
    windows = [(key, *window) for key, times in steps.items() for window in _windows(times, query.period)]
    return sorted(window for window in windows if window[2] >= query.threshold)


def _windows(times: list[datetime], period: timedelta) -> list[tuple[datetime, int]]:
    windows: list[tuple[datetime, int]] = []
    for time in times:
        if windows and time < windows[-1][0] + period:
            windows[-1] = (windows[-1][0], windows[-1][1] + 1)
        else:
            windows.append((time, 1))
    return windows
