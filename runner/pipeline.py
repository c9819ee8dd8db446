"""The spine: one run of one scheduled query, from claim to commit."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from runner.alerts.alert import AlertRules
from runner.checkpoints import NO_CHECKPOINTS, Checkpoint
from runner.destinations.report import Report, carrier_of
from runner.errors import ClaimLost, QueryError, QueryTimeout, RunInterrupted, StoreError, WorkerError
from runner.lake.database.address import DatabaseAddress
from runner.lake.freshness import FreshnessLimits
from runner.lake.log_types import LOGS_DATABASE
from runner.runs.failure_policy import FailurePolicy, fingerprint_of
from runner.runs.query_result import ResultLimits
from runner.runs.query_run import QueryRun, RunCounts, RunFault, RunKey, RunPurpose, RunState
from runner.runs.retry import may_pass
from runner.store.provenance import DefinitionText, Evidence
from runner.store.state import FinishedRun, RunResult
from runner.worker.job import Job, JobLimits, RuleJob
from runner.worker.spool import MatchSpool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from runner.checkpoints import Checkpoints
    from runner.clock import Clock
    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.errors import DetectionError
    from runner.runs.query_run import Claim
    from runner.runs.retry import RetryPolicy
    from runner.settings import Settings
    from runner.store.query_health import AilingQuery
    from runner.store.state import StateStore
    from runner.worker.job import JobOutcome
    from runner.worker.pool import WorkerPool

_log = structlog.get_logger(__name__)

SECONDS_PER_MINUTE = 60
MOST_FOR_COMMIT = timedelta(minutes=15)
"""How much longer than its query's timeout a run may take: a worker is killed, and many matches are stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunReport:
    """One run, as the one who asked for it is told."""

    run: QueryRun
    finished: FinishedRun | None
    """None for a run that did not succeed."""
    rule_errors: tuple[DetectionError, ...] = ()
    truncated: str = ""
    seconds: float = 0.0
    """How long the attempt took that ended the run, from its claim to its commit."""
    ailing: AilingQuery | None = None
    """How the query fares, if the failure of this run counts towards a pause."""


