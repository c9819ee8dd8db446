"""A table of the lake that takes log files in, one at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Self

import orjson

from runner.errors import IngestError, UnreadableLog
from runner.ingest import dead_letters, receipts
from runner.ingest.file_intake import FileIntake, TablePlace
from runner.ingest.report import FileReport
from runner.storage import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import IO, Any

    from runner.clock import Clock
    from runner.ingest.limits import IngestLimits
    from runner.ingest.receipts import Receipt
    from runner.ingest.sources import Expectation, Source
    from runner.lake.log_types import LogType


class TableIntake:
    """A table opened for taking files in: nobody else does so to it before its `with` is left.

    Everything is written to the hidden folder `.staging` of the table before any of it becomes visible. What a
    process that died has left there is cleared away.
    """

    def __init__(self, log_type: LogType, lake: Path, *, clock: Clock, limits: IngestLimits) -> None:
        self._place = TablePlace(log_type=log_type, lake=lake, scratch=_scratch_of(log_type, lake))
        self._clock = clock
        self._limits = limits
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        table, staging = self._place.folder, self._place.staging
        with self._writing():
            table.mkdir(parents=True, exist_ok=True)
            staging.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self._place.lock.open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._place.staging, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()

    def spool(self, records: Iterable[Mapping[str, Any]]) -> Path:
        """Write records down as a file of JSON lines. Raises `IngestError` for one that JSON cannot say."""
        path = self._place.staging / "records.jsonl"
        with self._writing(), path.open("wb") as spool:
            for number, record in enumerate(records, 1):
                try:
                    spool.write(orjson.dumps(record) + b"\n")
                except orjson.JSONEncodeError as error:
                    raise IngestError(f"record {number} cannot be written as JSON: {error}") from error
        return path

    def fetch(self, source: Path) -> Path:
        """Return a source as a file of this machine. Raises `UnreadableLog`."""
        if not isinstance(source, ObjectPath):
            return source
        path = self._place.staging / "fetched"
        try:
            source.fetch(path)
        except OSError as error:
            raise UnreadableLog(f"{source}: cannot be read: {error}") from error
        return path

    def take(
        self, source: Source, expectation: Expectation, *, advance: Callable[[int, int], None]
    ) -> FileReport:
        """Take one file in, unless the table holds it already; `advance` hears of new rows and the place in the file.

        Raises `IngestError` if the lake cannot be written: then nothing of the file is visible.
        """
        try:
            source = replace(source, path=self.fetch(source.path))
            key = source.key()
            with self._writing():
                earlier = receipts.find(self._place.folder, key)
                is_held = earlier is not None and earlier.holds(self._place.lake)
            if earlier is not None and is_held:
                return self._report(earlier, source, already_there=True)
            schema = expectation.schema_for(self._place.log_type.name, source.path)
            parsed_at = self._clock.now().astimezone(UTC).replace(tzinfo=None)
            with self._writing():
                intake = FileIntake(
                    self._place, source, key, schema, parsed_at=parsed_at, limits=self._limits
                )
                receipt = intake.run(earlier, advance=advance)
        except UnreadableLog as error:
            with self._writing():
                kept = dead_letters.keep_whole(self._place.dead_letter_folder, source)
            return FileReport(source=source.name, fault=str(error), dead_letters=kept)
        return self._report(receipt, source, already_there=False)

    def _report(self, receipt: Receipt, source: Source, *, already_there: bool) -> FileReport:
        lake = self._place.lake
        return FileReport(
            source=source.name,
            rows=receipt.rows,
            bad_lines=receipt.bad_lines,
            without_event_time=receipt.without_event_time,
            with_extra=receipt.with_extra,
            files=tuple(lake / file for file in receipt.files),
            dead_letters=lake / receipt.dead_letters if receipt.dead_letters else None,
            already_there=already_there,
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise IngestError(f"{self._place.folder}: cannot be written: {error}") from error


def _scratch_of(log_type: LogType, lake: Path) -> Path | None:
    """Return the folder of this machine in which a table in a bucket is worked at; one for each table."""
    if not isinstance(lake, ObjectPath):
        return None
    table = hashlib.sha256(str(log_type.folder(lake)).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir(), f"runner-ingest-{os.geteuid()}", table)
