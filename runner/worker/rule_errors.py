"""The errors of rules in one run, on their way to becoming alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from runner.alerts.match import Match, MatchKind
from runner.worker.identity import Identities

if TYPE_CHECKING:
    from runner.errors import DetectionError
    from runner.worker.job import Job


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
        """How often a rule failed."""
        return sum(self._counts.values())

    @property
    def first(self) -> tuple[DetectionError, ...]:
        """The first error of each kind of each rule."""
        return tuple(self._first.values())

    def matches(self) -> list[Match]:
        """Return one match for each kind of error of each rule."""
        return [_error_match(self._job, error, self._counts[key]) for key, error in self._first.items()]


def _error_match(job: Job, error: DetectionError, occurrences: int) -> Match:
    """Return the match that makes a scheduled rule error alert: its dedup string is the kind of error."""
    rule = next(rule for rule in job.rules if rule.rule_id == error.rule_id)
    details = {
        "title": error.title,
        "severity": rule.severity.value,
        "dedup_from": "error",
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
