"""Remembers which sources a table already holds, so that taking one in again changes nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson

from runner.ingest import partitions
from runner.storage import ObjectPath

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = ".ingested"


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What became of one source. `files` and `dead_letters` are relative to the lake.

    A receipt is written before the files become visible, with `done` false, and again after.
    """

    source: str
    key: str
    rows: int
    bad_lines: int
    without_event_time: int
    with_extra: int
    files: tuple[str, ...]
    dead_letters: str | None
    done: bool

    def holds(self, lake: Path) -> bool:
        """Tell whether everything that the source gave is still in the lake."""
        return self.done and all((lake / file).exists() for file in self.files)


def find(table: Path, key: str) -> Receipt | None:
    """Return the receipt of a source by its key, or None.

    A damaged receipt counts as none: taking the source in again puts the same files in their places.
    """
    try:
        fields = orjson.loads(_path(table, key).read_bytes())
        return Receipt(**{**fields, "files": tuple(fields["files"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def write(table: Path, receipt: Receipt) -> None:
    """Write a receipt, whole or not at all."""
    path = _path(table, receipt.key)
    content = orjson.dumps(asdict(receipt), option=orjson.OPT_INDENT_2)
    if isinstance(path, ObjectPath):
        path.write_bytes(content)
        return
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(content)
    partitions.sync(unfinished)
    unfinished.replace(path)
    partitions.sync(path.parent)


def _path(table: Path, key: str) -> Path:
    return table / _FOLDER / f"{key}.json"
