"""Summary: which values the fields named in `SummaryAttributes` had most often in an alert's matches."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

VALUES = 5
"""How many values of an attribute are told, as in Panther."""


class ValueCount(TypedDict):
    """A value, and in how many matches it was."""

    value: str
    count: int


Summary: TypeAlias = "Mapping[str, Sequence[ValueCount]]"
"""For each attribute its most frequent values, the most frequent first."""


def lines_of(summary: Summary) -> Iterator[str]:
    """Yield a line for each attribute, such as `sourceIPAddress: 203.0.113.7 (5), 198.51.100.1 (2)`."""
    for attribute, values in summary.items():
        counts = ", ".join(f"{one['value']} ({one['count']:,})" for one in values)
        yield f"{attribute}: {counts}"
