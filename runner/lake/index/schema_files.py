"""A file without rows for a table that has none of its own: it has every column that a file of the table has."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from runner.storage import let_read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_TOGETHER = 500
"""How many files are looked at in one statement."""


class SchemaFiles:
    """The schema files that the program makes, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, table: str) -> Path:
        """Return where the schema file of a table is, by the table's path within the lake."""
        return self._folder / f"{table.replace('/', '.')}.parquet"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process change schema files meanwhile."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def extend(self, table: str, files: Sequence[Path]) -> None:
        """Add the columns of some files; a file that cannot be read adds none."""
        path = self.path_of(table)
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            let_read(connection, files[0])
            for start in range(0, len(files), _TOGETHER):
                _extend(connection, path, files[start : start + _TOGETHER])


def _extend(connection: duckdb.DuckDBPyConnection, path: Path, files: Sequence[Path]) -> None:
    together = [str(file) for file in ([path, *files] if path.exists() else files)]
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    try:
        rows = connection.sql(
            "SELECT * FROM read_parquet(?, union_by_name=true, hive_partitioning=false) LIMIT 0",
            params=[together],
        )
        rows.write_parquet(str(unfinished))
    except duckdb.Error:
        for half in (files[: len(files) // 2], files[len(files) // 2 :]) if len(files) > 1 else ():
            _extend(connection, path, half)
        return
    unfinished.replace(path)
