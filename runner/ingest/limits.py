"""How much an ingest may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestLimits:
    """What is held in memory, how large files may become, and how many processes may work.

    Worker processes import the program's main module again, as `multiprocessing` does: a script that asks for
    them needs an `if __name__ == "__main__"`.
    """

    buffer_bytes: int = 128 * 1024 * 1024
    """Rows that wait for being written, as Arrow bytes."""
    file_rows: int = 1_000_000
    """Rows in one file of the lake; the rest goes into another."""
    row_group_rows: int = 122_880
    open_files: int = 64
    """Files of the lake that are written at the same time, one for each day."""
    workers: int = 1
    """Processes that make rows of a large file of JSON lines; with 1, this process does."""
    worker_bytes: int = 32 * 1024 * 1024
    """The size from which a file is large."""
