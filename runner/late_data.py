"""Due times whose logs were not all there: files that landed in their windows after they were evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.lake.windows import EARLIEST, Window, microseconds, moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from runner.lake.landed_files import LandedFiles, LandingWatch
    from runner.runs.query_run import QueryRun
    from runner.store.state import StateStore

_MOST_DOUBLINGS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class LateWindow:
    """A due time of a query, its last evaluation, and the files that it could not see."""

    run: QueryRun
    files: tuple[Path, ...]

    @property
    def query(self) -> str:
        """The query's name."""
        return self.run.key.query

    @property
    def due(self) -> datetime:
        """The due time: the end of the window in most queries."""
        return self.run.key.scheduled_for

    def again_at(self, wait: timedelta) -> datetime:
        """Return when it is to be evaluated again, so that what comes meanwhile needs no other evaluation.

        That is a while after the last one began, and twice as long for each time that it was evaluated again: a
        window of months gets late logs for ever.
        """
        factor: int = 2 ** min(self.run.key.revision, _MOST_DOUBLINGS)
        return self.run.started_at + wait * factor


def find(
    store: StateStore,
    landings: LandingWatch,
    *,
    queries: Collection[str],
    since: datetime,
    seen_after: datetime | None = None,
) -> Iterator[LateWindow]:
    """Yield those due times of queries, not before `since`, into whose windows files have landed after they were evaluated.

    Of several evaluations of one due time, the newest counts. With `seen_after`, only files are looked at that the
    lake's index has seen since: what it saw before was looked at before. Where there are none, no due time is looked at.
    """
    reads = {name: run for name, run in store.newest_evaluations().items() if name in queries}
    first_seen = microseconds(seen_after or since)
    landed = {
        table: files
        for table, low in _earliest(reads.values(), since).items()
        if (files := landings.landed(table, Window(low), seen_after=first_seen))
    }
    if landed:
        earliest = moment(min(files.earliest for files in landed.values()))
        yield from _late(store.evaluated_runs(since=max(since, earliest)), queries, landed)


def _earliest(newest: Iterable[QueryRun], since: datetime) -> dict[str, int]:
    """Return for each table from which moment on (in microseconds) a file matters: what a due time at `since` reads."""
    earliest: dict[str, int] = {}
    for run in newest:
        back = microseconds(run.key.scheduled_for) - microseconds(since)
        for table, windows in run.reads.items():
            low = windows[0][0]
            shifted = low if low == EARLIEST else low - max(0, back)
            earliest[table] = min(shifted, earliest.get(table, shifted))
    return earliest


def _late(
    runs: Iterable[QueryRun], queries: Collection[str], landed: Mapping[str, LandedFiles]
) -> Iterator[LateWindow]:
    for run in _newest(runs):
        files = _files_after(run, landed) if run.key.query in queries else []
        if files:
            yield LateWindow(run=run, files=tuple(files))


def _files_after(run: QueryRun, landed: Mapping[str, LandedFiles]) -> list[Path]:
    began = microseconds(run.started_at)
    return [
        path
        for table, windows in run.reads.items()
        if table in landed
        for path in landed[table].after(began, [Window(low, high) for low, high in windows])
    ]


def _newest(runs: Iterable[QueryRun]) -> Sequence[QueryRun]:
    newest: dict[tuple[datetime, str], QueryRun] = {}
    for run in runs:
        due = (run.key.scheduled_for, run.key.query)
        if due not in newest or newest[due].key.revision < run.key.revision:
            newest[due] = run
    return [newest[due] for due in sorted(newest)]
