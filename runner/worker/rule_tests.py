"""The tests that rules carry, run in a process apart: a rule that hangs or exits fails its own tests only."""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.detections import unit_tests
from runner.detections.evaluate import EvaluationTimeout
from runner.detections.loading import Namespace
from runner.errors import DetectionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from runner.definitions.python_source import PythonSource
    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.detections.loading import Detection

_GRACE_SECONDS = 2.0
_CONTEXT = multiprocessing.get_context("forkserver")


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleTests:
    """Rules to test, and what they need for it."""

    rules: tuple[ScheduledRule, ...]
    helpers: Mapping[str, PythonSource]
    root: Path
    """The project folder: what the paths of the rules' Python are relative to."""
    seconds: float
    """How long one test may take."""
    destinations: tuple[str, ...] = ()
    """The destinations that rules may name; if there are none, any name will do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleReport:
    """How the tests of one rule went; with `fault`, the rule could not be loaded, or ended its process."""

    rule_id: str
    results: tuple[unit_tests.TestResult, ...] = ()
    fault: str | None = None

    @property
    def passed(self) -> bool:
        """Whether there is nothing to mend."""
        return self.fault is None and all(result.passed for result in self.results)


def run_tests(tests: RuleTests) -> Iterator[RuleReport]:
    """Test rules in order, yielding each rule's report as it is done."""
    rest = tests.rules
    while rest:
        done = 0
        for report in _run_in_process(replace(tests, rules=rest)):
            done += 1
            yield report
        rest = rest[done:]


def _run_in_process(tests: RuleTests) -> Iterator[RuleReport]:
    """Start a process and yield what it reports; if it dies, its last report is about the rule at fault."""
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_serve, args=(theirs, tests), daemon=True)
    process.start()
    theirs.close()
    try:
        for rule in tests.rules:
            report = _receive(ours, rule, tests.seconds)
            yield report or RuleReport(rule_id=rule.rule_id, fault="it ended the process it ran in, or hung")
            if report is None:
                return
    finally:
        process.kill()
        process.join()
        ours.close()


def _receive(connection: Connection, rule: ScheduledRule, seconds: float) -> RuleReport | None:
    patience = (seconds + _GRACE_SECONDS) * (1 + len(rule.tests))
    try:
        if not connection.poll(patience):
            return None
        report: RuleReport = connection.recv()
    except (EOFError, OSError):
        return None
    return report


def _serve(connection: Connection, tests: RuleTests) -> None:
    """Run in the process apart: load each rule and run its tests, each within its time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    namespace = Namespace(tests.helpers, root=tests.root)
    for rule in tests.rules:
        connection.send(_report(namespace, rule, tests))


def _report(namespace: Namespace, rule: ScheduledRule, tests: RuleTests) -> RuleReport:
    try:
        with _limited(tests.seconds):
            detection = namespace.load(
                rule.python, rule_id=rule.rule_id, severity=rule.severity, display_name=rule.display_name
            )
    except DetectionError as error:
        return RuleReport(rule_id=rule.rule_id, fault=f"{error.kind}: {error.message}")
    return RuleReport(rule_id=rule.rule_id, results=tuple(_results(rule, detection, tests)))


def _results(rule: ScheduledRule, detection: Detection, tests: RuleTests) -> Iterator[unit_tests.TestResult]:
    for test in rule.tests:
        with _limited(tests.seconds):
            results: Sequence[unit_tests.TestResult] = unit_tests.run_tests(
                replace(rule, tests=(test,)), detection, available=tests.destinations
            )
        yield from results


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise `EvaluationTimeout` into what runs here if it takes too long."""

    def stop(_number: int, _frame: object) -> None:
        raise EvaluationTimeout(f"it took longer than {seconds:g} seconds")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
