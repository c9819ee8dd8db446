"""`runner lake`: what the data lake holds, how late it is, and what is wrong with it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from runner.cli import output
from runner.cli.options import Moment, format_option, lake_option, load_settings, project_option, written
from runner.cli.output import counted
from runner.clock import SystemClock
from runner.errors import SettingsError
from runner.lake.index.lake_index import LakeIndex
from runner.lake.survey import LakeSurvey
from runner.lake.windows import WHOLE, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from runner.lake.index.lake_index import IndexedFile
    from runner.lake.survey import FileFault, Lag, TableSummary
    from runner.lake.table import TableName

_UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


@click.group(name="lake")
def command() -> None:
    """Show what the data lake holds, how late it is, and what is wrong with it."""


@contextmanager
def _survey(project: Path | None, lake: str | None) -> Iterator[LakeSurvey]:
    settings = load_settings(project, lake__location=lake)
    if not settings.has_lake:
        raise SettingsError(f"there is no lake at {settings.lake} (lake.location)")
    survey = LakeSurvey(settings.lake, LakeIndex(settings.lake, settings.lake_index, SystemClock()))
    try:
        yield survey
    finally:
        survey.close()


@command.command(name="tables")
@lake_option
@project_option
@format_option("text", "json")
def tables(lake: str | None, project: Path | None, output_format: str) -> int:
    """List the tables of the lake: their rows, files, sizes, and from when to when they are.

    The first time, the end of every file is read; later only those of new files.
    """
    with _survey(project, lake) as survey:
        found = [survey.summary(name) for name in survey.names()]
    if output_format == "json":
        output.print_json([_table_fields(one) for one in found])
    else:
        _show_tables(found)
    return 0


@command.command(name="files")
@click.argument("table")
@lake_option
@project_option
@format_option("text", "json")
def files(table: str, lake: str | None, project: Path | None, output_format: str) -> int:
    """List the files of TABLE (such as aws_cloudtrail) with their rows and times."""
    with _survey(project, lake) as survey:
        found = survey.files(survey.named(table))
    if output_format == "json":
        output.print_json([_file_fields(file) for file in found])
        return 0
    shown = output.new_table("Rows", "Size", "From", "To", "File", folded="File", numbers={"Rows", "Size"})
    for file in found:
        fields = _file_fields(file)
        shown.add_row(
            f"{file.rows:,}", _size(file.size), fields["from"] or "", fields["to"] or "", str(file.path)
        )
    output.show_table(shown)
    return 0


@command.command(name="lag")
@click.argument("tables", nargs=-1)
@click.option(
    "--days", type=click.IntRange(min=1), default=7, show_default=True, help="How many days are looked at."
)
@click.option("--until", type=Moment(), help="The end of these days. Default: now.")
@lake_option
@project_option
@format_option("text", "json")
def lag(
    tables: tuple[str, ...],
    days: int,
    until: datetime | None,
    lake: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """Measure how late the logs of TABLES (default: all) arrive: from the event to its ingest.

    A query whose window ends at its due time needs at least so much time before it runs: see
    schedule.settle_seconds.
    """
    end = until or SystemClock().now()
    with _survey(project, lake) as survey:
        names = [survey.named(table) for table in tables] or survey.names()
        found = [(name, survey.lag(name, until=end, within=timedelta(days=days))) for name in names]
    if output_format == "json":
        output.print_json([_lag_fields(name, one) for name, one in found])
    else:
        _show_lags(found)
    return 0


@command.command(name="verify")
@click.argument("tables", nargs=-1)
@lake_option
@project_option
@format_option("text", "json")
def verify(tables: tuple[str, ...], lake: str | None, project: Path | None, output_format: str) -> int:
    """Look through TABLES (default: all) for files that no query can read, or that queries would miss.

    The exit code is 1 if there are any.
    """
    with _survey(project, lake) as survey:
        names = [survey.named(table) for table in tables] or survey.names()
        faults = [fault for name in names for fault in survey.faults(name)]
        count = sum(len(survey.files(name)) for name in names)
    if output_format == "json":
        output.print_json({"files": count, "faults": [_fault_fields(fault) for fault in faults]})
    else:
        for fault in faults:
            click.echo(f"{fault.path}: {fault.reason}")
        click.echo(f"{counted(count, 'file')} looked at, {counted(len(faults), 'fault')}.")
    return int(bool(faults))


def _show_tables(found: Sequence[TableSummary]) -> None:
    headings = ("Table", "Rows", "Files", "Size", "From", "To", "Time column")
    shown = output.new_table(*headings, folded="Table", numbers={"Rows", "Files", "Size"})
    for one in found:
        fields = _table_fields(one)
        shown.add_row(
            one.name.qualified,
            f"{one.rows:,}",
            f"{one.files:,}",
            _size(one.size),
            fields["from"] or "",
            fields["to"] or "",
            one.time_column or "none",
        )
    output.show_table(shown)


def _show_lags(found: Sequence[tuple[TableName, Lag | None]]) -> None:
    headings = ("Table", "Rows", "Half within", "95 % within", "99 % within")
    shown = output.new_table(*headings, folded="Table", numbers=set(headings[1:]))
    for name, one in found:
        figures = [f"{one.rows:,}", str(one.p50), str(one.p95), str(one.p99)] if one else ["0", "", "", ""]
        shown.add_row(name.qualified, *figures)
    output.show_table(shown)


def _table_fields(one: TableSummary) -> dict[str, Any]:
    return {
        "table": one.name.qualified,
        "time_column": one.time_column,
        "files": one.files,
        "rows": one.rows,
        "bytes": one.size,
        "from": written(one.first) if one.first else None,
        "to": written(one.last) if one.last else None,
    }


def _file_fields(file: IndexedFile) -> dict[str, Any]:
    known = file.window != WHOLE
    return {
        "file": str(file.path),
        "state": file.state.name.lower(),
        "rows": file.rows,
        "bytes": file.size,
        "from": written(moment(file.window.low)) if known else None,
        "to": written(moment(file.window.high)) if known else None,
        "first_seen": written(moment(file.seen)),
    }


def _lag_fields(name: TableName, one: Lag | None) -> dict[str, Any]:
    seconds = {key: getattr(one, key).total_seconds() if one else None for key in ("p50", "p95", "p99")}
    return {"table": name.qualified, "rows": one.rows if one else 0, "seconds": seconds}


def _fault_fields(fault: FileFault) -> dict[str, str]:
    return {"file": str(fault.path), "reason": fault.reason}


def _size(size: int) -> str:
    for unit, bytes_ in _UNITS:
        if size >= bytes_:
            return f"{size / bytes_:,.1f} {unit}"
    return f"{size} B"
