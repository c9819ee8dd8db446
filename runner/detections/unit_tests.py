"""The tests that a rule carries in its YAML: run, and judged as Panther's own tool judges them."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import MagicMock

from runner.detections.evaluate import evaluate_test
from runner.detections.event import Event, plain_copy
from runner.detections.functions import SKIP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.definitions.unit_test import Mock, UnitTest
    from runner.detections.evaluate import DetectionResult
    from runner.detections.loading import Detection

_SHOWN: Final = {
    "title": "title",
    "dedup": "dedup",
    "alert_context": "alertContext",
    "description": "description",
    "reference": "reference",
    "severity": "severity",
    "runbook": "runbook",
    "destinations": "destinations",
    "unique": "unique",
}
"""Function → its label, in the order in which Panther's tool shows them (it does not show `unique`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOutput:
    """What one function of a rule said in a test: a text to show, or the error it ended in."""

    name: str
    output: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """How one test of a rule went.

    `functions` is what there is to show, `failures` is why the test did not pass (empty if it did), and
    `printed` is what the rule wrote to stdout and stderr meanwhile.
    """

    name: str
    passed: bool
    matched: bool
    functions: tuple[FunctionOutput, ...] = ()
    failures: tuple[str, ...] = ()
    printed: str = ""


def run_tests(
    rule: ScheduledRule, detection: Detection, *, available: Sequence[str] = ()
) -> tuple[TestResult, ...]:
    """Run every test of a rule, in the order of the file, on one loaded module.

    `available` names the destinations that rules may name. If it is empty, and a test expects none, any name
    is taken for a destination.
    """
    return tuple(_run(rule, test, detection, available) for test in rule.tests)


def _run(rule: ScheduledRule, test: UnitTest, detection: Detection, available: Sequence[str]) -> TestResult:
    if not isinstance(test.log, Mapping):
        return _unfit(test, f"Log is {type(test.log).__name__}, expected a mapping")
    unknown = [mock.object_name for mock in test.mocks if mock.object_name not in vars(detection.module)]
    if unknown:
        return _unfit(test, f"the rule's module has no {', '.join(map(repr, unknown))} to mock")
    printed = io.StringIO()
    with (
        _mocked(detection.module, test.mocks),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        result = evaluate_test(_knowing(detection, test, available), Event(plain_copy(test.log)))
    return _judged(rule, test, result, printed.getvalue())


def _unfit(test: UnitTest, why: str) -> TestResult:
    return TestResult(name=test.name, passed=False, matched=False, failures=(why,))


@contextlib.contextmanager
def _mocked(module: ModuleType, mocks: Sequence[Mock]) -> Iterator[None]:
    """Replace names of a module by mocks for a while; rules may ask whether a name is a `MagicMock`."""
    names = vars(module)
    before = {mock.object_name: names[mock.object_name] for mock in mocks}
    names.update({mock.object_name: MagicMock(return_value=mock.return_value) for mock in mocks})
    try:
        yield
    finally:
        names.update(before)


def _knowing(detection: Detection, test: UnitTest, available: Sequence[str]) -> Detection:
    """Return the detection with the destinations that this test may name."""
    names = (*available, *(test.expected_destinations or ()))
    known = {name: name for name in names} if names else None
    standing = replace(detection.standing, destinations=known, skips=known is None)
    return replace(detection, standing=standing)


def _judged(rule: ScheduledRule, test: UnitTest, result: DetectionResult, printed: str) -> TestResult:
    functions = tuple(_functions_shown(rule, test, result))
    failures = tuple(_failures(test, result, functions))
    return TestResult(
        name=test.name,
        passed=not failures,
        matched=result.matched,
        functions=functions,
        failures=failures,
        printed=printed,
    )


def _failures(test: UnitTest, result: DetectionResult, functions: Sequence[FunctionOutput]) -> Iterator[str]:
    if result.error is None and result.matched != test.expected_result:
        yield f"rule: returned {_text(result.matched)}, expected {_text(test.expected_result)}"
    yield from (f"{shown.name}: {shown.error}" for shown in functions if shown.error is not None)
    expected = test.expected_destinations
    if test.expected_result and expected is not None and "destinations" not in result.function_errors:
        actual = sorted(result.destinations or ())
        if actual != sorted(expected or (SKIP,)):
            yield f"destinations: {_text(actual)}, expected {_text(sorted(expected))}"


def _functions_shown(
    rule: ScheduledRule, test: UnitTest, result: DetectionResult
) -> Iterator[FunctionOutput]:
    """Say what the functions gave: only `rule`, where no match was expected.

    A rule that makes no alerts shows no more than its context, but a function that failed is always shown:
    it makes the test fail.
    """
    if result.error is not None:
        yield FunctionOutput(name=result.error.function, error=result.error.message)
    else:
        yield FunctionOutput(name="rule", output=_text(result.matched))
    if not test.expected_result:
        return
    for function, label in _SHOWN.items():
        error = result.function_errors.get(function)
        if error is not None:
            yield FunctionOutput(name=label, error=error.message)
        elif rule.create_alert or function == "alert_context":
            output = (result.dedup or None) if function == "dedup" else result.outputs.get(function)
            if output is not None:
                yield FunctionOutput(name=label, output=_text(output))


def _text(output: Any) -> str:
    return str(output) if isinstance(output, str) else json.dumps(output)
