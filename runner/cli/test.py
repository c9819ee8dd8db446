"""`runner test`: the unit tests that rules carry in their YAML."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli import output
from runner.cli.options import Scope, find_scope, format_option
from runner.cli.output import counted
from runner.definitions.catalogue import read_catalogue
from runner.worker.rule_tests import RuleReport, RuleTests, run_tests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.detections.unit_tests import TestResult
    from runner.errors import DefinitionError


@click.command(name="test")
@click.argument("path", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--rule", "rule_ids", multiple=True, help="Only the rule with this id; may be repeated.")
@click.option(
    "--available-destination",
    "destinations",
    multiple=True,
    help="A destination that rules may name; may be repeated. Without any, every name will do.",
)
@click.option("--show-failures-only", is_flag=True, help="Print only the tests that failed.")
@format_option("text", "json")
def command(
    path: Path | None,
    rule_ids: tuple[str, ...],
    destinations: tuple[str, ...],
    show_failures_only: bool,  # noqa: FBT001  click passes options by name
    output_format: str,
) -> int:
    """Run the unit tests of the rules under PATH (default: the project folder).

    A folder within a project is tested as a part of it: its rules find the helpers that lie elsewhere.
    Each rule is judged by the same code that evaluates it in a run. The exit code is 1 if a test fails, a rule
    cannot be loaded, or a definition is wrong.
    """
    scope = find_scope(path)
    settings = scope.settings
    catalogue = read_catalogue(settings.root, exclude=settings.not_definitions)
    errors = [error for error in catalogue.errors if scope.holds(error.location)]
    tests = RuleTests(
        rules=_chosen(catalogue, scope, rule_ids),
        helpers=catalogue.helper_sources(),
        root=settings.root,
        seconds=settings["limits.evaluation_seconds"],
        destinations=destinations,
    )
    reports = []
    for report in run_tests(tests):
        reports.append(report)
        if output_format == "text":
            _show(report, failures_only=show_failures_only)
    summarise = _show_json if output_format == "json" else _summarise
    summarise(errors, reports)
    return int(bool(errors) or not all(report.passed for report in reports))


def _chosen(catalogue: Catalogue, scope: Scope, rule_ids: Sequence[str]) -> tuple[ScheduledRule, ...]:
    there = {rule_id: rule for rule_id, rule in catalogue.rules.items() if scope.holds(rule.location)}
    for rule_id in rule_ids:
        if rule_id not in there:
            near = difflib.get_close_matches(rule_id, there, n=1, cutoff=0.5)
            hint = f": did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"there is no rule {rule_id!r}{hint}")
    return tuple(rule for rule_id, rule in sorted(there.items()) if not rule_ids or rule_id in rule_ids)


def _show(report: RuleReport, *, failures_only: bool) -> None:
    if failures_only and report.passed:
        return
    click.echo(report.rule_id)
    if report.fault is not None:
        click.echo(f"\t{_mark(passed=False)} {report.fault}")
    elif not report.results:
        click.echo("\tno tests")
    for result in report.results:
        if not (failures_only and result.passed):
            _show_result(result)
    click.echo()


def _show_result(result: TestResult) -> None:
    click.echo(f"\t{_mark(passed=result.passed)} {result.name}")
    for line in result.printed.splitlines():
        click.echo(f"\t\t{click.style(line, dim=True)}")
    for function in result.functions:
        shown = function.output if function.error is None else function.error
        click.echo(f"\t\t{_mark(passed=function.error is None)} [{function.name}] {shown}")
    for failure in result.failures:
        click.echo(f"\t\t{click.style(failure, fg='red')}")


def _mark(*, passed: bool) -> str:
    return click.style("[PASS]", fg="green") if passed else click.style("[FAIL]", fg="red")


def _summarise(errors: Sequence[DefinitionError], reports: Sequence[RuleReport]) -> None:
    output.complain(errors)
    results = [result for report in reports for result in report.results]
    failed = [result for result in results if not result.passed]
    faulty = [report.rule_id for report in reports if not report.passed]
    untested = [report.rule_id for report in reports if report.fault is None and not report.results]
    click.echo(
        f"{counted(len(reports), 'rule')}, {counted(len(results), 'test')}: "
        f"{len(results) - len(failed):,} passed, {len(failed):,} failed."
    )
    if faulty:
        click.echo(f"To mend: {', '.join(faulty)}")
    if untested:
        click.echo(f"Without tests: {', '.join(untested)}")


def _show_json(errors: Sequence[DefinitionError], reports: Sequence[RuleReport]) -> None:
    output.print_json(
        {
            "definition_errors": [str(error) for error in errors],
            "rules": [
                {
                    "rule_id": report.rule_id,
                    "passed": report.passed,
                    "fault": report.fault,
                    "tests": [_fields(result) for result in report.results],
                }
                for report in reports
            ],
        }
    )


def _fields(result: TestResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "passed": result.passed,
        "matched": result.matched,
        "failures": result.failures,
        "printed": result.printed,
        "functions": [
            {"name": function.name, "output": function.output, "error": function.error}
            for function in result.functions
        ],
    }
