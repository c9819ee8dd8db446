"""Whether queries can run on the lake, and how exactly: compiled and bound to its tables, with no row read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Protocol

from runner.definitions.codes import Code
from runner.definitions.notice import Notice
from runner.errors import DefinitionError, QueryError, RefusedQuery, UnknownColumn, UnknownLogType
from runner.lake.windows import EARLIEST, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from runner.definitions.location import Location
    from runner.definitions.scheduled_query import Schedule, ScheduledQuery
    from runner.lake.dialect.compiler import CompiledQuery
    from runner.lake.table import TableName
    from runner.lake.windows import Windows


class QueryCompiler(Protocol):
    """What the check asks of the lake."""

    def compile(
        self, text: str, *, dialect: str, reference: datetime, library: Mapping[str, str] | None = None
    ) -> CompiledQuery:
        """Compile SQL, or raise `RefusedQuery`, `UnknownLogType` or `UnknownColumn`."""
        ...

    def explain(self, query: CompiledQuery, reference: datetime) -> None:
        """Bind a compiled query, or raise `QueryError`."""
        ...

    def windows(self, query: CompiledQuery, reference: datetime) -> Mapping[TableName, Windows | None]:
        """Return the windows of time that a query asks its tables for; None for a table without a time column."""
        ...


class Exactness(StrEnum):
    """How a query's rows compare with those of the engine that it was written for."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What became of one query, and why it is not exact."""

    query: str
    exactness: Exactness
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What a query is checked against beside the lake.

    `interval_of` tells the longest time between two due times of a schedule; `settle_of` how long a run of a query waits
    for late logs; `lag_of` within what time 99 of 100 logs of a table arrive, None if nobody knows; `plain_dialect` is what `Query` means; `library` holds the saved queries' texts by name.
    """

    reference: datetime
    interval_of: Callable[[Schedule], timedelta]
    settle_of: Callable[[ScheduledQuery], timedelta] = lambda _: timedelta()
    lag_of: Callable[[TableName], timedelta | None] = lambda _: None
    plain_dialect: str = "snowflake"
    library: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryFindings:
    """What is wrong with queries, what deserves a second look, and a verdict on each query."""

    errors: tuple[DefinitionError, ...] = ()
    notices: tuple[Notice, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    def __add__(self, other: QueryFindings) -> QueryFindings:
        return QueryFindings(
            errors=self.errors + other.errors,
            notices=self.notices + other.notices,
            verdicts=self.verdicts + other.verdicts,
        )


def check_queries(
    queries: Iterable[ScheduledQuery], lake: QueryCompiler, around: Surroundings
) -> QueryFindings:
    """Compile queries against a lake, and tell everything that is found."""
    errors: list[DefinitionError] = []
    notices: list[Notice] = []
    verdicts: list[Verdict] = []
    for query in queries:
        try:
            compiled = _compiled(query, lake, around)
        except QueryError as error:
            found = _located(query, error)
            errors += found
            reasons = tuple(fault.message for fault in found)
            verdicts.append(Verdict(query=query.name, exactness=Exactness.REFUSED, reasons=reasons))
            continue
        notices += _notices(query, compiled, lake, around)
        verdicts.append(_verdict(query, compiled))
    return QueryFindings(errors=tuple(errors), notices=tuple(notices), verdicts=tuple(verdicts))


def _compiled(query: ScheduledQuery, lake: QueryCompiler, around: Surroundings) -> CompiledQuery:
    dialect = query.sql.read_as(around.plain_dialect)
    compiled = lake.compile(
        query.sql.text, dialect=dialect, reference=around.reference, library=around.library
    )
    lake.explain(compiled, around.reference)
    return compiled


def _verdict(query: ScheduledQuery, compiled: CompiledQuery) -> Verdict:
    reasons = tuple(dict.fromkeys(remark.message for remark in compiled.approximations))
    exactness = Exactness.APPROXIMATE if reasons else Exactness.EXACT
    return Verdict(query=query.name, exactness=exactness, reasons=reasons)


def _notices(
    query: ScheduledQuery, compiled: CompiledQuery, lake: QueryCompiler, around: Surroundings
) -> list[Notice]:
    place = query.sql.location
    windows = lake.windows(compiled, around.reference)
    timeless = [name for name, found in windows.items() if found is None]
    return [
        *(Notice(Code.VOLATILE_SQL, doubt, place) for doubt in compiled.doubts),
        *(
            Notice(Code.APPROXIMATE_SQL, remark.message, _place(query, remark.line, remark.column))
            for remark in compiled.approximations
        ),
        *(
            Notice(
                Code.TIMELESS_TABLE, f"{name.qualified} has no time column: it is read as it is now", place
            )
            for name in sorted(timeless)
        ),
        *_time_notices(query, {name: found for name, found in windows.items() if found}, around),
    ]


def _time_notices(
    query: ScheduledQuery, windows: Mapping[TableName, Windows], around: Surroundings
) -> list[Notice]:
    """Tell of tables that are read whole, and of times that no run of the query looks at."""
    place = query.sql.location
    starts = {name: found[0].low for name, found in windows.items()}
    whole = sorted(name for name, low in starts.items() if low == EARLIEST)
    if whole:
        return [
            Notice(Code.UNBOUNDED_TABLE, f"reads the whole table {name.qualified}", place) for name in whole
        ]
    if not starts:
        return []
    window = max(around.reference - moment(low) for low in starts.values())
    interval, settle = around.interval_of(query.schedule), around.settle_of(query)
    late = _late(window, interval, settle, {name: around.lag_of(name) for name in sorted(starts)})
    hole = _hole(window, interval, settle) if window < interval or not late else None
    return [Notice(Code.UNWATCHED_TIME, text, place) for text in (hole, *late) if text]


def _late(
    window: timedelta, interval: timedelta, settle: timedelta, lags: Mapping[TableName, timedelta | None]
) -> list[str]:
    """Tell of tables whose logs come later than a run waits: an event has that, and what windows overlap."""
    room = max(timedelta(), window - interval) + settle
    return [
        f"looks back {_words(window)} and runs every {_words(interval)}; 99 of 100 rows of {name.qualified} arrive "
        f"within {_words(timedelta(seconds=ceil(lag.total_seconds())))}: set schedule.settle_seconds to {_settle_for(lag - room + settle)}"
        for name, lag in lags.items()
        if lag is not None and lag > room
    ]


def _settle_for(lag: timedelta) -> int:
    """Return a number of seconds in which a lag has passed: the next whole minute after it."""
    return (int(lag.total_seconds()) // 60 + 1) * 60


def _hole(window: timedelta, interval: timedelta, settle: timedelta) -> str | None:
    if window < interval:
        return (
            f"looks back {_words(window)}, and runs every {_words(interval)}: what lies between is never seen"
        )
    if window == interval and not settle:
        return (
            f"looks back {_words(window)} and runs every {_words(interval)}, at once: "
            "logs that arrive late are never seen"
        )
    return None


_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def _words(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    name, size = next((name, size) for name, size in _UNITS if seconds % size == 0)
    count = seconds // size
    return f"{count} {name}{'' if count == 1 else 's'}"


def _located(query: ScheduledQuery, error: QueryError) -> list[DefinitionError]:
    if isinstance(error, UnknownColumn):
        return [
            DefinitionError(remark.message, _place(query, remark.line, remark.column), Code.UNBOUND_SQL)
            for remark in error.remarks
        ]
    code = {RefusedQuery: Code.REFUSED_SQL, UnknownLogType: Code.UNKNOWN_TABLE}.get(
        type(error), Code.UNBOUND_SQL
    )
    place = query.sql.location
    if isinstance(error, RefusedQuery | UnknownLogType):
        place = _place(query, error.line, error.column)
    return [DefinitionError(str(error), place, code)]


def _place(query: ScheduledQuery, line: int | None, column: int | None) -> Location:
    return query.sql.locate(line, column or 1) if line else query.sql.location
