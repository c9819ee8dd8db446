"""`runner check`: every fault of every definition and query, without running any."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from contextlib import closing
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import output
from runner.cli.check_formats import FORMATS, Findings
from runner.cli.options import Scope, find_scope, format_option, lake_option
from runner.clock import SystemClock
from runner.definitions.catalogue import read_catalogue
from runner.definitions.codes import Code
from runner.definitions.location import Location
from runner.definitions.lookup_rows import read_rows
from runner.definitions.notice import Notice
from runner.destinations.report import carrier_of, why_unsent
from runner.errors import DefinitionError
from runner.lake.database.address import DatabaseAddress
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.lake.index.lake_index import LakeIndex
from runner.lake.survey import LakeSurvey
from runner.runs.query_check import QueryFindings, Surroundings, check_queries
from runner.runs.table_check import unqualified_tables
from runner.schedule import due

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.kind import Kind
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.lake.table import TableName


_LAG_DAYS = timedelta(days=7)
_LAG_FILES = 50
"""How far back, and in how many of the newest files, it is measured how late logs arrive."""


@click.command(name="check")
@click.argument("path", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--strict", is_flag=True, help="Refuse what Panther's own tool refuses, too.")
@click.option(
    "--valid-table-name",
    "valid_tables",
    multiple=True,
    help="With --strict: a pattern of table names that will do; may be repeated.",
)
@click.option("--fail-on-warnings", is_flag=True, help="Let warnings fail the check too.")
@click.option("--no-lake", is_flag=True, help="Leave out what only the lake shows: tables, columns, types.")
@lake_option
@format_option(*FORMATS)
def command(
    path: Path | None,
    strict: bool,  # noqa: FBT001  click passes options by name
    valid_tables: tuple[str, ...],
    fail_on_warnings: bool,  # noqa: FBT001  as above
    no_lake: bool,  # noqa: FBT001  as above
    lake: str | None,
    output_format: str,
) -> int:
    """Check every definition under PATH (default: the project folder) and compile its queries.

    A folder within a project is checked as a part of it: its rules may listen to queries elsewhere.
    No rule is run and no row is read. Each finding has its place and a stable code; the reference explains the
    codes. The exit code is 1 if there are errors. --format github writes annotations for a pull request, sarif
    what code scanning takes in.
    """
    scope = find_scope(path, lake__location=lake)
    catalogue = read_catalogue(
        scope.settings.root,
        exclude=scope.settings.not_definitions,
        folders=scope.folders,
        destinations=tuple(_destinations(scope)),
    )
    errors = [*catalogue.errors, *_lookup_errors(catalogue)]
    notices = [*catalogue.warnings, *_unsent_results(catalogue, scope)]
    if strict:
        errors += catalogue.refused
        for queries in (catalogue.queries, catalogue.saved_queries):
            errors += unqualified_tables(queries.values(), valid_tables)
    of_queries = _check_queries(catalogue, scope) if not no_lake else QueryFindings()
    errors += of_queries.errors
    notices += of_queries.notices
    findings = Findings(
        root=scope.settings.root,
        counts=_counts(catalogue, scope),
        errors=sorted((error for error in errors if scope.holds(error.location)), key=_place),
        notices=sorted((notice for notice in notices if scope.holds(notice.location)), key=_place),
        verdicts=of_queries.verdicts,
    )
    FORMATS[output_format](findings)
    if not findings.counts:
        looked = ", ".join(scope.folders) or "every folder"
        output.complain([f"note: definitions are looked for in {looked} (setting definitions.folders)"])
    return int(bool(findings.errors) or (fail_on_warnings and bool(findings.notices)))


def _destinations(scope: Scope) -> Iterator[str]:
    """Yield the names and ids that rules may have in `OutputIds`."""
    yield from scope.settings["definitions.destinations"]
    for name, table in scope.settings.destinations.items():
        yield name
        if isinstance(table.get("id"), str):
            yield table["id"]


def _unsent_results(catalogue: Catalogue, scope: Scope) -> Iterator[Notice]:
    """Yield a notice for each query whose rows are to be mailed, and cannot be."""
    carrier = carrier_of(scope.settings.destinations, scope.settings["reports.destination"])
    for query in catalogue.queries.values():
        reason = why_unsent(query.email.recipients, carrier) if query.email else ""
        if reason:
            yield Notice(Code.UNSENT_RESULT, reason, query.location)


def _counts(catalogue: Catalogue, scope: Scope) -> Mapping[Kind, int]:
    """Count the files of each kind in the scope, sound or not."""
    return Counter(kind for path, kind in catalogue.kinds.items() if scope.holds(Location(path)))


def _lookup_errors(catalogue: Catalogue) -> Iterator[DefinitionError]:
    """Yield an error for each lookup table whose file cannot be read to its end."""
    for table in catalogue.lookup_tables.values():
        try:
            read_rows(catalogue.root, table)
        except DefinitionError as error:
            yield error


def _check_queries(catalogue: Catalogue, scope: Scope) -> QueryFindings:
    """Compile the queries, each for the engine that it goes to."""
    by_engine: defaultdict[tuple[str, str] | None, list[ScheduledQuery]] = defaultdict(list)
    for query in catalogue.queries.values():
        if scope.holds(query.location):
            by_engine[scope.settings.database_of(query.name, query.tags)].append(query)
    found = _check_on_lake(by_engine.pop(None, []), catalogue, scope)
    for (name, url), queries in by_engine.items():  # type: ignore[misc]  # mypy does not see that None was taken out
        found += _check_on_database(DatabaseAddress(name=name, url=url), queries, catalogue, scope)
    return found


def _check_on_database(
    address: DatabaseAddress, queries: Sequence[ScheduledQuery], catalogue: Catalogue, scope: Scope
) -> QueryFindings:
    from runner.lake.database.database_engine import DatabaseEngine  # noqa: PLC0415  SQLAlchemy takes 0.4 s

    with closing(DatabaseEngine(address)) as engine:
        return check_queries(queries, engine, _surroundings(catalogue, scope, survey=None))


def _check_on_lake(queries: Sequence[ScheduledQuery], catalogue: Catalogue, scope: Scope) -> QueryFindings:
    if not scope.settings.has_lake:
        if queries or not catalogue.queries:
            note = f"note: there is no lake at {scope.settings.lake}, so tables and columns were not checked"
            output.complain([note])
        return QueryFindings()
    with tempfile.TemporaryDirectory() as spill:
        limits = EngineLimits(memory=scope.settings["workers.memory"] // 2, spill=Path(spill))
        index = LakeIndex(scope.settings.lake, scope.settings.lake_index, SystemClock())
        engine = DuckDBEngine(scope.settings.lake, limits, index)
        survey = LakeSurvey(scope.settings.lake, index)
        found = check_queries(queries, engine, _surroundings(catalogue, scope, survey))
        survey.close()
        engine.close()
    return found


def _surroundings(catalogue: Catalogue, scope: Scope, survey: LakeSurvey | None) -> Surroundings:
    now = SystemClock().now()

    def settle_of(query: ScheduledQuery) -> timedelta:
        return timedelta(seconds=scope.settings.of_query(query.name, query.tags, "settle_seconds"))

    @cache
    def lag_of(name: TableName) -> timedelta | None:
        if survey is None:
            return None
        lag = survey.lag(name, until=now, within=_LAG_DAYS, most_files=_LAG_FILES)
        return lag.p99 if lag else None

    return Surroundings(
        reference=now,
        interval_of=lambda schedule: due.longest_interval(schedule, now),
        settle_of=settle_of,
        lag_of=lag_of,
        plain_dialect=scope.settings["lake.query_dialect"],
        library=catalogue.library(),
    )


def _place(finding: DefinitionError | Notice) -> tuple[str, int, int]:
    return str(finding.location.path), finding.location.line, finding.location.column
