"""How old the newest data of a table is at a reference time, found without reading its rows.

A Parquet file says in its footer from when to when its rows are, and a folder `p_date=…` of which day they are. So
only the newest days' footers are read, and of files that reach beyond the reference time the time column.
"""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from runner.lake.freshness import FreshnessLimits, TableAge

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from runner.lake.snapshot import TableFiles
    from runner.lake.table import TableName

_LOOKS = (timedelta(days=1), timedelta(days=8), timedelta(days=64), None)
"""How far back data is looked for: most tables have some of the last day, and only then is more looked at."""

_DAY = re.compile(r"p_date=(\d{4}-\d\d-\d\d)")
_ANY_DAY = "~"
"""Where rows of any day may be: sorts after every day, so that it is looked at first."""


class LakeFiles(Protocol):
    """What is asked of a lake."""

    def files_before(self, name: TableName, reference: datetime, within: timedelta | None) -> TableFiles:
        """Return the files of a table that may hold rows from before a time, and not longer before it than `within`."""
        ...


def ages_of(
    lake: LakeFiles, names: Iterable[TableName], limits: FreshnessLimits, reference: datetime
) -> tuple[TableAge, ...]:
    """Return how old those tables are that have a limit, at a reference time (aware).

    A table without a time column has no age, and is left out.
    """
    limited = [(name, minutes) for name in sorted(names) if (minutes := limits.of(name))]
    ages = (
        _age(lake, name, reference, minutes, is_limit_of_query=limits.of_query is not None)
        for name, minutes in limited
    )
    return tuple(age for age in ages if age is not None)


def newest_before(
    files: Iterable[Path], column: str, reference: datetime, enough: datetime
) -> datetime | None:
    """Return the newest time in a column before `reference`, or any that is not older than `enough` (both aware)."""
    by_day = sorted(files, key=lambda file: (_day_of(file), str(file)), reverse=True)
    newest: datetime | None = None
    for day, group in itertools.groupby(by_day, _day_of):
        for file in group:
            found = _newest_in(file, column, reference)
            if found is not None and (newest is None or found > newest):
                newest = found
            if newest is not None and newest >= enough:
                return newest
        if newest is not None and day != _ANY_DAY:
            return newest  # earlier days hold nothing newer
    return newest


def _age(
    lake: LakeFiles, name: TableName, reference: datetime, minutes: int, *, is_limit_of_query: bool
) -> TableAge | None:
    enough = reference - timedelta(minutes=minutes)
    newest: datetime | None = None
    for within in _LOOKS:
        table = lake.files_before(name, reference, within)
        if table.time_column is None:
            return None
        newest = newest_before((file.path for file in table.files), table.time_column, reference, enough)
        if newest is not None and (within is None or newest >= reference - within):
            break
    return TableAge(
        table=name.qualified,
        newest=newest,
        limit_minutes=minutes,
        is_limit_of_query=is_limit_of_query,
        is_stale=newest is None or newest < enough,
    )


def _day_of(file: Path) -> str:
    found = _DAY.search(str(file.parent))
    return found[1] if found else _ANY_DAY


def _newest_in(file: Path, time: str, reference: datetime) -> datetime | None:
    metadata = _footer(file)
    column = _place_of(time, metadata) if metadata else None
    if metadata is None or column is None or not metadata.num_rows:
        return None
    newest: datetime | None = None
    for number in range(metadata.num_row_groups):
        statistics = metadata.row_group(number).column(column).statistics
        if statistics is None or not statistics.has_min_max or _aware(statistics.max) >= reference:
            return _newest_row(file, metadata.schema.column(column).name, reference)
        newest = max(newest or _aware(statistics.max), _aware(statistics.max))
    return newest


def _newest_row(file: Path, column: str, reference: datetime) -> datetime | None:
    """Read the time column of a file whose footer does not settle it."""
    times = pq.read_table(file, columns=[column], partitioning=None).column(0).cast(pa.timestamp("us"))
    bound = pa.scalar(reference.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
    newest = pc.max(times.filter(pc.less(times, bound))).as_py()
    return None if newest is None else _aware(newest)


def _footer(file: Path) -> pq.FileMetaData | None:
    """Read a file's footer; None if it is gone or damaged, which is for the query to tell."""
    try:
        return pq.read_metadata(file)
    except (OSError, pa.ArrowException):
        return None


def _place_of(column: str, metadata: pq.FileMetaData) -> int | None:
    names = [metadata.schema.column(number).path.lower() for number in range(metadata.num_columns)]
    return names.index(column.lower()) if column.lower() in names else None


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
