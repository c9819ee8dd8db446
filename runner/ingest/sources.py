"""One log file on its way into the lake: what it is called, what it holds, and what is expected of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.errors import UnreadableLog
from runner.ingest import formats
from runner.ingest.formats import LogFile
from runner.ingest.inference import Inference

if TYPE_CHECKING:
    from pathlib import Path

    from runner.ingest.schema import FieldPath, Schema

_KEY_DIGITS = 16
_STEM_LENGTH = 80
_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A log file; `name` is what its rows say about where they come from."""

    name: str
    path: Path

    def key(self) -> str:
        """Return what stands for the content of the file. Raises `UnreadableLog`."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()[:_KEY_DIGITS]
        except OSError as error:
            raise UnreadableLog(f"{self.path}: cannot be read: {error}") from error

    def stem(self, key: str) -> str:
        """Return what the files made of this one are called, without their endings."""
        plain = _UNUSUAL.sub("_", self.name).lstrip("._")[:_STEM_LENGTH]
        return f"{plain}-{key}" if plain else key


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What is known of the records before they are read; without `declared` the columns are inferred."""

    declared: Schema | None
    event_time: str | None

    def schema_for(self, log_type: str, path: Path) -> Schema:
        """Return the schema for one file. Raises `UnreadableLog`."""
        found = self.declared or _inferred(log_type, path)
        if self.event_time is None:
            return found
        paths: tuple[FieldPath, ...] = ((self.event_time,), tuple(self.event_time.split(".")))
        return replace(found, event_times=tuple(dict.fromkeys(paths)))


def _inferred(log_type: str, path: Path) -> Schema:
    """Look at all records of a file, so that its last line fits as well as its first."""
    inference = Inference()
    with LogFile(path) as file:
        for batch in formats.batches(file):
            inference.look_at(batch.records)
    return inference.schema(log_type)
