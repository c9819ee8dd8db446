"""Rows to matches: every rule is asked about every row, and its errors are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from runner.alerts.match import Match, MatchKind
from runner.detections.evaluate import NOT_MATCHED, EvaluationTimeout, evaluate
from runner.detections.failures import failure
from runner.detections.row_event import RowEvent
from runner.worker.identity import Identities, json_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from runner.detections.evaluate import DetectionResult
    from runner.detections.loading import Detection
    from runner.errors import DetectionError
    from runner.lake.rows import RowBatch
    from runner.worker.beat import Beat
    from runner.worker.job import Job, RuleJob

    Hand = Callable[[list[Match]], None]
    """Takes a batch of matches."""

BATCH_MATCHES = 2_000


class RuleErrors:
    """The errors of a run, folded by rule and kind: a rule that fails on a million rows is one match."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._first: dict[tuple[str, str], DetectionError] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, error: DetectionError) -> None:
        """Count an error; the first of its kind says what the alert says."""
        key = (error.rule_id, error.kind)
        self._first.setdefault(key, error)
        self._counts[key] = self._counts.get(key, 0) + 1

    @property
    def total(self) -> int:
        """On how many rows a rule failed."""
        return sum(self._counts.values())

    @property
    def first(self) -> tuple[DetectionError, ...]:
        """The first error of each kind of each rule."""
        return tuple(self._first.values())

    def matches(self) -> list[Match]:
        """Return one match for each kind of error of each rule."""
        return [error_match(self._job, error, self._counts[key]) for key, error in self._first.items()]


def error_match(job: Job, error: DetectionError, occurrences: int = 1) -> Match:
    """Return the match that makes a scheduled rule error alert: its dedup string is the kind of error."""
    rule = next(rule for rule in job.rules if rule.rule_id == error.rule_id)
    details = {
        "title": error.title,
        "severity": rule.severity.value,
        "context": {"function": error.function, "message": error.message},
    }
    return Match(
        rule_id=error.rule_id,
        kind=MatchKind.ERROR.value,
        dedup=error.kind,
        identity=Identities(job, rule).of_key(MatchKind.ERROR, error.kind),
        occurrences=occurrences,
        unique_value=None,
        details=orjson.dumps(details).decode(),
        event=None,
    )


class RuleEvaluation:
    """One rule over the rows of one run."""

    def __init__(self, job: Job, rule: RuleJob, detection: Detection, position: int) -> None:
        self.rule_id = rule.rule_id
        self.has_unique = any(entry.name == "unique" for entry, _ in detection.functions)
        self._position = position
        self._rule = rule
        self._detection = detection
        self._identities = Identities(job, rule)
        self._events_left: dict[str, int] = {}
        self._events_per_alert = job.limits.events_per_alert

    def matches(self, events: Iterable[RowEvent], beat: Beat, errors: RuleErrors) -> Iterator[Match]:
        """Ask the rule about each row; its optional functions run right after it on the same row."""
        detection, position = self._detection, self._position
        for event in events:
            beat.enter(position)
            try:
                result = evaluate(detection, event)
            except EvaluationTimeout as late:  # the signal came between two calls
                errors.add(failure(late, rule_id=self.rule_id, function="rule", filename=detection.filename))
                continue
            if result is NOT_MATCHED:
                continue
            if result.error is not None:
                errors.add(result.error)
            else:
                yield self._match(event, result)

    def _match(self, event: RowEvent, result: DetectionResult) -> Match:
        dedup = result.dedup
        left = self._events_left.get(dedup, self._events_per_alert)
        if left:
            self._events_left[dedup] = left - 1
        return Match(
            rule_id=self.rule_id,
            kind=MatchKind.MATCH.value,
            dedup=dedup,
            identity=self._identities.of_match(event.raw_view() if self._needs_row(event) else event, dedup),
            occurrences=1,
            unique_value=result.unique,
            details=_details(result),
            event=json_of(event.raw_view()).decode("utf-8", "replace") if left else None,
        )

    def _needs_row(self, event: RowEvent) -> bool:
        """Whether the whole row tells the event apart: then it is made a dict once."""
        return not self._rule.identity and event.get("p_row_id") is None


def _details(result: DetectionResult) -> str:
    """Write what the alert says, should this match be the first of its window; see `runner.store.alerts`."""
    details: dict[str, object] = {"title": result.title, "severity": result.severity.value}
    if result.context is not None:
        details["context"] = orjson.Fragment(result.context)
    for name in ("description", "runbook", "reference"):
        text = getattr(result, name)
        if text is not None:
            details[name] = text
    if result.destinations is not None:
        details["destinations"] = [] if result.suppressed else list(result.destinations)
    return orjson.dumps(details).decode()


def evaluate_batch(
    batch: RowBatch, evaluations: Sequence[RuleEvaluation], beat: Beat, errors: RuleErrors
) -> Iterator[Match]:
    """Put every rule to every row of a batch, rule by rule."""
    events = [RowEvent(batch, row) for row in range(batch.length)]
    for evaluation in evaluations:
        yield from evaluation.matches(events, beat, errors)
    beat.leave()
