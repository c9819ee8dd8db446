"""One log file becoming rows of a table: read, staged, and then made visible in one go."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.ingest import dead_letters, formats, partitions, receipts, row_making, rows, table_schema
from runner.ingest.dead_letters import DeadLetters
from runner.ingest.formats import LogFile
from runner.ingest.partitions import PartitionWriter
from runner.ingest.receipts import Receipt
from runner.ingest.row_ids import RowIds
from runner.ingest.rows import RowPlan
from runner.lake import publication

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from runner.ingest.limits import IngestLimits
    from runner.ingest.partitions import StagedFile
    from runner.ingest.rows import Rows
    from runner.ingest.schema import Schema
    from runner.ingest.sources import Source
    from runner.lake.log_types import LogType

_STAGING = ".staging"
_LOCK = ".ingest.lock"


@dataclass(frozen=True, kw_only=True, slots=True)
class TablePlace:
    """Where the table of a log type lies."""

    log_type: LogType
    lake: Path
    scratch: Path | None = None
    """A folder of this machine, for a lake in a bucket."""

    @property
    def folder(self) -> Path:
        """The folder of the table."""
        return self.log_type.folder(self.lake)

    @property
    def staging(self) -> Path:
        """The hidden folder for what is not visible yet; on the lake's disk if it has one, so that renaming suffices."""
        return (self.scratch or self.folder) / _STAGING

    @property
    def lock(self) -> Path:
        """The file that is locked while files are taken in."""
        return (self.scratch or self.folder) / _LOCK

    def dead_letters(self, stem: str) -> Path:
        """Return where the bad lines of a source are kept."""
        return self.dead_letter_folder / f"{stem}.jsonl"

    @property
    def dead_letter_folder(self) -> Path:
        """The folder for what cannot be read."""
        return self.lake / dead_letters.FOLDER / self.log_type.table


@dataclass(slots=True)
class _Tally:
    """What has been counted so far."""

    rows: int = 0
    without_event_time: int = 0
    with_extra: int = 0


class FileIntake:
    """The taking in of one file, from its first line to its receipt."""

    def __init__(
        self,
        place: TablePlace,
        source: Source,
        key: str,
        schema: Schema,
        *,
        parsed_at: datetime,
        limits: IngestLimits,
    ) -> None:
        self._place = place
        self._source = source
        self._key = key
        self._limits = limits
        self._known = table_schema.read(place.folder)
        self._plan = RowPlan(
            log_type=place.log_type.name,
            source=source.name,
            parsed_at=parsed_at,
            fields=table_schema.merge_structs(rows.fields_of(self._known), schema.columns),
            event_times=schema.event_times,
            indicators=schema.indicators,
        )
        stem = source.stem(key)
        self._writer = PartitionWriter(place.folder, place.staging, stem=stem, limits=limits)
        self._letters = DeadLetters(place.dead_letters(stem), place.staging)
        self._row_ids = RowIds()
        self._tally = _Tally()
        self._columns = self._known

    def run(self, earlier: Receipt | None, *, advance: Callable[[int, int], None]) -> Receipt:
        """Take the file in; `earlier` is the receipt of a time when that was not finished.

        Raises `UnreadableLog`, and `OSError` if the lake cannot be written; nothing is visible then.
        """
        try:
            self._stage(advance)
            return self._publish(earlier)
        finally:
            self._writer.abandon()
            self._letters.abandon()

    def _stage(self, advance: Callable[[int, int], None]) -> None:
        with LogFile(self._source.path) as file:
            for made in row_making.rows_of(self._plan, formats.pieces(file), workers=self._workers_for(file)):
                self._add(made)
                advance(made.table.num_rows, file.position)

    def _workers_for(self, file: LogFile) -> int:
        return self._limits.workers if file.size >= self._limits.worker_bytes else 1

    def _add(self, made: Rows) -> None:
        self._letters.add(made.bad)
        if made.digests:
            self._columns = made.table.schema
            self._writer.add(made.named(self._row_ids.of(made.digests)))
        self._tally.rows += len(made.digests)
        self._tally.without_event_time += made.without_event_time
        self._tally.with_extra += made.with_extra

    def _publish(self, earlier: Receipt | None) -> Receipt:
        files = self._writer.finish()
        letters = self._letters.finish()
        receipt = self._receipt(files, letters)
        receipts.write(self._place.folder, replace(receipt, done=False))
        if letters is not None:
            letters.publish()
        if files:
            self._extend_table()
        leftovers = self._leftovers(earlier, receipt)
        with self._at_once([*(file.final for file in files), *leftovers]):
            self._show(files)
            for file in leftovers:
                file.unlink(missing_ok=True)
        receipts.write(self._place.folder, receipt)
        return receipt

    def _at_once(self, changes: Sequence[Path]) -> AbstractContextManager[None]:
        """Let no reader see some of the changes only; a single one, if nothing was left undone, shows by itself."""
        table = self._place.folder
        unfinished = publication.unpublished(table)
        new = [file for file in changes if file in unfinished or not file.exists()]
        if len(changes) > 1 or unfinished.intersection(changes):
            return publication.publishing(table, new)
        return nullcontext()

    def _extend_table(self) -> None:
        columns = rows.extended(self._known, self._columns)
        if columns != self._known:
            table_schema.write(self._place.folder, columns)

    def _show(self, files: Sequence[StagedFile]) -> None:
        for file in files:
            file.publish()
        partitions.sync_folders(file.final for file in files)

    def _leftovers(self, earlier: Receipt | None, receipt: Receipt) -> list[Path]:
        """Return what an earlier, unfinished intake of the same content made visible under other names."""
        names = set(earlier.files if earlier else ()) - set(receipt.files)
        return [self._place.lake / name for name in sorted(names)]

    def _receipt(self, files: Sequence[StagedFile], letters: StagedFile | None) -> Receipt:
        lake = self._place.lake
        return Receipt(
            source=self._source.name,
            key=self._key,
            rows=self._tally.rows,
            bad_lines=self._letters.count,
            without_event_time=self._tally.without_event_time,
            with_extra=self._tally.with_extra,
            files=tuple(str(file.final.relative_to(lake)) for file in files),
            dead_letters=str(letters.final.relative_to(lake)) if letters else None,
            done=True,
        )
