"""Keeps what could not be read as a record, with its place and the reason, so that it can be mended and tried again."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import orjson

from runner.errors import UnreadableLog
from runner.ingest import partitions
from runner.ingest.partitions import StagedFile
from runner.storage import ObjectPath

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.ingest.formats import BadLine
    from runner.ingest.sources import Source

FOLDER = ".dead_letters"
WHOLE_FILES = "files"


class DeadLetters:
    """The bad lines of one file: JSON lines with `line`, `reason` and `text`, or `base64` for what is not UTF-8."""

    def __init__(self, final: Path, staging: Path) -> None:
        self._file = StagedFile(staged=staging / f"{final.name}.part", final=final)
        self._stream: BinaryIO | None = None
        self.count = 0

    def add(self, lines: Iterable[BadLine]) -> None:
        """Keep some lines."""
        for line in lines:
            self._stream = self._stream or self._file.staged.open("wb")
            self._stream.write(_letter(line) + b"\n")
            self.count += 1

    def finish(self) -> StagedFile | None:
        """Write everything down and return the file; None if there was nothing to keep."""
        if self._stream is None:
            return None
        self._stream.close()
        partitions.sync(self._file.staged)
        return self._file

    def abandon(self) -> None:
        """Let go of a file that is still open."""
        if self._stream is not None:
            self._stream.close()


def keep_whole(folder: Path, source: Source) -> Path | None:
    """Keep a copy of a file that cannot be read as a whole, once; None if not even its bytes can be read.

    Raises `OSError` if it cannot be written.
    """
    try:
        key = source.key()
    except UnreadableLog:
        return None
    kept = folder / WHOLE_FILES / key / Path(source.name).name
    if isinstance(kept, ObjectPath):
        kept.put(source.path)
    elif not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_name(f".{kept.name}.part")
        shutil.copyfile(source.path, unfinished)
        unfinished.replace(kept)
    return kept


def _letter(line: BadLine) -> bytes:
    place: dict[str, object] = {"line": line.number, "reason": line.reason}
    try:
        return orjson.dumps(place | {"text": line.text.decode()})
    except UnicodeDecodeError:
        return orjson.dumps(place | {"base64": base64.b64encode(line.text).decode()})
