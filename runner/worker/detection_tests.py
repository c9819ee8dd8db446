"""The tests of detections, run in processes apart: one that hangs or exits fails its own tests only."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from runner.definitions.policy import Policy
from runner.detections.content import Content
from runner.detections.evaluate import EvaluationTimeout
from runner.detections.unit_tests import Bench, run_test
from runner.errors import DetectionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from runner.detections.content import ContentSources, Judged
    from runner.detections.unit_tests import TestResult

_GRACE_SECONDS = 2.0
_LEAST_PER_PROCESS = 20
"""Detections: fewer are tested sooner by one process than by two."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionTests:
    """Detections to test, and what they need for it."""

    definitions: tuple[Judged, ...]
    sources: ContentSources
    seconds: float
    """How long one test may take."""
    destinations: tuple[str, ...] = ()
    """The destinations that rules may name; if there are none, any name will do."""
    names: frozenset[str] = frozenset()
    """The names of the tests to run; none means all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionReport:
    """How the tests of one detection went; with `fault`, it could not be loaded, or ended its process."""

    detection_id: str
    results: tuple[TestResult, ...] = ()
    fault: str | None = None

    @property
    def passed(self) -> bool:
        """Whether there is nothing to mend."""
        return self.fault is None and all(result.passed for result in self.results)


def id_of(definition: Judged) -> str:
    """Return the id of a rule or a policy."""
    return definition.policy_id if isinstance(definition, Policy) else definition.rule_id


def run_tests(tests: DetectionTests, *, workers: int = 1) -> Iterator[DetectionReport]:
    """Test detections in several processes, yielding each one's report in the order of the definitions."""
    count = max(1, min(workers, len(tests.definitions) // _LEAST_PER_PROCESS))
    bench = [_Process(tests, range(number, len(tests.definitions), count)) for number in range(count)]
    reports: dict[int, DetectionReport] = {}
    try:
        for place in range(len(tests.definitions)):
            while place not in reports:
                reports.update(_next_reports(bench))
            yield reports.pop(place)
    finally:
        for process in bench:
            process.end()


def _next_reports(bench: Sequence[_Process]) -> dict[int, DetectionReport]:
    """Wait until a process has something to say, or has been silent for too long."""
    waiting = [process for process in bench if process.places]
    patience = min(process.deadline for process in waiting) - time.monotonic()
    ready = wait([process.connection for process in waiting], max(patience, 0))
    late = time.monotonic()
    found = {}
    for process in waiting:
        if process.connection in ready or process.deadline <= late:
            place, report = process.report(is_late=process.connection not in ready)
            found[place] = report
    return found


class _Process:
    """A process that tests the detections at some places, one after the other; it is started again when it dies."""

    def __init__(self, tests: DetectionTests, places: Sequence[int]) -> None:
        self.places = list(places)
        """What is still to be reported."""
        self._tests = tests
        self._start()

    def _start(self) -> None:
        context = _context()
        self.connection, theirs = context.Pipe()
        sys.stdout.flush()  # what waits to be written would be written by the new process too
        process = context.Process(target=_serve, args=(theirs, self._tests, self.places), daemon=True)
        process.start()
        self._process = process
        theirs.close()
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Set the moment at which the next report is overdue."""
        if self.places:
            tests = len(self._tests.definitions[self.places[0]].tests)
            self.deadline = time.monotonic() + (self._tests.seconds + _GRACE_SECONDS) * (1 + tests)

    def report(self, *, is_late: bool) -> tuple[int, DetectionReport]:
        """Return the next place and its report; a process that is late or gone is replaced."""
        place = self.places.pop(0)
        report = None if is_late else self._received()
        if report is None:
            detection_id = id_of(self._tests.definitions[place])
            report = DetectionReport(
                detection_id=detection_id, fault="it ended the process it ran in, or hung"
            )
            self.end()
            if self.places:
                self._start()
        self._look_ahead()
        return place, report

    def _received(self) -> DetectionReport | None:
        try:
            report: DetectionReport = self.connection.recv()
        except (EOFError, OSError):
            return None
        return report

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.join()
        self.connection.close()


def _context() -> Any:
    """Return how processes are made.

    A fork has all definitions already, and starts in a hundredth of the time; it would also have the locks of other
    threads, held for ever, so with other threads around processes are made the slow way.
    """
    return multiprocessing.get_context("fork" if threading.active_count() == 1 else "forkserver")


def _serve(connection: Connection, tests: DetectionTests, places: Sequence[int]) -> None:
    """Run in the process apart: load each detection and run its tests, each within its time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    gc.freeze()  # what came with the fork stays as long as the process
    content = Content(tests.sources)
    for place in places:
        connection.send(_report(content, tests.definitions[place], tests))


def _report(content: Content, definition: Judged, tests: DetectionTests) -> DetectionReport:
    try:
        with _limited(tests.seconds):
            detection = content.load(definition)
    except DetectionError as error:
        return DetectionReport(detection_id=id_of(definition), fault=f"{error.kind}: {error.message}")
    bench = Bench(content=content, definition=definition, detection=detection, available=tests.destinations)
    return DetectionReport(
        detection_id=id_of(definition), results=tuple(_results(bench, tests.names, tests.seconds))
    )


def _results(bench: Bench, names: frozenset[str], seconds: float) -> Iterator[TestResult]:
    for test in bench.definition.tests:
        if not names or test.name in names:
            with _limited(seconds):
                result = run_test(bench, test)
            yield result


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
