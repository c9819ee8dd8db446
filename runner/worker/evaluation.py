"""Rows to matches: every rule is asked about every row, and its errors are counted."""

from __future__ import annotations

from mmap import MAP_PRIVATE, mmap
from typing import TYPE_CHECKING

import orjson

from runner.alerts.match import Match, MatchKind
from runner.detections.evaluate import NOT_MATCHED, EvaluationTimeout, evaluate
from runner.detections.failures import failure
from runner.detections.functions import dedup_origin
from runner.detections.row_event import RowEvent, materialise
from runner.worker.identity import Identities, json_of
from runner.worker.summary_values import SummaryReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from runner.detections.detection import Detection
    from runner.detections.evaluate import DetectionResult
    from runner.errors import DetectionError
    from runner.lake.rows import RowBatch
    from runner.worker.beat import Beat
    from runner.worker.job import Job, RuleJob
    from runner.worker.rule_errors import RuleErrors

    Hand = Callable[[list[Match]], None]
    """Takes a batch of matches."""

BATCH_MATCHES = 2_000
_LATE_ERRORS = (EvaluationTimeout, MemoryError, RecursionError)
"""What may still come of an evaluation once its calls have returned: a signal that was on its way, memory that
the rule has used up, a row that is nested too deeply to be written down."""
_TIMEOUT = EvaluationTimeout.__name__
_NO_MEMORY = MemoryError.__name__
_ROOM_SHARE = 8
"""A worker is fit to go on if this part of its memory can still be had in one piece."""


class RuleDidHarm(Exception):
    """A rule keeps so much memory that no other rule can go on."""

    def __init__(self, error: DetectionError) -> None:
        super().__init__(error.message)
        self.error = error


class RuleEvaluation:
    """One rule over the rows of one run."""

    def __init__(self, job: Job, rule: RuleJob, detection: Detection, position: int) -> None:
        self.rule_id = rule.rule_id
        self.stopped = ""
        """Why the rule is asked no more, in a sentence; empty while it is."""
        self.has_unique = any(entry.name == "unique" for entry, _ in detection.functions)
        self._position = position
        self._asked_about = 0
        self._failures = 0
        self._detection = detection
        self._identities = Identities(job, rule)
        self._summary = SummaryReader(rule.summary_attributes)
        self._events_left: dict[str, int] = {}
        self._limits = job.limits
        self._matches_left = job.limits.matches
        self._patience = job.limits.seconds / 2 / len(job.rules)

    @property
    def is_broken(self) -> bool:
        """Whether it was asked about rows, and failed on each of them."""
        return 0 < self._asked_about <= self._failures

    def matches(self, events: Iterable[RowEvent], beat: Beat, errors: RuleErrors) -> Iterator[Match]:
        """Ask the rule about each row; its optional functions run right after it on the same row.

        Raises `RuleDidHarm`.
        """
        found = self._asked(events, beat, errors)
        materialise([event for event, result in found if self._needs_row(event, result)])
        for event, result in found:
            try:
                match = self._match(event, result)
            except _LATE_ERRORS as error:
                self._count(self._failed(error).error, errors)
            else:
                yield match

    def _asked(
        self, events: Iterable[RowEvent], beat: Beat, errors: RuleErrors
    ) -> list[tuple[RowEvent, DetectionResult]]:
        """Return the rows that the rule matches, with what it says of them."""
        detection, enter, leave = self._detection, beat.enter, beat.leave
        found: list[tuple[RowEvent, DetectionResult]] = []
        asked = 0
        beat.turn_to(self._position)
        for event in events:
            if self.stopped:
                break
            asked += 1
            try:
                enter()
                result = evaluate(detection, event)
                leave()
            except _LATE_ERRORS as error:
                leave()
                result = self._failed(error)
            if result is NOT_MATCHED:
                continue
            if result.error is not None:
                self._count(result.error, errors)
            elif self._may_match():
                found.append((event, result))
        if beat.check is not None:
            beat.check()
        self._asked_about += asked
        return found

    def _needs_row(self, event: RowEvent, result: DetectionResult) -> bool:
        """Whether the whole row will be asked for: to be kept, or because it tells the event apart."""
        left = self._events_left.get(result.dedup, self._limits.events_per_alert)
        return left > 0 or self._identities.are_of_content(event)

    def _may_match(self) -> bool:
        """Whether one more match is within the limit of the rule."""
        self._matches_left -= 1
        if self._matches_left < 0:
            limit = self._limits.matches
            self.stopped = f"the rule {self.rule_id!r} matched more than {limit} rows (limits.matches)"
        return not self.stopped

    def _failed(self, error: BaseException) -> DetectionResult:
        fault = failure(error, rule_id=self.rule_id, function="rule", filename=self._detection.filename)
        return NOT_MATCHED._replace(error=fault)

    def _count(self, error: DetectionError | None, errors: RuleErrors) -> None:
        """Count an error, and stop if the rule has used up its share of the run by running out of time.

        All rules together can lose half of the run that way: the other half is for the rows.
        """
        if error is None:
            return
        self._failures += 1
        errors.add(error)
        refuse_harm(error, self._limits.memory)
        if error.kind == _TIMEOUT:
            self._patience -= self._limits.evaluation_seconds
            if self._patience <= 0:
                self.stopped = (
                    f"the rule {self.rule_id!r} ran out of time too often to be asked about all rows"
                )

    def _match(self, event: RowEvent, result: DetectionResult) -> Match:
        dedup = result.dedup
        left = self._events_left.get(dedup, self._limits.events_per_alert)
        if left:
            self._events_left[dedup] = left - 1
        return Match(
            rule_id=self.rule_id,
            kind=MatchKind.MATCH.value,
            dedup=dedup,
            identity=self._identities.of_match(event, dedup),
            occurrences=1,
            unique_value=result.unique,
            details=_details(result, event),
            event=json_of(event.raw_view()).decode() if left else None,
            summary=self._summary.of_event(event),
        )


def refuse_harm(error: DetectionError, memory: int) -> None:
    """Raise `RuleDidHarm` if a rule ran out of memory, and what it keeps leaves no room for others.

    `memory` is the worker's, in bytes. A rule that asked for too much at once keeps nothing.
    """
    if error.kind != _NO_MEMORY:
        return
    try:
        mmap(-1, memory // _ROOM_SHARE, flags=MAP_PRIVATE).close()
    except OSError:
        raise RuleDidHarm(error) from error


def _details(result: DetectionResult, event: RowEvent) -> str:
    """Write what the alert says, should this match be the first of its window; see `runner.store.alerts`."""
    details: dict[str, object] = {
        "title": result.title,
        "severity": result.severity.value,
        "dedup_from": dedup_origin(result.outputs),
    }
    if result.context is not None:
        details["context"] = orjson.Fragment(result.context)
    for name in ("description", "runbook", "reference"):
        text = getattr(result, name)
        if text is not None:
            details[name] = text
    if result.destinations is not None:
        details["destinations"] = [] if result.suppressed else list(result.destinations)
    log_type = event.get("p_log_type")
    if isinstance(log_type, str):
        details["log_types"] = [log_type]
    return orjson.dumps(details).decode()


def evaluate_batch(
    batch: RowBatch,
    evaluations: Sequence[RuleEvaluation],
    beat: Beat,
    errors: RuleErrors,
    event_class: type[RowEvent] = RowEvent,
) -> Iterator[Match]:
    """Put every rule to every row of a batch, rule by rule. Raises `RuleDidHarm`."""
    events = [event_class(batch, row) for row in range(batch.length)]
    for evaluation in evaluations:
        yield from evaluation.matches(events, beat, errors)
