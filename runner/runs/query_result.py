"""QueryResult: the rows of one run as a table, as far as they are sent to somebody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultLimits:
    """How much of a result is kept: rows, and bytes of CSV."""

    rows: int
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryResult:
    """What a query returned."""

    csv: str
    """The first row has the columns' names. Empty if there was no row."""
    kept: int
    """How many rows are in it."""
    rows: int
    """How many rows there were."""
    head: tuple[tuple[str, ...], ...] = ()
    """The columns' names and the first rows, for a table to be read; long cells are cut."""
    is_partial: bool = False
    """The run itself ended early: there may be more rows than `rows`."""

    @property
    def digest(self) -> str:
        """Return what is equal for equal results: 32 hexadecimal digits."""
        text = f"{self.rows}\x1f{self.is_partial}\x1f{self.csv}"
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
