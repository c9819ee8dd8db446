"""StateStore: the state database, as the rest of the program sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.alerts.changes import AlertChange
from runner.alerts.system_fault import SystemFaultKind, query_failed, table_stale
from runner.checkpoints import NO_CHECKPOINTS, Checkpoint
from runner.destinations.message import MessageKind
from runner.runs.query_run import RunCounts, RunFault, RunPurpose, RunState
from runner.schedule.ledger import GapReason
from runner.store import (
    alert_book,
    alerts,
    ledger,
    matches,
    provenance,
    query_health,
    reports,
    retention,
    runs,
    summaries,
    surplus,
    system_errors,
)
from runner.store.alert_desk import AlertDesk
from runner.store.announcements import Announcement, announce
from runner.store.database import Database, take_turns
from runner.store.definitions import DefinitionStore
from runner.store.health_store import HealthStore
from runner.store.inquiry_store import InquiryStore
from runner.store.ledger_store import LedgerStore
from runner.store.outbox_store import OutboxStore
from runner.store.retention_store import RetentionStore
from runner.store.rule_cache import RuleCache
from runner.store.standing_store import StandingStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.engine import Connection

    from runner.alerts.alert import Alert, AlertRules, AlertStatus
    from runner.alerts.changes import ChangedAlert
    from runner.alerts.match import Match
    from runner.alerts.summary import Summary
    from runner.checkpoints import Checkpoints
    from runner.clock import Clock
    from runner.destinations.report import Report
    from runner.lake.freshness import TableAge
    from runner.runs.failure_policy import FailurePolicy
    from runner.runs.query_run import Claim, QueryRun, Reads, RunKey
    from runner.store.alert_book import AlertFilter, HistoryEntry
    from runner.store.provenance import Evidence
    from runner.store.query_health import AilingQuery


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """What a run brings home: all of it is stored, or nothing."""

    state: RunState
    counts: RunCounts
    query_hash: str
    rule_hashes: Mapping[str, str]
    matches: Iterable[Sequence[Match]]
    """In batches; read once."""
    rules: Mapping[str, AlertRules]
    """What decides on the alerts of each rule that has matches."""
    fault: RunFault | None = None
    ages: tuple[TableAge, ...] = ()
    """How old the tables are that have a limit."""
    reads: Reads = field(default_factory=dict)
    broken_rules: tuple[str, ...] = ()
    """The rules that said nothing of any row, because they failed."""
    announces: bool = True
    """Whether destinations are told of the alerts."""
    git_commit: str = ""
    """The commit that the definitions were read from."""
    evidence: Evidence | None = None
    """What the matches rest on, if there are any."""
    alerts_limit: int | None = None
    """How many new alerts of one rule are raised; one more stands for the others."""
    report: Report | None = None
    """What is mailed of the rows."""
    report_by: str = ""
    """The destination that mails it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedRun:
    """A run that was committed, and the alerts that its matches belong to."""

    run: QueryRun
    alerts: tuple[ChangedAlert, ...]
    has_resumed: bool = False
    """The query was paused, and is so no longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedRun:
    """A run that did not succeed, and what that means for its query."""

    run: QueryRun
    ailing: AilingQuery | None = None
    """How the query fares now, if failures of this kind can pause it."""


class StateStore:
    """Runs, matches and alerts. Every method is one transaction; raises `StoreError`.

    `events_per_alert` is how many whole rows are kept for an alert. Threads may share a store.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        events_per_alert: int,
        checkpoints: Checkpoints = NO_CHECKPOINTS,
    ) -> None:
        self._database = Database(url, checkpoints=checkpoints)
        self._clock = clock
        self._events_per_alert = events_per_alert
        self._reached = checkpoints.reached
        self.ledger = LedgerStore(self._database, clock, checkpoints)
        self.definitions = DefinitionStore(self._database, clock)
        self.standing = StandingStore(self._database)
        self.health = HealthStore(self._database, clock)
        self.retention = RetentionStore(self._database, clock)
        self.rule_cache = RuleCache(self._database, clock)
        self.outbox = OutboxStore(self._database, clock)
        self.desk = AlertDesk(self._database, clock)
        self.inquiries = InquiryStore(self._database)

    def claim(self, key: RunKey) -> Claim:
        """Claim a run. Raises `SlotTaken` if another has it."""
        with self._database.transaction() as connection:
            return runs.claim(connection, key, self._clock.now())

    def claim_gap(self, key: RunKey) -> Claim:
        """Claim a due time that is a gap, to fill it; an attempt at it that was cut off before is ended.

        Raises `SlotTaken` if it is a gap no longer.
        """
        with self._database.transaction() as connection:
            ledger.lock_gap(connection, key)
            runs.end_cut_off(connection, key, self._clock.now())
            return runs.claim_again(connection, key, self._clock.now())

    def claim_again(
        self, key: RunKey, *, ends_within: timedelta | None = None, is_late: bool = False
    ) -> Claim:
        """Claim the next revision of a run, whether or not it was run before; late if that is for logs that came late.

        Manual runs of its query that began longer than `ends_within` ago, and never ended, are ended as cut off.
        """
        now = self._clock.now()
        with self._database.transaction() as connection:
            if ends_within is not None:
                runs.end_forgotten(connection, key.query, now, begun_before=now - ends_within)
            return runs.claim_again(connection, key, now, is_late=is_late)

    def finish(self, claim: Claim, result: RunResult) -> FinishedRun:
        """Commit a run: its matches, the alerts they make, and its end, in one transaction.

        Raises `ClaimLost` if another has taken the run over. Rows are locked in one order everywhere: the
        backlog's, then the run's, then what it found.
        """
        self._reached(Checkpoint.COMMIT_BEGINS)
        with self._database.transaction() as connection:
            take_turns(
                connection, [*result.rules, *([reports.turn_of(result.report)] if result.report else [])]
            )
            ledger.settle(connection, claim, None)
            run = runs.end(
                connection,
                claim,
                state=result.state,
                now=self._clock.now(),
                counts=result.counts,
                query_hash=result.query_hash,
                rule_hashes=result.rule_hashes,
                git_commit=result.git_commit,
                fault=result.fault,
                stale="; ".join(age.sentence for age in result.ages if age.is_stale),
                broken_rules=result.broken_rules,
                reads=result.reads,
            )
            self._reached(Checkpoint.RUN_ENDED)
            if result.evidence is not None:
                provenance.keep(connection, claim.run_id, result.evidence, self._clock.now())
            changed, too_old = self._store_matches(connection, claim, result)
            if too_old is not None:
                run = runs.note_fault(connection, run, too_old)
            if result.announces:
                announce(connection, _announcements(changed, self._clock.now()))
            if result.report is not None:
                reports.put(connection, result.report, result.report_by, self._clock.now())
            has_resumed = self._mend_query(connection, claim)
            self._tell_ages(connection, claim, result.ages)
            self._reached(Checkpoint.COMMIT_ENDS)
        self._reached(Checkpoint.COMMITTED)
        there = tuple(one for one in changed if one.change is not AlertChange.MERGED)
        return FinishedRun(run=run, alerts=there, has_resumed=has_resumed)

    def _mend_query(self, connection: Connection, claim: Claim) -> bool:
        """Resolve what stood against a query that has succeeded by its schedule; returns whether it was paused."""
        if claim.key.purpose is not RunPurpose.SCHEDULED:
            return False
        query, now = claim.key.query, self._clock.now()
        comment = f"the query succeeded for {claim.key.scheduled_for:%Y-%m-%dT%H:%M:%SZ}"
        was_paused = query_health.recover(connection, query, now, comment)
        system_errors.mend(connection, SystemFaultKind.QUERY_FAILED, query, now=now, comment=comment)
        return was_paused

    def _tell_ages(self, connection: Connection, claim: Claim, ages: Sequence[TableAge]) -> None:
        """Let stale tables stand as system errors, and resolve those that are fresh at a later reference time."""
        if claim.key.purpose is not RunPurpose.SCHEDULED:
            return
        now, as_of, query = self._clock.now(), claim.key.scheduled_for, claim.key.query
        for age in ages:  # in order of the tables: several runs take their turns in one order
            subject = f"{age.table} for {query}" if age.is_limit_of_query else age.table
            if age.is_stale:
                fault = table_stale(subject, table=age.table, query=query, message=age.sentence)
                system_errors.stand(connection, fault, now=now, run_id=claim.run_id, as_of=as_of)
            else:
                comment = f"the table had new data at {as_of:%Y-%m-%dT%H:%M:%SZ}"
                kind = SystemFaultKind.TABLE_STALE
                system_errors.mend(connection, kind, subject, now=now, comment=comment, as_of=as_of)

    def _store_matches(
        self, connection: Connection, claim: Claim, result: RunResult
    ) -> tuple[list[ChangedAlert], RunFault | None]:
        """Store the matches of a run and fold their keys; those that are too old to be stored are its fault."""
        if not matches.stage(connection, self._told_of(result.matches)):
            return [], None
        self._reached(Checkpoint.MATCHES_STAGED)
        refolded = [rule_id for rule_id, rules in result.rules.items() if rules.counts_unique]
        horizons = retention.closed_until(connection, result.rules)
        closed = [rule_id for rule_id, until in horizons.items() if claim.key.scheduled_for < until]
        dropped = matches.drop_closed(connection, closed) if closed else 0
        chunks = matches.store(connection, claim, refolded=refolded, has_horizons=bool(horizons))
        self._reached(Checkpoint.MATCHES_STORED)
        changed: list[ChangedAlert] = []
        for chunk in range(chunks):
            changed += alerts.fold_chunk(
                connection,
                claim,
                chunk,
                result.rules,
                events_per_alert=self._events_per_alert,
                now=self._clock.now(),
            )
            self._reached(Checkpoint.ALERTS_FOLDED)
        changed += alerts.unchanged(connection, changed)
        if result.alerts_limit is not None:
            changed = surplus.hold(connection, claim, changed, result.alerts_limit)
        return changed, _too_old(dropped, closed) if dropped else None

    def _told_of(self, batches: Iterable[Sequence[Match]]) -> Iterator[Sequence[Match]]:
        for batch in batches:
            self._reached(Checkpoint.SPOOL_READ)
            yield batch

    def fail(
        self,
        claim: Claim,
        state: RunState,
        fault: RunFault,
        counts: RunCounts | None = None,
        *,
        policy: FailurePolicy | None = None,
    ) -> FailedRun:
        """Write down that a run did not succeed; nothing that it found is stored. Its due time is a gap.

        With a policy, a run by schedule raises a system error that stands until the query succeeds again, and
        a failure that will not pass counts towards a pause. Raises `ClaimLost` as `finish` does.
        """
        self._reached(Checkpoint.FAILURE_BEGINS)
        with self._database.transaction() as connection:
            ledger.keep_turn(connection)
            now = self._clock.now()
            reason = GapReason.TIMED_OUT if state is RunState.TIMED_OUT else GapReason.FAILED
            ledger.settle(connection, claim, reason)
            run = runs.end(connection, claim, state=state, now=now, counts=counts or RunCounts(), fault=fault)
            ailing = self._blame_query(connection, claim, fault, policy)
            self._reached(Checkpoint.FAILURE_UNCOMMITTED)
        self._reached(Checkpoint.FAILED)
        return FailedRun(run=run, ailing=ailing)

    def _blame_query(
        self, connection: Connection, claim: Claim, fault: RunFault, policy: FailurePolicy | None
    ) -> AilingQuery | None:
        if policy is None or claim.key.purpose is not RunPurpose.SCHEDULED:
            return None
        query, now = claim.key.query, self._clock.now()
        failed = query_failed(
            query,
            place=policy.place,
            due=claim.key.scheduled_for,
            fault_kind=fault.kind,
            message=fault.message,
        )
        system_errors.stand(connection, failed, now=now, run_id=claim.run_id)
        if fault.transient:
            return None
        return query_health.count_failure(connection, query, fault, policy, now)

    def give_back(self, claim: Claim, fault: RunFault, *, start_at: datetime) -> None:
        """Give up an attempt at a scheduled run; another one is made, not before `start_at`.

        Raises `ClaimLost` as `finish` does.
        """
        self._reached(Checkpoint.GIVE_BACK_BEGINS)
        with self._database.transaction() as connection:
            ledger.release(connection, claim, start_at)
            runs.suspend(connection, claim, now=self._clock.now(), fault=fault)
            self._reached(Checkpoint.GIVE_BACK_UNCOMMITTED)
        self._reached(Checkpoint.GIVEN_BACK)

    def succeeded(
        self,
        query: str,
        *,
        start: datetime,
        end: datetime,
        query_hash: str,
        rule_hashes: Mapping[str, str],
    ) -> frozenset[datetime]:
        """Return for which times in `[start, end]` a query was run with success, with these definitions."""
        with self._database.reading() as connection:
            return runs.succeeded(
                connection, query, start=start, end=end, query_hash=query_hash, rule_hashes=rule_hashes
            )

    def evaluated_runs(self, *, since: datetime, query: str | None = None) -> list[QueryRun]:
        """Return the scheduled runs that have answered for a due time since then, of one query or of all."""
        with self._database.reading() as connection:
            return runs.evaluated(connection, since=since, query=query)

    def newest_evaluations(self) -> dict[str, QueryRun]:
        """Return the last evaluation of the latest due time of each query that was evaluated by its schedule."""
        with self._database.reading() as connection:
            return runs.newest_evaluations(connection)

    def latest_runs(self, limit: int) -> list[QueryRun]:
        """Return the newest runs, newest first."""
        with self._database.reading() as connection:
            return runs.latest(connection, limit)

    def alerts_of(self, alert_ids: Iterable[str]) -> dict[str, Alert]:
        """Return alerts by id."""
        with self._database.reading() as connection:
            return alert_book.alerts_of(connection, alert_ids)

    def list_alerts(self, chosen: AlertFilter, limit: int) -> list[Alert]:
        """Return alerts, newest first."""
        with self._database.reading() as connection:
            return alert_book.list_alerts(connection, chosen, limit)

    def find_alert(self, prefix: str) -> Alert:
        """Return the alert whose id begins so."""
        with self._database.reading() as connection:
            return alert_book.find(connection, prefix)

    def events_of(self, alert: Alert, limit: int) -> list[dict[str, Any]]:
        """Return the stored rows of an alert."""
        with self._database.reading() as connection:
            return alert_book.events_of(connection, alert, limit)

    def summary_of(self, alert: Alert) -> Summary:
        """Return the most frequent values of the rule's summary attributes in the matches of an alert."""
        with self._database.reading() as connection:
            return summaries.summary_of(connection, alert)

    def late_matches_of(self, alert: Alert) -> int:
        """Return how many matches of an alert came to light by logs that came late."""
        with self._database.reading() as connection:
            return alert_book.late_matches_of(connection, alert)

    def history_of(self, alert: Alert) -> list[HistoryEntry]:
        """Return the changes of an alert's status, oldest first."""
        with self._database.reading() as connection:
            return alert_book.history_of(connection, alert.alert_id)

    def change_status(
        self, changed: Sequence[Alert], status: AlertStatus, *, actor: str, comment: str
    ) -> None:
        """Set the status of alerts, and write down who did it."""
        with self._database.transaction() as connection:
            alert_book.change_status(
                connection, changed, status, actor=actor, comment=comment, now=self._clock.now()
            )

    def close(self) -> None:
        """Close the database."""
        self._database.close()


_TOLD = {
    AlertChange.NEW: MessageKind.NEW,
    AlertChange.GROWN: MessageKind.UPDATE,
    AlertChange.REFOLDED: MessageKind.UPDATE,
    AlertChange.MERGED: MessageKind.MERGED,
}


def _announcements(changed: Iterable[ChangedAlert], now: datetime) -> Iterator[Announcement]:
    for one in changed:
        if one.change in _TOLD:
            yield Announcement(alert_id=one.alert_id, kind=_TOLD[one.change], at=now)


def _too_old(dropped: int, closed: Sequence[str]) -> RunFault:
    return RunFault(
        kind="MatchesTooOld",
        message=f"{dropped} matches were not stored: older ones of {', '.join(sorted(closed))} have been removed for "
        "their age (retention.matches_days), so nobody could tell which were counted before",
    )
