"""ResultTable: the rows of a run as CSV, up to a limit."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from runner.runs.query_result import QueryResult
from runner.worker.identity import json_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.lake.rows import RowBatch
    from runner.runs.query_result import ResultLimits

_HEAD_ROWS = 51
_HEAD_COLUMNS = 30
_HEAD_CHARACTERS = 200
_FORMULA_STARTS = (
    *("=", "\N{FULLWIDTH EQUALS SIGN}", "+", "\N{FULLWIDTH PLUS SIGN}"),
    *("-", "\N{FULLWIDTH HYPHEN-MINUS}", "@", "\N{FULLWIDTH COMMERCIAL AT}"),
)
"""What spreadsheets take for the beginning of a formula (OWASP, CSV injection): logs hold what attackers wrote."""


class ResultTable:
    """Collects the first rows of a run."""

    def __init__(self, limits: ResultLimits) -> None:
        self._limits = limits
        self._text = io.StringIO()
        self._size = 0
        self._kept = 0
        self._head: list[tuple[str, ...]] = []
        self._is_full = False

    def passing(self, batches: Iterable[RowBatch]) -> Iterator[RowBatch]:
        """Hand batches on, and keep their rows."""
        for batch in batches:
            if not self._is_full:
                self._add(batch)
            yield batch

    def result(self, rows: int, *, is_partial: bool) -> QueryResult:
        """Return what was collected of so many rows."""
        return QueryResult(
            csv=self._text.getvalue(),
            kept=self._kept,
            rows=rows,
            head=tuple(self._head),
            is_partial=is_partial,
        )

    def _add(self, batch: RowBatch) -> None:
        if batch.length and not self._size:
            self._write(batch.names)
        for row in batch.rows(range(min(batch.length, self._limits.rows - self._kept))):
            if not self._write(row.values()):
                break
            self._kept += 1
        self._is_full = self._is_full or self._kept == self._limits.rows

    def _write(self, cells: Iterable[Any]) -> bool:
        """Write one line, unless it would be too long; returns whether it was written."""
        texts = [_text(cell) for cell in cells]
        line = io.StringIO()
        csv.writer(line).writerow([_harmless(text) for text in texts])
        size = self._size + len(line.getvalue().encode())
        self._is_full = size > self._limits.size
        if self._is_full:
            return False
        self._size = size
        self._text.write(line.getvalue())
        if len(self._head) < _HEAD_ROWS:
            self._head.append(tuple(_cut(text) for text in texts[:_HEAD_COLUMNS]))
        return True


def _text(cell: Any) -> str:
    """Return what stands in a cell: NULL is empty, documents are JSON."""
    if cell is None:
        return ""
    text = cell if isinstance(cell, str) else json_of(cell).decode()
    return text.encode("utf-8", "replace").decode()  # what no mail can hold is a question mark


def _harmless(text: str) -> str:
    """Return a cell of a file that no spreadsheet takes for a formula: it begins with an apostrophe.

    Some pass over what stands before a formula and cannot be seen.
    """
    seen = text.lstrip()
    return f"'{text}" if seen.startswith(_FORMULA_STARTS) and not _is_number(seen) else text


def _cut(text: str) -> str:
    line = " ".join(text[: _HEAD_CHARACTERS * 2].split())
    return line if len(line) <= _HEAD_CHARACTERS else f"{line[: _HEAD_CHARACTERS - 1]}…"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
