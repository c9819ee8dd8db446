"""`runner ingest`: log files into the lake."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, Progress, TextColumn

from runner.cli import output
from runner.cli.options import format_option, lake_option, load_settings, project_option
from runner.cli.output import counted
from runner.clock import SystemClock
from runner.ingest import ingest_files

if TYPE_CHECKING:
    from runner.ingest import FileReport, IngestReport
    from runner.ingest import Progress as IngestProgress


@click.command(name="ingest")
@click.argument("log_type")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--event-time", help="The field with the time of the event; dots lead into objects.")
@lake_option
@project_option
@format_option("text", "json")
def command(
    log_type: str,
    files: tuple[Path, ...],
    event_time: str | None,
    lake: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """Take log FILES of one LOG_TYPE (such as AWS.CloudTrail) into the data lake.

    Reads JSON, JSON lines and CloudTrail's {"Records": [...]}, plain or compressed with gzip or zstd. A file that
    was taken in before changes nothing. Lines that are no records are kept aside and reported; the exit code is
    then 1.
    """
    settings = load_settings(project, lake__location=lake)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]} rows"))
    shown = sys.stderr.isatty() and output_format == "text"
    with Progress(*columns, console=output.error_console(), transient=True, disable=not shown) as progress:
        task = progress.add_task("Reading", rows="0")

        def advance(now: IngestProgress) -> None:
            progress.update(
                task,
                description=now.source,
                total=now.bytes_total,
                completed=now.bytes_read,
                rows=f"{now.rows:,}",
            )

        report = ingest_files(
            log_type,
            files,
            lake=settings.lake,
            clock=SystemClock(),
            event_time=event_time,
            on_progress=advance,
        )
    if output_format == "json":
        output.print_json(_fields(report))
    else:
        _show(report)
    return int(bool(report.bad_lines or report.faults))


def _show(report: IngestReport) -> None:
    click.echo(f"{counted(report.rows, 'row')} from {counted(len(report.new), 'file')} into {report.table}")
    if report.already_there:
        click.echo(f"{counted(report.already_there, 'file')} had been taken in before and changed nothing.")
    if report.without_event_time:
        click.echo(
            f"{counted(report.without_event_time, 'row')} without an event time stand at the time of ingest."
        )
    if report.bad_lines:
        places = ", ".join(str(path) for path in report.dead_letters)
        output.complain([f"{counted(report.bad_lines, 'line')} could not be read and are kept in {places}"])
    output.complain(f"{file.source}: {file.fault}" for file in report.faults)


def _fields(report: IngestReport) -> dict[str, Any]:
    return {
        "log_type": report.log_type,
        "table": str(report.table),
        "rows": report.rows,
        "bad_lines": report.bad_lines,
        "without_event_time": report.without_event_time,
        "already_there": report.already_there,
        "files": [_file_fields(file) for file in report.files],
    }


def _file_fields(file: FileReport) -> dict[str, Any]:
    return {
        "source": file.source,
        "rows": file.rows,
        "bad_lines": file.bad_lines,
        "already_there": file.already_there,
        "partitions": file.partitions,
        "dead_letters": str(file.dead_letters) if file.dead_letters else None,
        "fault": file.fault,
    }
