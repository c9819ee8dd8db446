"""A state database with a hand on it: runs are made in a line, and looked at from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

import orjson
import sqlalchemy as sa

from runner.alerts.alert import AlertRules
from runner.alerts.match import Match, MatchKind
from runner.clock import FrozenClock
from runner.runs.query_run import RunCounts, RunKey, RunPurpose, RunState
from runner.store.alert_book import AlertFilter
from runner.store.state import RunResult, StateStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runner.alerts.alert import Alert
    from runner.runs.query_run import Claim
    from runner.store.state import FinishedRun

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
RULE = "Okta.FailedLogins"
QUERY = "Failed logins"
HOURLY = AlertRules(period_minutes=60, threshold=1, create_alert=True)
EVENTS_PER_ALERT = 3


def after(minutes: float) -> datetime:
    """Return the time so many minutes after ten."""
    return TEN + timedelta(minutes=minutes)


def key(minute: float = 0, query: str = QUERY, purpose: RunPurpose = RunPurpose.MANUAL) -> RunKey:
    return RunKey(query=query, scheduled_for=after(minute), purpose=purpose)


def match(
    dedup: str = "alice",
    event: str = "event",
    *,
    rule: str = RULE,
    title: str = "",
    severity: str = "HIGH",
    unique: str | None = None,
    row: bool = False,
) -> Match:
    """Make a match of an event; its alert would be called by `title`, or else by the event's name."""
    return Match(
        rule_id=rule,
        kind=MatchKind.MATCH.value,
        dedup=dedup,
        identity=blake2b(event.encode(), digest_size=16).digest(),
        occurrences=1,
        unique_value=unique,
        details=orjson.dumps({"title": title or event, "severity": severity}).decode(),
        event=orjson.dumps({"name": event}).decode() if row else None,
    )


def error(name: str = "KeyError", *, at: float = 0, occurrences: int = 1, rule: str = RULE) -> Match:
    """Make what a rule's failures of one kind are handed over as: told apart by the run's time."""
    return Match(
        rule_id=rule,
        kind=MatchKind.ERROR.value,
        dedup=name,
        identity=blake2b(f"{name} {at}".encode(), digest_size=16).digest(),
        occurrences=occurrences,
        unique_value=None,
        details=orjson.dumps({"title": f"{name}()", "severity": "HIGH"}).decode(),
        event=None,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class StateLab:
    """A store and its database."""

    url: str
    store: StateStore
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(TEN))

    def claim(self, minute: float = 0, query: str = QUERY) -> Claim:
        """Claim the next revision of a run."""
        return self.store.claim_again(key(minute, query))

    def run(
        self, minute: float, *matches: Match, query: str = QUERY, rules: AlertRules = HOURLY
    ) -> FinishedRun:
        """Run a query for a time, with these matches; all their rules have one definition."""
        return self.store.finish(self.claim(minute, query), result([matches], rules))

    def alerts(self) -> list[Alert]:
        """Return all alerts, oldest first."""
        return self.store.list_alerts(AlertFilter(), 1_000)[::-1]

    def counts(self) -> dict[str, int]:
        """Return the number of matches of each alert, by dedup string."""
        return {alert.key.dedup: alert.match_count for alert in self.alerts()}

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """Ask the database itself."""
        engine = sa.create_engine(self.url)
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(sa.text(statement))]
        engine.dispose()
        return found

    def number_of(self, table: str) -> int:
        """Count the rows of a table."""
        ((number,),) = self.rows(f"SELECT count(*) FROM {table}")
        return number


def result(
    batches: Iterable[Sequence[Match]],
    rules: AlertRules = HOURLY,
    *,
    rule_ids: Sequence[str] = (RULE, "Other.Rule"),
    state: RunState = RunState.SUCCEEDED,
) -> RunResult:
    return RunResult(
        state=state,
        counts=RunCounts(rows=10, bytes=1000, matches=1, errors=0),
        query_hash="q" * 64,
        rule_hashes={RULE: "r" * 64},
        matches=batches,
        rules=dict.fromkeys(rule_ids, rules),
    )
