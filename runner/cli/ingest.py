"""`runner ingest`: log files into the lake."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from rich.progress import BarColumn, Progress, TextColumn
from watchfiles import watch as watch_files

from runner.cli import output
from runner.cli.options import format_option, lake_option, load_settings, project_option
from runner.cli.output import counted
from runner.clock import SystemClock
from runner.errors import IngestError
from runner.ingest import inbox, ingest_files, schema
from runner.ingest.following import follow
from runner.ingest.inbox import Inbox, SeenFiles
from runner.lake.log_types import LogType
from runner.storage import SCHEME, ObjectPath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.ingest import FileReport, IngestReport
    from runner.ingest import Progress as IngestProgress
    from runner.ingest.inbox import Place
    from runner.settings import Settings

_LOOK_SECONDS = 10.0
_SETTLE_SECONDS = 0.5
"""How long it is waited before looking again: while nothing comes, and while a file may still be written to."""


@click.command(name="ingest")
@click.argument("log_type", callback=lambda _context, _parameter, value: _log_type(value))
@click.argument("places", metavar="FILES...", nargs=-1, required=True)
@click.option("--watch", is_flag=True, help="Go on taking in what arrives there, until interrupted.")
@click.option("--event-time", help="The field with the time of the event; dots lead into objects.")
@lake_option
@project_option
@format_option("text", "json")
def command(
    log_type: str,
    places: tuple[str, ...],
    watch: bool,  # noqa: FBT001  click passes options by name
    event_time: str | None,
    lake: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """Take log FILES of one LOG_TYPE (such as AWS.CloudTrail) into the data lake.

    FILES are files, folders (with all below them) and quoted globs, or s3://bucket/prefix. Reads JSON, JSON lines and CloudTrail's
    {"Records": [...]}, plain or compressed with gzip or zstd. A file that was taken in before changes nothing. Lines
    that are no records are kept aside and reported; the exit code is then 1.

    With --watch, files are taken in as they arrive, once they are no longer written to; with --format json, a line is
    printed for each batch.
    """
    settings = load_settings(project, lake__location=lake)
    found = [_place(written, settings) for written in places]
    if watch:
        return _watch(log_type, found, settings, event_time, as_json=output_format == "json")
    report = _ingest(log_type, _files_of(found), settings, event_time, shown=output_format == "text")
    if output_format == "json":
        output.print_json(_fields(report))
    else:
        _show(report)
    return int(bool(report.bad_lines or report.faults))


def _place(written: str, settings: Settings) -> Place:
    if written.startswith(SCHEME):
        return ObjectPath.of(settings.storage, written)
    if not inbox.is_pattern(written) and not Path(written).exists():
        raise click.UsageError(f"{written!r} does not exist")
    return written


def _files_of(places: Sequence[Place]) -> list[Path]:
    try:
        found = inbox.files_of(places)
    except OSError as error:
        raise IngestError(f"the bucket cannot be reached: {error}") from error
    if not found and all(isinstance(place, ObjectPath) for place in places):
        raise click.UsageError(f"there is nothing at {', '.join(map(str, places))}")
    return found


def _log_type(name: str) -> str:
    try:
        return LogType(name=name).name
    except IngestError as error:
        raise click.UsageError(str(error)) from error


def _ingest(
    log_type: str, files: Sequence[Path], settings: Settings, event_time: str | None, *, shown: bool
) -> IngestReport:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]} rows"))
    hidden = not shown or not sys.stderr.isatty()
    with Progress(*columns, console=output.error_console(), transient=True, disable=hidden) as progress:
        task = progress.add_task("Reading", rows="0")

        def advance(now: IngestProgress) -> None:
            progress.update(
                task,
                description=now.source,
                total=now.bytes_total,
                completed=now.bytes_read,
                rows=f"{now.rows:,}",
            )

        return ingest_files(
            log_type,
            files,
            lake=settings.lake,
            clock=SystemClock(),
            event_time=event_time,
            declared=schema.find_in(settings.root / settings["ingest.schemas"], log_type),
            on_progress=advance,
        )


def _watch(
    log_type: str, places: Sequence[Place], settings: Settings, event_time: str | None, *, as_json: bool
) -> int:
    """Take in what arrives until SIGINT or SIGTERM; a file that is being taken in then is finished first."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    seen = SeenFiles(settings.root / ".runner" / "ingest" / "seen.db")
    box = Inbox(places, seen, purpose=f"{settings.lake.resolve()}\0{log_type}", clock=SystemClock())
    faults = False

    def tell(told: IngestReport | IngestError) -> None:
        nonlocal faults
        faults |= isinstance(told, IngestError) or bool(told.bad_lines or told.faults)
        if isinstance(told, IngestError):
            output.complain([f"Error: {told}"])
        elif as_json:
            click.echo(orjson.dumps(_fields(told)).decode())
        else:
            _show(told)

    follow(
        box,
        ingest=lambda files: _ingest(log_type, files, settings, event_time, shown=not as_json),
        wait=lambda busy: not stop.is_set() if busy else _wait(box, stop),
        tell=tell,
    )
    seen.close()
    return int(faults)


def _wait(box: Inbox, stop: threading.Event) -> bool:
    """Wait until something has changed, or for a while: not every file system tells. False: it is time to stop."""
    if not stop.is_set():
        patience = _LOOK_SECONDS if box.is_settled else _SETTLE_SECONDS
        folders = [folder for folder in box.folders if folder.is_dir()]
        changes = watch_files(
            *folders,
            stop_event=stop,
            rust_timeout=int(patience * 1000),
            yield_on_timeout=True,
            debounce=200,
            raise_interrupt=False,
        )
        next(changes, None)
        changes.close()
    return not stop.is_set()


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
    output.complain(
        f"{file.source}: {file.fault}" + (f"; it is kept in {file.dead_letters}" if file.dead_letters else "")
        for file in report.faults
    )


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
