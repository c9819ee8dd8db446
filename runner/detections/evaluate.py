"""A Detection and an Event → a DetectionResult."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runner.definitions.frozen_mapping import FrozenMapping
from runner.definitions.severity import Severity
from runner.detections import functions
from runner.detections.failures import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.detections.detection import Detection
    from runner.detections.functions import Standing
    from runner.errors import DetectionError


FILTER: Final = "filter"
"""What stands for the function at fault when an inline filter failed."""


class EvaluationTimeout(BaseException):
    """A rule took longer over one row than it may; raised into it by a watchdog.

    No ordinary `except Exception` of a rule can swallow it.
    """


class DetectionResult(NamedTuple):
    """What a rule said of one row.

    `matched` and `error` exclude each other; the fields below them say something of a match only, and are
    what the alert is made of, with the rule's static side filled in. Of the texts that stay None, and of the
    destinations, the alert takes the rule's own.

    A named tuple, not a frozen dataclass: that takes five times as long to make, and most scheduled rules
    match every row.
    """

    matched: bool
    error: DetectionError | None = None
    """Why there is no answer: the rule raised, or did not return a truth value, or took too long."""
    title: str = ""
    dedup: str = ""
    severity: Severity = Severity.INFO
    description: str | None = None
    runbook: str | None = None
    reference: str | None = None
    destinations: tuple[str, ...] | None = None
    """Ids, at most 10; None is the default routing, and `("SKIP",)` is nobody."""
    context: str | None = None
    """JSON, at most 204,800 characters; None if the rule has no `alert_context`."""
    unique: str | None = None
    """The value of which distinct ones count toward the threshold."""
    function_errors: Mapping[str, DetectionError] = FrozenMapping()
    """Which optional functions failed; the fields above then hold what stands in for them."""
    outputs: Mapping[str, Any] = FrozenMapping()
    """What each optional function gave, by name, before the static side was filled in."""

    @property
    def suppressed(self) -> bool:
        """Whether the rule asks that nobody be told."""
        return self.destinations == (functions.SKIP,)


NOT_MATCHED: Final = DetectionResult(matched=False)
"""The answer for most rows; one object for all of them."""


def evaluate(detection: Detection, event: Any) -> DetectionResult:
    """Ask a rule or policy about an event, and of a match what its alert shall say.

    The event is an `Event`; a policy gets its resource as a plain dict. Whatever the detection's Python does, this
    returns: an error of `rule` is the result's `error`, and one of the optional functions leaves its fallback.
    Running out of time in any of them is an error of the whole. (A watchdog's signal may also land between two calls,
    and then the timeout reaches the caller.)
    """
    if detection.filters is not None:
        filtered = _filtered(detection, event)
        if filtered is not None:
            return filtered
    try:
        answer = detection.matcher(event)
    except BaseException as error:  # noqa: BLE001 - foreign code: a rule may even exit
        return _failed(detection, error)
    if answer is detection.alerts_on:
        return _described(detection, event)
    if answer is True or answer is False:
        return NOT_MATCHED
    return _failed(detection, functions.wrong_type(answer, "bool"))


def evaluate_test(detection: Detection, event: Any) -> DetectionResult:
    """Ask a detection about the event of a unit test: every function is called, whatever the matcher said.

    Unlike in `evaluate`, nothing stands in for a function that failed: its output is None.
    """
    decided = evaluate(replace(detection, functions=()), event)
    if decided.error is not None and decided.error.kind == EvaluationTimeout.__name__:
        return decided
    described = _described(detection, event, strict=True)
    return described._replace(
        matched=decided.matched and described.matched, error=decided.error or described.error
    )


def _filtered(detection: Detection, event: Any) -> DetectionResult | None:
    """Return the result if the filters decide it: no match, or an error. None if the matcher is to be asked."""
    try:
        passes = detection.filters is None or detection.filters(event)
    except BaseException as error:  # noqa: BLE001 - the event's values are foreign: what they do is the rule's error
        return DetectionResult(matched=False, error=_error(detection, FILTER, error))
    return None if passes else NOT_MATCHED


def _failed(detection: Detection, error: BaseException) -> DetectionResult:
    return DetectionResult(matched=False, error=_error(detection, detection.matcher_name, error))


def _described(detection: Detection, event: Any, *, strict: bool = False) -> DetectionResult:
    """Return the result of a match, with what the optional functions say of it."""
    outputs: dict[str, Any] = {}
    errors: dict[str, DetectionError] = {}
    for entry, function in detection.functions:
        try:
            outputs[entry.name] = entry.read(function(event), detection.standing)
        except EvaluationTimeout as late:
            return DetectionResult(matched=False, error=_error(detection, entry.name, late))
        except BaseException as error:  # noqa: BLE001 - foreign code, as above
            errors[entry.name] = _error(detection, entry.name, error)
            outputs[entry.name] = None if strict else entry.fallback(error, detection.standing)
    return _match(detection.standing, outputs, errors)


def _match(
    standing: Standing, outputs: Mapping[str, Any], errors: Mapping[str, DetectionError]
) -> DetectionResult:
    return DetectionResult(
        matched=True,
        title=functions.title_of(outputs, standing),
        dedup=functions.dedup_of(outputs, standing),
        severity=outputs.get("severity") or standing.severity,
        description=outputs.get("description") or None,
        runbook=outputs.get("runbook") or None,
        reference=outputs.get("reference") or None,
        destinations=outputs.get("destinations"),
        context=outputs.get("alert_context"),
        unique=outputs.get("unique"),
        function_errors=errors,
        outputs=outputs,
    )


def _error(detection: Detection, function: str, error: BaseException) -> DetectionError:
    return failure(error, rule_id=detection.rule_id, function=function, filename=detection.filename)
