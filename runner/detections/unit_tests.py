"""The tests that a detection carries in its YAML: run, and judged as Panther's own tool judges them."""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runner.detections.evaluate import FILTER, evaluate_test
from runner.detections.functions import SKIP
from runner.detections.returning import returning_line
from runner.errors import DetectionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.definitions.location import Location
    from runner.definitions.unit_test import Mock, UnitTest
    from runner.detections.content import Content, Judged
    from runner.detections.detection import Detection
    from runner.detections.evaluate import DetectionResult

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
    """What one function of a detection said in a test: a text to show, or the error it ended in."""

    name: str
    output: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """How one test of a detection went.

    `functions` is what there is to show, `failures` is why the test did not pass (empty if it did), `printed` is what
    the detection wrote to stdout and stderr meanwhile, and `location` is where the test stands. `alerting` tells
    whether the test expects an alert.
    """

    name: str
    passed: bool
    matched: bool
    alerting: bool = True
    functions: tuple[FunctionOutput, ...] = ()
    failures: tuple[str, ...] = ()
    printed: str = ""
    location: Location | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A loaded detection, and what its tests are run with.

    `available` names the destinations that rules may name. If it is empty, and a test expects none, any name
    is taken for a destination. With `prints`, what the detection writes goes where the program writes.
    """

    content: Content
    definition: Judged
    detection: Detection
    available: Sequence[str] = ()
    prints: bool = False


def run_test(bench: Bench, test: UnitTest) -> TestResult:
    """Run one test. All tests of a detection share its module, and what that remembers."""
    started = time.perf_counter()
    outcome = _run(bench, test)
    return TestResult(
        name=test.name,
        passed=not outcome.failures,
        matched=outcome.matched,
        alerting=test.expected_result is bench.detection.alerts_on,
        functions=outcome.functions,
        failures=outcome.failures,
        printed=outcome.printed,
        location=test.location,
        seconds=time.perf_counter() - started,
    )


class _Outcome(NamedTuple):
    matched: bool
    functions: tuple[FunctionOutput, ...]
    failures: tuple[str, ...]
    printed: str


def _run(bench: Bench, test: UnitTest) -> _Outcome:
    if not isinstance(test.log, Mapping):
        what = "Log" if bench.detection.alerts_on else "Resource"
        return _unfit(f"{what} is {type(test.log).__name__}, expected a mapping")
    names = _names(bench.detection)
    unknown = [mock.object_name for mock in test.mocks if not _can_be_mocked(mock.object_name, names)]
    if unknown:
        return _unfit(f"the detection's module has no {', '.join(map(repr, unknown))} to mock")
    try:
        event = bench.content.event(bench.definition, test.log)
    except DetectionError as error:
        return _unfit(str(error))
    printed = io.StringIO()
    with _mocked(names, test.mocks), _captured(None if bench.prints else printed):
        result = evaluate_test(_knowing(bench, test), event)
        said = printed.getvalue()
        judgement = _Judgement(bench, test, result)
        functions = tuple(judgement.functions_shown())
        failures = tuple(judgement.failures(functions))
    return _Outcome(result.matched, functions, failures, said)


def _unfit(why: str) -> _Outcome:
    return _Outcome(matched=False, functions=(), failures=(why,), printed="")


def _names(detection: Detection) -> dict[str, Any]:
    """Return the names of a detection's module; conditions in YAML have none."""
    return {} if detection.module is None else vars(detection.module)


def _can_be_mocked(name: str, names: Mapping[str, Any]) -> bool:
    """Tell whether a test may replace a name: one of the module's own, or one of Python's that it may call, as `open`."""
    return name in names or hasattr(builtins, name)


@contextlib.contextmanager
def _mocked(names: dict[str, Any], mocks: Sequence[Mock]) -> Iterator[None]:
    """Replace names of a module by mocks for a while; rules may ask whether a name is a `MagicMock`."""
    if not mocks:
        yield
        return
    from unittest.mock import MagicMock  # noqa: PLC0415  it takes 50 ms, and few tests have mocks

    replaced = {mock.object_name: MagicMock(return_value=mock.return_value) for mock in mocks}
    before = {name: names[name] for name in replaced if name in names}
    names.update(replaced)
    try:
        yield
    finally:
        for name in replaced:
            names.pop(name, None)
        names.update(before)


