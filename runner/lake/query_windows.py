"""The windows of time that a query can ask a table for: its bounds, with the constants in them worked out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from runner.lake.dialect import conditions
from runner.lake.dialect.conditions import AllOf, Comparison
from runner.lake.windows import ALL_TIME, EARLIEST, LATEST, Window, common, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runner.lake.dialect.conditions import Condition
    from runner.lake.windows import Windows

_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1) // _MICROSECOND


def constants_of(found: Iterable[Condition], columns: Mapping[str, timedelta]) -> list[str]:
    """Return the SQL of the constants that some columns are compared with, each once."""
    return list(
        dict.fromkeys(
            constant
            for condition in found
            for comparison in conditions.comparisons(condition)
            if comparison.operand.column in columns
            for constant in comparison.constants
        )
    )


def windows_of(
    found: Sequence[Condition], columns: Mapping[str, timedelta], moments: Mapping[str, int | None]
) -> Windows:
    """Return the windows of rows for which one of some conditions may hold.

    `columns` are those that follow the time of a row, by how far they may be below it; `moments` are the constants
    in microseconds, None for one that is no time: such a comparison says nothing.
    """
    return joined(window for condition in found for window in _windows(condition, columns, moments))


def _windows(
    condition: Condition, columns: Mapping[str, timedelta], moments: Mapping[str, int | None]
) -> Windows:
    if isinstance(condition, Comparison):
        return _of_comparison(condition, columns, moments)
    parts = [_windows(part, columns, moments) for part in condition.parts]
    if not isinstance(condition, AllOf):
        return joined(window for part in parts for window in part)
    together = ALL_TIME
    for part in parts:
        together = common(together, part)
    return together


def _of_comparison(
    comparison: Comparison, columns: Mapping[str, timedelta], moments: Mapping[str, int | None]
) -> Windows:
    operand = comparison.operand
    if operand.column not in columns:
        return ALL_TIME
    slack = (columns[operand.column] + operand.slack) // _MICROSECOND
    low = moments.get(comparison.low) if comparison.low else None
    high = moments.get(comparison.high) if comparison.high else None
    return joined(
        [
            Window(
                EARLIEST if low is None else _start_of_day(low) if slack else low,
                LATEST if high is None else min(LATEST, high + slack),
            )
        ]
    )


def _start_of_day(moment: int) -> int:
    """Return the midnight before: text that is compared with a date is cut down to a date itself."""
    return moment - moment % _DAY
