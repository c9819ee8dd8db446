"""How the verdicts of `runner test` look: for people, for programs, for JUnit's readers, and for GitHub."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import click

from runner.cli.wording import complain, counted, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.definitions.location import Location
    from runner.detections.unit_tests import TestResult
    from runner.errors import DefinitionError


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """How one detection did: its tests, and what speaks against it beside them."""

    detection_id: str
    kind: str
    location: Location
    results: tuple[TestResult, ...] = ()
    faults: tuple[str, ...] = ()
    """Why it fails whatever its tests say: it cannot be loaded, or has too few of them."""

    @property
    def passed(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.faults and all(result.passed for result in self.results)

    @property
    def coverage(self) -> str:
        """Which cases its tests cover: `both`, `alerting`, `quiet`, or `none`."""
        cases = {result.alerting for result in self.results}
        if len(cases) > 1:
            return "both"
        return "none" if not cases else "alerting" if True in cases else "quiet"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a call of the command found."""

    verdicts: tuple[Verdict, ...]
    errors: tuple[DefinitionError, ...] = ()
    skipped: tuple[str, ...] = ()
    """The ids of detections that were not tested, though they were asked for."""
    passed_over: tuple[str, ...] = ()
    """The ids of detections that fail by conditions written in YAML alone, which do not count, each with what fails."""
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.errors and all(verdict.passed for verdict in self.verdicts)


class Report(Protocol):
    """A way of telling verdicts: each as it comes, and all at the end."""

    def tell(self, verdict: Verdict) -> None:
        """Tell one verdict."""
        ...

    def end(self, outcome: Outcome) -> None:
        """Tell what is left when all are there."""
        ...


def report_in(form: str, *, failures_only: bool) -> Report:
    """Return the report of a form: text, json, junit or github."""
    if form == "json":
        return JsonReport()
    if form == "junit":
        from runner.cli.junit import JunitReport  # noqa: PLC0415  XML takes 15 ms, and nobody else needs it

        return JunitReport()
    return GithubReport() if form == "github" else TextReport(failures_only=failures_only)


class TextReport:
    """For people: every test with what its functions gave, and a summary."""

    def __init__(self, *, failures_only: bool) -> None:
        self._failures_only = failures_only

    def tell(self, verdict: Verdict) -> None:
        """Print a detection and its tests, or of these only what failed."""
        if self._failures_only and verdict.passed:
            return
        click.echo(verdict.detection_id)
        for fault in verdict.faults:
            click.echo(f"\t{_mark(passed=False)} {fault}")
        if not verdict.results and not verdict.faults:
            click.echo("\tno tests")
        for result in verdict.results:
            if not (self._failures_only and result.passed):
                _show_result(result)
        click.echo()

    def end(self, outcome: Outcome) -> None:
        """Print the counts, what is to be mended, and what the tests do not cover."""
        complain(outcome.errors)
        verdicts = outcome.verdicts
        results = [result for verdict in verdicts for result in verdict.results]
        failed = sum(not result.passed for result in results)
        click.echo(
            f"{counted(len(verdicts), 'detection')}, {counted(len(results), 'test')}: "
            f"{len(results) - failed:,} passed, {failed:,} failed."
        )
        _list("To mend", [verdict.detection_id for verdict in verdicts if not verdict.passed])
        _list("Skipped", outcome.skipped)
        _list("Passed over without --conditions", outcome.passed_over)
        _list(
            "Without tests", [one.detection_id for one in verdicts if one.coverage == "none" and one.passed]
        )
        if verdicts:
            click.echo(_coverage(verdicts))
        if outcome.note:
            click.echo(outcome.note)


def _list(heading: str, ids: Sequence[str]) -> None:
    if ids:
        click.echo(f"{heading} ({len(ids):,}): {', '.join(ids)}")


def _coverage(verdicts: Sequence[Verdict]) -> str:
    counts = Counter(verdict.coverage for verdict in verdicts)
    return (
        f"Coverage: {counts['both']:,} with tests that alert and tests that do not, {counts['alerting']:,} only with "
        f"tests that alert, {counts['quiet']:,} only with tests that do not, {counts['none']:,} without tests."
    )


def _show_result(result: TestResult) -> None:
    click.echo(f"\t{_mark(passed=result.passed)} {result.name}")
    for line in result.printed.splitlines():
        click.echo(f"\t\t{click.style(line, dim=True)}")
    for function in result.functions:
        shown = function.output if function.error is None else function.error
        click.echo(f"\t\t{_mark(passed=function.error is None)} [{function.name}] {shown}")
    for failure in result.failures:
        click.echo(f"\t\t{click.style(failure, fg='red')}")
    if not result.passed and result.location is not None:
        click.echo(f"\t\t{click.style(str(result.location), dim=True)}")


def _mark(*, passed: bool) -> str:
    return click.style("[PASS]", fg="green") if passed else click.style("[FAIL]", fg="red")


class JsonReport:
    """For programs: one document."""

    def tell(self, verdict: Verdict) -> None:
        """Wait for the end."""

    def end(self, outcome: Outcome) -> None:
        """Print the document."""
        verdicts = outcome.verdicts
        print_json(
            {
                "passed": outcome.passed,
                "definition_errors": [str(error) for error in outcome.errors],
                "detections": [_fields_of_verdict(verdict) for verdict in verdicts],
                "skipped": outcome.skipped,
                "passed_over": outcome.passed_over,
                "coverage": Counter(verdict.coverage for verdict in verdicts),
            }
        )


def _fields_of_verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.detection_id,
        "type": verdict.kind,
        "file": verdict.location.path.as_posix(),
        "passed": verdict.passed,
        "faults": verdict.faults,
        "coverage": verdict.coverage,
        "tests": [_fields_of_result(result) for result in verdict.results],
    }


def _fields_of_result(result: TestResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "passed": result.passed,
        "matched": result.matched,
        "line": result.location.line if result.location else None,
        "failures": result.failures,
        "printed": result.printed,
        "functions": [
            {"name": function.name, "output": function.output, "error": function.error}
            for function in result.functions
        ],
    }


class GithubReport:
    """For GitHub: an annotation on the line of each test that failed, and of each definition at fault."""

    def tell(self, verdict: Verdict) -> None:
        """Print what is wrong with a detection, as workflow commands."""
        for fault in verdict.faults:
            click.echo(_annotation(verdict.location, verdict.detection_id, fault))
        for result in verdict.results:
            if not result.passed:
                title = f"{verdict.detection_id}: {result.name}"
                click.echo(
                    _annotation(result.location or verdict.location, title, "\n".join(result.failures))
                )

    def end(self, outcome: Outcome) -> None:
        """Print the faults of definitions, and a line with the counts."""
        for error in outcome.errors:
            click.echo(_annotation(error.location, error.code or "definition", error.message))
        failed = sum(not verdict.passed for verdict in outcome.verdicts)
        click.echo(f"{counted(len(outcome.verdicts), 'detection')}, {failed:,} failed.")


def _annotation(location: Location, title: str, message: str) -> str:
    properties = {"file": location.path.as_posix(), "line": location.line, "title": title}
    listed = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items())
    return f"::error {listed}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    """Escape what ends a line or a property of a workflow command."""
    return "".join(_escapes(text, more))


def _escapes(text: str, more: str) -> Iterator[str]:
    for character in text:
        yield f"%{ord(character):02X}" if character in "%\r\n" + more else character
