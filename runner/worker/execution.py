"""One job inside a worker: compile, read, evaluate, hand over."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.checkpoints import NO_CHECKPOINTS, Checkpoint
from runner.detections.evaluate import EvaluationTimeout
from runner.detections.failures import failure
from runner.detections.loading import Namespace
from runner.detections.lookups import LookupTables
from runner.detections.row_event import row_event_class
from runner.errors import DetectionError, QueryTimeout
from runner.lake.files_read import files_read
from runner.worker.evaluation import BATCH_MATCHES, RuleEvaluation, evaluate_batch, refuse_harm
from runner.worker.job import JobOutcome
from runner.worker.result_table import ResultTable
from runner.worker.rule_errors import RuleErrors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from runner.alerts.match import Match
    from runner.checkpoints import Checkpoints
    from runner.detections.cache import Cache
    from runner.detections.detection import Detection
    from runner.detections.row_event import RowEvent
    from runner.lake.engine import QueryEngine
    from runner.lake.files_read import FilesRead
    from runner.lake.rows import RowBatch
    from runner.lake.snapshot import Snapshot
    from runner.worker.beat import Beat
    from runner.worker.evaluation import Hand
    from runner.worker.job import Job, RuleJob


@dataclass(slots=True)
class _Tally:
    """What is counted on the way."""

    rows: int = 0
    matches: int = 0
    truncated: str = ""
    fetch_seconds: float = 0.0
    evaluate_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """The rules of a run, and what it takes to ask them."""

    evaluations: Sequence[RuleEvaluation]
    event_class: type[RowEvent]
    beat: Beat
    errors: RuleErrors


def execute(
    job: Job,
    engine: QueryEngine,
    beat: Beat,
    hand_over: Hand,
    *,
    cache: Cache | None = None,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> JobOutcome:
    """Do a job; its matches are handed over in batches as they come.

    They count only once the outcome has come too: the query may fail after the last row but one. What rules keep with
    their caching helpers goes to `cache`; without one, it is gone after the job.
    Raises `QueryError` or a subclass, and `RuleDidHarm`.
    """
    deadline = time.monotonic() + job.limits.seconds
    errors = RuleErrors(job)
    namespace = Namespace(job.helpers, root=job.root, cache=cache)
    evaluations = _load_rules(namespace, job, beat, errors)
    checkpoints.reached(Checkpoint.RULES_LOADED)
    query = engine.compile(job.sql, dialect=job.dialect, reference=job.reference, library=job.library)
    snapshots = [engine.snapshot(query, job.reference).with_stand_ins(job.stand_ins)]
    tally = _Tally()
    checkpoints.reached(Checkpoint.QUERY_BEGINS)
    answer = engine.run(query, snapshots[0], job.reference, retaken=snapshots.append)
    rows = _told_of(_counted(answer, job, tally, deadline), checkpoints)
    table = ResultTable(job.result) if job.result else None
    rows = table.passing(rows) if table else rows
    asking = _Asking(evaluations=evaluations, event_class=_event_class(job), beat=beat, errors=errors)
    matches = _matches(rows, asking, tally)
    _hand_over_in_batches(matches, hand_over)
    hand_over(errors.matches())
    truncated = "; ".join(filter(None, [tally.truncated, *(one.stopped for one in evaluations)]))
    return JobOutcome(
        rows=tally.rows,
        bytes=snapshots[-1].size,
        matches=tally.matches,
        errors=errors.total,
        truncated=truncated,
        result=table.result(tally.rows, is_partial=bool(truncated)) if table else None,
        rule_errors=errors.first,
        broken_rules=_broken(job, evaluations),
        ages=engine.ages_of(query.tables, job.freshness, job.reference),
        files=_files(snapshots[-1], job) if tally.matches or errors.total else None,
        reads=snapshots[-1].reads,
        counts_unique=frozenset(one.rule_id for one in evaluations if one.has_unique),
        seconds={"fetch": tally.fetch_seconds, "evaluate": tally.evaluate_seconds},
    )


def _broken(job: Job, evaluations: Iterable[RuleEvaluation]) -> tuple[str, ...]:
    """Return the rules that could not be asked at all, or failed on every row that they were asked about."""
    working = {one.rule_id for one in evaluations if not one.is_broken}
    return tuple(sorted({rule.rule_id for rule in job.rules} - working))


def _files(snapshot: Snapshot, job: Job) -> FilesRead | None:
    return None if job.stand_ins else files_read(snapshot, job.lake, job.limits.files)


def _event_class(job: Job) -> type[RowEvent]:
    lookups = LookupTables(job.lookup_tables, job.root)
    return row_event_class(lookups or None)


def _load_rules(namespace: Namespace, job: Job, beat: Beat, errors: RuleErrors) -> list[RuleEvaluation]:
    """Load each rule afresh, so that no state of an earlier run is left; a rule that cannot be is an error."""
    evaluations = []
    for position, rule in enumerate(job.rules):
        if rule.rule_id in job.blamed:
            errors.add(job.blamed[rule.rule_id])
            continue
        beat.turn_to(position)
        try:
            detection = _load(namespace, rule, job.destinations, beat)
        except DetectionError as error:
            errors.add(error)
            refuse_harm(error, job.limits.memory)
        else:
            evaluations.append(RuleEvaluation(job, rule, detection, position))
    return evaluations


def _load(
    namespace: Namespace, rule: RuleJob, destinations: Mapping[str, str] | None, beat: Beat
) -> Detection:
    try:
        beat.enter()
        detection = namespace.load(
            rule.source,
            rule_id=rule.rule_id,
            severity=rule.severity,
            display_name=rule.display_name,
            destinations=destinations,
        )
        beat.leave()
    except DetectionError:
        beat.leave()
        raise
    except EvaluationTimeout as late:  # the signal came when the module had just been run
        beat.leave()
        filename = str(rule.source.path)
        raise failure(late, rule_id=rule.rule_id, function="import", filename=filename) from late
    return detection


def _counted(batches: Iterator[RowBatch], job: Job, tally: _Tally, deadline: float) -> Iterator[RowBatch]:
    """Count rows, and stop at the limit and at the deadline."""
    started = time.process_time()
    for batch in batches:
        tally.fetch_seconds += time.process_time() - started
        if time.monotonic() > deadline:
            raise QueryTimeout(f"the run did not end within {job.limits.seconds:g} seconds")
        if tally.rows + batch.length > job.limits.rows:
            batch.length = job.limits.rows - tally.rows
            tally.truncated = f"the query returned more than {job.limits.rows} rows (limits.rows)"
        tally.rows += batch.length
        yield batch
        if tally.truncated:
            return
        started = time.process_time()


def _told_of(batches: Iterable[RowBatch], checkpoints: Checkpoints) -> Iterator[RowBatch]:
    for batch in batches:
        checkpoints.reached(Checkpoint.BATCH_FETCHED)
        yield batch
        checkpoints.reached(Checkpoint.BATCH_EVALUATED)


def _matches(batches: Iterable[RowBatch], asking: _Asking, tally: _Tally) -> Iterator[Match]:
    """Evaluate batch by batch, until no rule is left that may still be asked; without rules, to the end."""
    for batch in batches:
        started = time.process_time()
        for match in evaluate_batch(
            batch, asking.evaluations, asking.beat, asking.errors, asking.event_class
        ):
            tally.matches += 1
            yield match
        tally.evaluate_seconds += time.process_time() - started
        if asking.evaluations and all(one.stopped for one in asking.evaluations):
            return


def _hand_over_in_batches(matches: Iterable[Match], hand_over: Hand) -> None:
    batch: list[Match] = []
    for match in matches:
        batch.append(match)
        if len(batch) == BATCH_MATCHES:
            hand_over(batch)
            batch = []
    hand_over(batch)