class Pipeline:
    """Runs queries: claims, has a worker do the work, and commits what it brings home.

    Destinations are told of what scheduled runs find; with `notifies`, of what manual runs find too.
    Without `keeps_index` what is learnt about the lake's files is forgotten with the workers.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        settings: Settings,
        store: StateStore,
        workers: WorkerPool,
        clock: Clock,
        notifies: bool = False,
        keeps_index: bool = True,
        checkpoints: Checkpoints = NO_CHECKPOINTS,
    ) -> None:
        self._clock = clock
        self._notifies = notifies
        self._keeps_index = keeps_index
        self._reached = checkpoints.reached
        self._catalogue = catalogue
        self._settings = settings
        self._store = store
        self._workers = workers
        self._carrier = carrier_of(settings.destinations, settings["reports.destination"])

    def run_manually(self, query: ScheduledQuery, at: datetime, rules: Sequence[ScheduledRule]) -> RunReport:
        """Run a query for a reference time (aware, UTC), whether or not it was run for it before.

        Any number of threads may do so at once. A failure of the query or of its worker is in the report.
        Raises `StoreError` if the outcome cannot be kept, and passes Ctrl-C on once the run is written down
        as interrupted.
        """
        key = RunKey(query=query.name, scheduled_for=at, purpose=RunPurpose.MANUAL)
        longest = timedelta(minutes=query.schedule.timeout_minutes) + MOST_FOR_COMMIT
        return self._run(self._store.claim_again(key, ends_within=longest), query, rules)

    def fill_gap(self, query: ScheduledQuery, due: datetime, rules: Sequence[ScheduledRule]) -> RunReport:
        """Run a due time that is a gap; if that succeeds, it is one no longer.

        Raises as `run_manually` does, and `SlotTaken` if somebody else has filled the gap.
        """
        key = RunKey(query=query.name, scheduled_for=due, purpose=RunPurpose.SCHEDULED)
        claim = self._store.claim_gap(key)
        self._reached(Checkpoint.GAP_CLAIMED)
        return self._run(claim, query, rules)

    def run_late(self, query: ScheduledQuery, due: datetime, rules: Sequence[ScheduledRule]) -> RunReport:
        """Run a due time again that was evaluated before its logs were all there: as its next revision.

        Raises as `run_manually` does.
        """
        key = RunKey(query=query.name, scheduled_for=due, purpose=RunPurpose.SCHEDULED)
        return self._run(self._store.claim_again(key, is_late=True), query, rules)

    def run_scheduled(
        self, claim: Claim, query: ScheduledQuery, rules: Sequence[ScheduledRule], retries: RetryPolicy
    ) -> RunReport | None:
        """Run a due time that was claimed from the backlog.

        A failure that may pass gives the due time back, to be tried again for the same reference time; so
        does an interruption. Then there is no report. Raises `StoreError` if not even a failure can be kept,
        for instance because the lease was lost and another process has taken the run over.
        """
        with (
            structlog.contextvars.bound_contextvars(query=query.name, run=claim.run_id),
            MatchSpool() as spool,
        ):
            began = self._clock.now()
            try:
                outcome = self._workers.run(self.job_of(query, rules, claim.key.scheduled_for), spool)
                report = self._finish(claim, query, rules, outcome, spool)
            except ClaimLost:
                raise  # whoever has taken it over writes down how it ended
            except Exception as error:  # noqa: BLE001  the run's boundary: no failure, even of ours, keeps its due time
                wait = retries.wait_after(error, claim.failures)
                if wait is not None:
                    self._give_back(claim, error, wait)
                    return None
                report = self._fail(claim, error, self.policy_of(query))
            return self._told(report, began)

    def _give_back(self, claim: Claim, error: Exception, wait: timedelta) -> None:
        fault = _fault_of(error)
        self._store.give_back(claim, fault, start_at=self._clock.now() + wait)
        _log.info(
            "query_run_given_back",
            attempt=claim.attempt,
            fault=fault.message,
            fault_kind=fault.kind,
            transient=fault.transient,
            again_in=str(wait),
        )

    def _run(self, claim: Claim, query: ScheduledQuery, rules: Sequence[ScheduledRule]) -> RunReport:
        with (
            structlog.contextvars.bound_contextvars(query=query.name, run=claim.run_id),
            MatchSpool() as spool,
        ):
            began = self._clock.now()
            try:
                outcome = self._workers.run(self.job_of(query, rules, claim.key.scheduled_for), spool)
                report = self._finish(claim, query, rules, outcome, spool)
            except (QueryError, WorkerError, RunInterrupted) as error:
                report = self._fail(claim, error, self.policy_of(query))
            except BaseException as error:  # Ctrl-C, a full disk, a fault of ours
                with suppress(StoreError):
                    self._fail(claim, error)
                raise
            return self._told(report, began)

    def _told(self, report: RunReport, began: datetime) -> RunReport:
        """Log the one line about a run: a warning if it did not succeed."""
        timed = replace(report, seconds=(self._clock.now() - began).total_seconds())
        if timed.run.state is RunState.SUCCEEDED:
            _log.info("query_run_finished", **_fields(timed))
        else:
            _log.warning("query_run_finished", **_fields(timed))
        _log_pause(timed)
        return timed

    def _finish(
        self,
        claim: Claim,
        query: ScheduledQuery,
        rules: Sequence[ScheduledRule],
        outcome: JobOutcome,
        spool: MatchSpool,
    ) -> RunReport:
        announces = self._notifies or claim.key.purpose is RunPurpose.SCHEDULED
        result = RunResult(
            state=RunState.TRUNCATED if outcome.truncated else RunState.SUCCEEDED,
            counts=RunCounts(
                rows=outcome.rows, bytes=outcome.bytes, matches=outcome.matches, errors=outcome.errors
            ),
            query_hash=self._catalogue.fingerprints[query.name],
            rule_hashes={rule.rule_id: self._catalogue.fingerprints[rule.rule_id] for rule in rules},
            git_commit=self._catalogue.git_commit,
            evidence=self._evidence(query, rules, outcome),
            matches=spool,
            ages=outcome.ages,
            broken_rules=outcome.broken_rules,
            reads=outcome.reads,
            rules={rule.rule_id: alert_rules_of(rule, outcome) for rule in rules},
            fault=RunFault(kind="Truncated", message=outcome.truncated) if outcome.truncated else None,
            announces=announces,
            alerts_limit=self._settings["limits.alerts_per_run"],
            report=self._report(claim, query, outcome) if announces else None,
            report_by=self._carrier or "",
        )
        finished = self._store.finish(claim, result)
        return RunReport(
            run=finished.run,
            finished=finished,
            rule_errors=outcome.rule_errors,
            truncated=outcome.truncated,
        )

    def _evidence(
        self, query: ScheduledQuery, rules: Sequence[ScheduledRule], outcome: JobOutcome
    ) -> Evidence | None:
        """Return what is kept so that alerts can be accounted for; None for a run that found nothing."""
        if outcome.files is None:
            return None
        known = self._catalogue.fingerprints
        texts = [DefinitionText(known[query.name], query.name, str(query.location), query.sql.text)]
        texts += [
            DefinitionText(known[rule.rule_id], rule.rule_id, str(rule.python.path), rule.python.text)
            for rule in rules
        ]
        return Evidence(files=outcome.files, texts=tuple(texts))

    def _report(self, claim: Claim, query: ScheduledQuery, outcome: JobOutcome) -> Report | None:
        """Return what is mailed of a result: nothing if nobody wants it, or no destination can."""
        email = query.email
        if email is None or not email.recipients or not (outcome.rows or email.send_empty):
            return None
        if outcome.result is None:
            _log.warning("report_not_sent", fault="there is no destination of kind email")
            return None
        return Report(
            query=query.name,
            scheduled_for=claim.key.scheduled_for,
            recipients=email.recipients,
            as_attachment=email.prefer_attachment,
            result=outcome.result,
        )

    def _fail(self, claim: Claim, error: BaseException, policy: FailurePolicy | None = None) -> RunReport:
        """Write a failure down. Raises `StoreError` if that cannot be done."""
        state = _failed_state(error)
        if state is RunState.INTERRUPTED:
            policy = None  # that says nothing about the query
        failed = self._store.fail(claim, state, _fault_of(error), policy=policy)
        return RunReport(run=failed.run, finished=None, ailing=failed.ailing)

    def policy_of(self, query: ScheduledQuery) -> FailurePolicy:
        """Return what follows if the query fails for good."""

        def option(name: str) -> int:
            value: int = self._settings.of_query(query.name, query.tags, name)
            return value

        return FailurePolicy(
            place=str(query.location),
            fingerprint=fingerprint_of(self._catalogue, query.name, self._settings.lake),
            pause_after=option("pause_after"),
            probe_after=timedelta(minutes=option("probe_minutes")),
        )

    def job_of(self, query: ScheduledQuery, rules: Sequence[ScheduledRule], at: datetime) -> Job:
        """Return what a worker is asked to do for a run."""
        settings = self._settings
        return Job(
            query=query.name,
            sql=query.sql.text,
            dialect=query.sql.read_as(settings["lake.query_dialect"]),
            library=self._catalogue.library() if query.is_template else {},
            reference=at,
            lake=settings.lake,
            lake_index=settings.lake_index if self._keeps_index else None,
            database=self._database(query),
            spill=settings.spill,
            root=settings.root,
            rules=tuple(self._rule_job(rule) for rule in rules),
            helpers=self._catalogue.helper_sources(),
            result=self._result_limits(query),
            destinations={name: name for name in settings.destinations} or None,
            lookup_tables=tuple(self._catalogue.lookup_tables.values()),
            freshness=self._freshness(query),
            limits=JobLimits(
                memory=settings["workers.memory"],
                seconds=query.schedule.timeout_minutes * SECONDS_PER_MINUTE,
                evaluation_seconds=settings["limits.evaluation_seconds"],
                rows=settings["limits.rows"],
                matches=settings["limits.matches"],
                events_per_alert=settings["state.events_per_alert"],
                files=settings["state.files_per_run"],
            ),
        )

    def _result_limits(self, query: ScheduledQuery) -> ResultLimits | None:
        if query.email is None or self._carrier is None:
            return None
        return ResultLimits(rows=self._settings["reports.rows"], size=self._settings["reports.size"])

    def _database(self, query: ScheduledQuery) -> DatabaseAddress | None:
        found = self._settings.database_of(query.name, query.tags)
        return DatabaseAddress(name=found[0], url=found[1]) if found else None

    def _freshness(self, query: ScheduledQuery) -> FreshnessLimits:
        settings, option = self._settings, "stale_after_minutes"
        tables = {name: table[option] for name, table in settings.tables.items() if option in table}
        return FreshnessLimits(
            of_query=settings.of_query_itself(query.name, query.tags, option),
            by_table=tables,
            of_others=settings[f"freshness.{option}"],
        )

    def _rule_job(self, rule: ScheduledRule) -> RuleJob:
        override = self._settings.rule(rule.rule_id)
        return RuleJob(
            rule_id=rule.rule_id,
            source=rule.python,
            severity=rule.severity,
            display_name=rule.display_name,
            identity=override.identity,
            summary_attributes=rule.summary_attributes,
            counts_again=override.rematch == "count",
        )


def alert_rules_of(rule: ScheduledRule, outcome: JobOutcome) -> AlertRules:
    """Return what of a rule's definition decides on its alerts."""
    return AlertRules(
        period_minutes=rule.dedup_period_minutes,
        threshold=rule.threshold,
        create_alert=rule.create_alert,
        counts_unique=rule.rule_id in outcome.counts_unique,
        description=rule.description,
        runbook=rule.runbook,
        reference=rule.reference,
        log_types=_log_types(outcome),
    )


