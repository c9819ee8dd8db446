"""DuckDB's errors, told apart by who has to act."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from runner.errors import OutOfMemory, QueryError, QueryTimeout, RefusedQuery, UnreadableLake

if TYPE_CHECKING:
    from collections.abc import Iterator

_KIND = re.compile(r"\s*(?P<kind>[A-Z][\w ]*?) Error: ")
_DAMAGED = re.compile(
    r"magic bytes|too small to be a Parquet|Failed to read file|footer|Decompression failure"
)
_DAMAGED_INSIDE = re.compile(r"TProtocolException|don't know what type|Out of buffer")
"""What is said, without the file's name, about damage to its inner descriptions."""

_AFTERWORD = re.compile(r"\n\s*\n|\n?LINE \d+:|\n[^\n]*\n\s*\^| Use TRY\(")
"""Where DuckDB's excerpt of the SQL or of a value begins, or its advice to change settings."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise `QueryError` or a subclass for an error of DuckDB, with its sentence kept.

    While rows are streamed, DuckDB's errors arrive as Arrow's, which are `OSError`s with the same text.
    """
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise _meaning_of(str(error)) from error


def _meaning_of(message: str) -> QueryError:
    match = _KIND.match(message)
    kind, sentence = (match["kind"], _sentence(message[match.end() :])) if match else ("", _sentence(message))
    if kind == "INTERRUPT":
        return QueryTimeout("the query was interrupted at its deadline")
    if kind == "Out of Memory":
        return OutOfMemory(f"the query needs more memory than a worker may have: {sentence}")
    if kind == "Permission":
        return RefusedQuery(sentence)
    if kind == "IO" or (kind == "Invalid Input" and _DAMAGED.search(message)):
        return UnreadableLake(sentence)
    if _DAMAGED_INSIDE.match(sentence):
        return UnreadableLake("a Parquet file is damaged")
    return QueryError(sentence)


def _sentence(message: str) -> str:
    """Keep what went wrong; the excerpt is of SQL that its author did not write."""
    return _AFTERWORD.split(message.strip(), maxsplit=1)[0].replace("\n", " ").strip()