@contextlib.contextmanager
def _captured(into: io.StringIO | None) -> Iterator[None]:
    """Keep what is printed, if there is something to keep it in."""
    if into is None:
        yield
        return
    with contextlib.redirect_stdout(into), contextlib.redirect_stderr(into):
        yield


def _knowing(bench: Bench, test: UnitTest) -> Detection:
    """Return the detection with the destinations that this test may name; a mocked function is called as a mock."""
    detection = bench.detection
    names = (*bench.available, *(test.expected_destinations or ()))
    if names:
        known = {name: name for name in names}
        detection = replace(detection, standing=replace(detection.standing, destinations=known, skips=False))
    if not test.mocks:
        return detection
    found = _names(detection)
    return replace(
        detection,
        matcher=found[detection.matcher_name],
        functions=tuple((entry, found[entry.name]) for entry, _ in detection.functions),
    )


class _Judgement:
    """What a test expected, and what came of it."""

    def __init__(self, bench: Bench, test: UnitTest, result: DetectionResult) -> None:
        self._bench = bench
        self._detection = bench.detection
        self._test = test
        self._result = result
        self._alerting = test.expected_result is bench.detection.alerts_on

    def failures(self, functions: Sequence[FunctionOutput]) -> Iterator[str]:
        """Say why the test fails: a sentence for the matcher, for each function that failed, for the destinations."""
        result, matcher = self._result, self._detection.matcher_name
        if result.error is None and result.matched is not self._alerting:
            answer, expected = _text(self._answer), _text(self._test.expected_result)
            yield f"{matcher}: returned {answer}, expected {expected}{self._line_of(matcher)}"
        yield from (f"{shown.name}: {shown.error}" for shown in functions if shown.error is not None)
        expected_names = self._test.expected_destinations
        if self._alerting and expected_names is not None and "destinations" not in result.function_errors:
            actual = sorted(result.destinations or ())
            if actual != sorted(expected_names or (SKIP,)):
                yield f"destinations: {_text(actual)}, expected {_text(sorted(expected_names))}"

    def functions_shown(self) -> Iterator[FunctionOutput]:
        """Say what the functions gave: only the matcher, where no alert was expected.

        A rule that makes no alerts shows no more than its context, but a function that failed is always shown:
        it makes the test fail.
        """
        error, matcher = self._result.error, self._detection.matcher_name
        if error is not None:
            yield FunctionOutput(name=error.function, error=self._said(error))
        else:
            yield FunctionOutput(name=matcher, output=_text(self._answer))
        if not self._alerting:
            return
        creates_alert = getattr(self._bench.definition, "create_alert", True)
        for function, label in _SHOWN.items():
            failed = self._result.function_errors.get(function)
            if failed is not None:
                yield FunctionOutput(name=label, error=self._said(failed))
            elif creates_alert or function == "alert_context":
                output = self._output(function)
                if output is not None:
                    yield FunctionOutput(name=label, output=_text(output))

    @property
    def _answer(self) -> bool:
        """What the matcher returned: of a policy, False is what alerts."""
        return self._result.matched is self._detection.alerts_on

    def _output(self, function: str) -> Any:
        if function == "dedup":
            return self._result.dedup or None
        return self._result.outputs.get(function)

    def _said(self, error: DetectionError) -> str:
        """Return an error's message, with the line that returned what the function may not return."""
        raised_nothing = error.kind in (
            "FunctionReturnTypeError",
            "AssertionError",
            "UnknownDestinationError",
        )
        line = self._line_of(error.function) if raised_nothing and ".py:" not in error.message else ""
        return error.message + line

    def _line_of(self, function: str) -> str:
        """Return where a function of the detection returned: it is called again, now that its test has failed."""
        called = _names(self._detection).get(function)
        if function == FILTER or called is None:
            return ""
        event = self._bench.content.event(self._bench.definition, self._test.log)
        line = returning_line(called, event)
        return "" if line is None else f": {line}"


def _text(output: Any) -> str:
    return str(output) if isinstance(output, str) else json.dumps(output)
