"""Takes log files into the lake, one after the other; each of them wholly or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import IngestError
from runner.ingest import schema
from runner.ingest.limits import IngestLimits
from runner.ingest.report import IngestReport, Progress
from runner.ingest.sources import Expectation, Source
from runner.ingest.table_intake import TableIntake
from runner.lake.log_types import LogType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from runner.clock import Clock
    from runner.ingest.schema import Schema


def ingest_files(
    log_type: str,
    files: Sequence[Path],
    *,
    lake: Path,
    clock: Clock,
    event_time: str | None = None,
    declared: Schema | None = None,
    limits: IngestLimits | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Take log files into the table of a log type.

    The columns are those of `declared`, else of the schema that comes with the program, else inferred from the
    records of each file; a table that is there keeps its types. `event_time` names the field with the event time
    (dots lead into objects) in place of the schema's. A file whose content the table holds already changes nothing.
    A record without a time of its own stands at the time of the ingest. With `limits.workers` above 1, large files
    of JSON lines are read by worker processes.

    A file that cannot be read is reported with its fault and does not hinder the others. Raises `IngestError`
    for a file that is not there, a name that is no log type, and a lake that cannot be written, be it for a full
    disk; then nothing of the file at hand is visible, and the files before it are.
    """
    absent = [str(file) for file in files if not file.is_file()]
    if absent:
        raise IngestError(f"no such file: {', '.join(absent)}")
    kind = LogType(name=log_type)
    expectation = Expectation(declared=declared or schema.find(log_type), event_time=event_time)
    progress = _Progress(files, on_progress)
    with TableIntake(kind, lake, clock=clock, limits=limits or IngestLimits()) as intake:
        reports = []
        for file in files:
            advance = progress.of_next(file.name)
            reports.append(intake.take(Source(name=file.name, path=file), expectation, advance=advance))
            progress.end_file(file.name)
    return IngestReport(log_type=log_type, table=kind.folder(lake), files=tuple(reports))


def ingest_records(
    log_type: str,
    records: Iterable[Mapping[str, Any]],
    *,
    source_name: str,
    lake: Path,
    clock: Clock,
    event_time: str | None = None,
    declared: Schema | None = None,
    limits: IngestLimits | None = None,
) -> IngestReport:
    """Take records into the table of a log type, as if they were the lines of a file named `source_name`.

    Raises `IngestError` as `ingest_files` does, and for a record that cannot be written as JSON.
    """
    kind = LogType(name=log_type)
    expectation = Expectation(declared=declared or schema.find(log_type), event_time=event_time)
    with TableIntake(kind, lake, clock=clock, limits=limits or IngestLimits()) as intake:
        source = Source(name=source_name, path=intake.spool(records))
        report = intake.take(source, expectation, advance=lambda _rows, _position: None)
    return IngestReport(log_type=log_type, table=kind.folder(lake), files=(report,))


class _Progress:
    """Tells somebody how far an ingest is."""

    def __init__(self, files: Sequence[Path], tell: Callable[[Progress], None] | None) -> None:
        self._tell = tell
        self._sizes = [file.stat().st_size for file in files]
        self._number = 0
        self._rows = 0

    def of_next(self, source: str) -> Callable[[int, int], None]:
        """Begin the next file, and return what is to be called with new rows and the place in the file."""
        self._number += 1
        return lambda rows, position: self._advance(source, rows, position)

    def end_file(self, source: str) -> None:
        self._advance(source, 0, self._sizes[self._number - 1])

    def _advance(self, source: str, rows: int, position: int) -> None:
        self._rows += rows
        if self._tell is None:
            return
        self._tell(
            Progress(
                source=source,
                file_number=self._number,
                file_count=len(self._sizes),
                rows=self._rows,
                bytes_read=sum(self._sizes[: self._number - 1]) + position,
                bytes_total=sum(self._sizes),
            )
        )
