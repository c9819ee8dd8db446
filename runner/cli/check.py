"""`runner check`: every fault of every definition and query, without running any."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli import output
from runner.cli.options import Scope, find_scope, format_option, lake_option
from runner.cli.output import counted
from runner.clock import SystemClock
from runner.definitions.catalogue import read_catalogue
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.runs.query_check import check_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.kind import Kind
    from runner.definitions.notice import Notice
    from runner.errors import DefinitionError


@dataclass(frozen=True, kw_only=True, slots=True)
class _Findings:
    """What is wrong, and what deserves a second look."""

    errors: Sequence[DefinitionError]
    notices: Sequence[Notice]


@click.command(name="check")
@click.argument("path", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--strict", is_flag=True, help="Let warnings fail the check too.")
@click.option("--no-lake", is_flag=True, help="Leave out what only the lake shows: tables, columns, types.")
@lake_option
@format_option("text", "json")
def command(
    path: Path | None,
    strict: bool,  # noqa: FBT001  click passes options by name
    no_lake: bool,  # noqa: FBT001  as above
    lake: str | None,
    output_format: str,
) -> int:
    """Check every definition under PATH (default: the project folder) and compile its queries.

    A folder within a project is checked as a part of it: its rules may listen to queries elsewhere.
    No rule is run and no row is read. Each finding has its place and a stable code; the reference explains the
    codes. The exit code is 1 if there are errors.
    """
    scope = find_scope(path, lake__location=lake)
    catalogue = read_catalogue(
        scope.settings.root,
        exclude=scope.settings.not_definitions,
        destinations=scope.settings["destinations.known"],
    )
    findings = _findings(catalogue, scope, with_lake=not no_lake)
    show = _show_json if output_format == "json" else _show_text
    show(_counts(catalogue, scope), findings)
    return int(bool(findings.errors) or (strict and bool(findings.notices)))


def _counts(catalogue: Catalogue, scope: Scope) -> Mapping[Kind, int]:
    """Count the files of each kind in the scope, sound or not."""
    return catalogue.counts if scope.is_whole else read_catalogue(scope.folder).counts


def _findings(catalogue: Catalogue, scope: Scope, *, with_lake: bool) -> _Findings:
    errors = [error for error in catalogue.errors if scope.holds(error.location)]
    notices = [notice for notice in catalogue.warnings if scope.holds(notice.location)]
    lake = scope.settings.lake
    if with_lake and lake.is_dir():
        of_queries = _check_on_lake(catalogue, scope)
        errors += of_queries.errors
        notices += of_queries.notices
    elif with_lake:
        output.complain([f"note: there is no lake at {lake}, so tables and columns were not checked"])
    return _Findings(errors=sorted(errors, key=_place), notices=sorted(notices, key=_place))


def _check_on_lake(catalogue: Catalogue, scope: Scope) -> _Findings:
    queries = [query for query in catalogue.queries.values() if scope.holds(query.location)]
    with tempfile.TemporaryDirectory() as spill:
        limits = EngineLimits(memory=scope.settings["workers.memory"] // 2, spill=Path(spill))
        engine = DuckDBEngine(scope.settings.lake, limits)
        errors, notices = check_queries(queries, engine, SystemClock().now())
        engine.close()
    return _Findings(errors=errors, notices=notices)


def _place(finding: DefinitionError | Notice) -> tuple[str, int, int]:
    return str(finding.location.path), finding.location.line, finding.location.column


def _show_text(counts: Mapping[Kind, int], findings: _Findings) -> None:
    for error in findings.errors:
        click.echo(f"{click.style('error', fg='red', bold=True)}   {error}")
    for notice in findings.notices:
        click.echo(f"{click.style('warning', fg='yellow')} {notice}")
    kinds = ", ".join(f"{count:,} {kind.value}" for kind, count in sorted(counts.items()))
    click.echo(f"Checked {kinds or 'no definitions'}.")
    click.echo(f"{counted(len(findings.errors), 'error')}, {counted(len(findings.notices), 'warning')}.")


def _show_json(counts: Mapping[Kind, int], findings: _Findings) -> None:
    output.print_json(
        {
            "counts": {kind.value: count for kind, count in sorted(counts.items())},
            "errors": [_fields(error) for error in findings.errors],
            "warnings": [_fields(notice) for notice in findings.notices],
        }
    )


def _fields(finding: DefinitionError | Notice) -> dict[str, Any]:
    return {
        "file": str(finding.location.path),
        "line": finding.location.line,
        "column": finding.location.column,
        "code": str(finding.code),
        "message": finding.message,
    }
