"""How DuckDB is told to read Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def reading(files: Iterable[Path]) -> str:
    """Return the SQL that reads some files as one table: with the columns of all of them, in the order of the files."""
    paths = ", ".join(literal(str(file)) for file in files)
    return f"read_parquet([{paths}], union_by_name=true, hive_partitioning=false)"


def literal(text: str) -> str:
    """Quote text for SQL."""
    return "'" + text.replace("'", "''") + "'"
