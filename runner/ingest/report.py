"""What an ingest did, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class FileReport:
    """What became of one source.

    `rows` and the other counts are those of the source, also if it was `already_there`. A source that could not be
    read has a `fault`, and lies in `dead_letters` as a whole; nothing else.
    """

    source: str
    rows: int = 0
    bad_lines: int = 0
    without_event_time: int = 0
    """Rows that stand at the time of their ingest, since they have no time of their own."""
    with_extra: int = 0
    """Rows of which something fits no column and lies in `p_extra`."""
    files: tuple[Path, ...] = ()
    dead_letters: Path | None = None
    already_there: bool = False
    fault: str | None = None

    @property
    def partitions(self) -> tuple[str, ...]:
        """The days that got rows, such as `2026-01-15`, in order."""
        return tuple(sorted({file.parent.name.partition("=")[2] for file in self.files}))


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestReport:
    """What became of all sources, in the order in which they were given. Totals leave out what was already there."""

    log_type: str
    table: Path
    files: tuple[FileReport, ...]

    @property
    def new(self) -> tuple[FileReport, ...]:
        """The sources that were taken in now."""
        return tuple(file for file in self.files if not file.already_there and file.fault is None)

    @property
    def already_there(self) -> int:
        """The number of sources that the table held before."""
        return sum(file.already_there for file in self.files)

    @property
    def faults(self) -> tuple[FileReport, ...]:
        """The sources that could not be read; nothing of them is in the lake."""
        return tuple(file for file in self.files if file.fault is not None)

    @property
    def rows(self) -> int:
        """The number of new rows."""
        return sum(file.rows for file in self.new)

    @property
    def bad_lines(self) -> int:
        """The number of lines that were no records, and are kept in `dead_letters`."""
        return sum(file.bad_lines for file in self.new)

    @property
    def without_event_time(self) -> int:
        """The number of new rows that stand at the time of their ingest."""
        return sum(file.without_event_time for file in self.new)

    @property
    def with_extra(self) -> int:
        """The number of new rows with something in `p_extra`."""
        return sum(file.with_extra for file in self.new)

    @property
    def dead_letters(self) -> tuple[Path, ...]:
        """The files with bad lines."""
        return tuple(file.dead_letters for file in self.new if file.dead_letters is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far an ingest is. Bytes are those of the files as they lie there, over all files."""

    source: str
    file_number: int
    file_count: int
    rows: int
    bytes_read: int
    bytes_total: int