def _log_types(outcome: JobOutcome) -> tuple[str, ...]:
    """Return the tables of logs that a query read: each is its log type in lower case, with `_` for `.`."""
    names = (name.split(".") for name in outcome.reads)
    return tuple(sorted(parts[-1] for parts in names if parts[0] == LOGS_DATABASE))


def _fault_of(error: BaseException) -> RunFault:
    return RunFault(
        kind=type(error).__name__,
        message=str(error) or "interrupted by the user",
        transient=may_pass(error),
    )


def _failed_state(error: BaseException) -> RunState:
    if isinstance(error, KeyboardInterrupt | RunInterrupted):
        return RunState.INTERRUPTED
    return RunState.TIMED_OUT if isinstance(error, QueryTimeout) else RunState.FAILED


def _log_pause(report: RunReport) -> None:
    """Tell once that a query is paused, and once that it is so no longer."""
    ailing = report.ailing
    if ailing is not None and ailing.paused_at is not None:
        _log.warning("query_paused", failures=ailing.failures, fault=ailing.message)
    if report.finished is not None and report.finished.has_resumed:
        _log.info("query_resumed", reason="it succeeded")


def _fields(report: RunReport) -> dict[str, object]:
    """Everything about a run, for the one line that is logged at its end."""
    run = report.run
    return {
        "scheduled_for": run.key.scheduled_for.isoformat(),
        "purpose": run.key.purpose.value,
        "revision": run.key.revision,
        "late": run.is_late,
        "state": run.state.value,
        "attempt": run.attempt,
        "lateness_seconds": run.lateness_seconds,
        "duration_seconds": report.seconds,
        "rows": run.counts.rows,
        "bytes": run.counts.bytes,
        "matches": run.counts.matches,
        "rule_errors": run.counts.errors,
        "alerts": len(report.finished.alerts) if report.finished else 0,
        "stale": run.stale or None,
        "fault": run.fault.message if run.fault else None,
        "fault_kind": run.fault.kind if run.fault else None,
        "transient": run.fault.transient if run.fault else None,
    }
