"""Due times whose logs were not all there: files that landed in their windows after they were evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from runner.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.lake.duckdb_engine import DuckDBEngine
    from runner.runs.query_run import QueryRun

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LateWindow:
    """A due time of a query, its last evaluation, and the files that it could not see."""

    query: ScheduledQuery
    run: QueryRun
    files: tuple[Path, ...]

    @property
    def due(self) -> datetime:
        """The due time: the end of the window in most queries."""
        return self.run.key.scheduled_for


def find(
    runs: Iterable[QueryRun], catalogue: Catalogue, engine: DuckDBEngine, *, plain_dialect: str
) -> Iterator[LateWindow]:
    """Yield those due times of enabled queries into whose windows files have landed since they were evaluated.

    `runs` are evaluations of due times; of several of one due time, the newest counts. A query that cannot be
    compiled any more is passed over: the check tells of it.
    """
    library = catalogue.library()
    for run in _newest(runs).values():
        query = catalogue.queries.get(run.key.query)
        if query is None or not query.enabled:
            continue
        try:
            compiled = engine.compile(
                query.sql.text,
                dialect=query.sql.read_as(plain_dialect),
                reference=run.key.scheduled_for,
                library=library,
            )
            files = engine.files_landed(compiled, run.key.scheduled_for, after=run.started_at)
        except QueryError as error:
            _log.warning("late_data_not_looked_for", query=query.name, fault=str(error))
            continue
        if files:
            yield LateWindow(query=query, run=run, files=tuple(files))


def _newest(runs: Iterable[QueryRun]) -> Mapping[tuple[str, datetime], QueryRun]:
    newest: dict[tuple[str, datetime], QueryRun] = {}
    for run in sorted(runs, key=lambda run: (run.key.scheduled_for, run.key.query, run.key.revision)):
        newest[run.key.query, run.key.scheduled_for] = run
    return newest
