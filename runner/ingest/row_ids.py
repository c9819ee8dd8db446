"""What a row is called, so that the same event has the same name wherever it is read from."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson

from runner.ingest.formats import BadLine, Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ID_BYTES = 16
_PREFIX_BYTES = 2
_SUFFIX_BYTES = 8


def digest(log_type: str, record: Mapping[str, Any]) -> bytes:
    """Return 16 bytes that stand for the log type and the content of a record, whatever the order of its keys.

    Raises `TypeError` for a record that is nested too deeply to be written as JSON again.
    """
    content = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(b"%b\0%b" % (log_type.encode(), content)).digest()[:_ID_BYTES]


def with_digests(log_type: str, batch: Batch) -> tuple[Batch, list[bytes]]:
    """Return the digests of a batch, and the batch without those records that cannot have one."""
    try:
        return batch, [digest(log_type, record) for record in batch.records]
    except TypeError:
        return _one_by_one(log_type, batch)


def _one_by_one(log_type: str, batch: Batch) -> tuple[Batch, list[bytes]]:
    """Set aside the records that can be read as JSON but not written: those that are nested too deeply."""
    sound, digests = Batch([], [], list(batch.bad)), []
    for number, record in zip(batch.numbers, batch.records, strict=True):
        try:
            digests.append(digest(log_type, record))
            sound.add(number, record)
        except TypeError:
            text = json.dumps(record).encode()
            sound.bad.append(BadLine(number=number, reason="nested too deeply", text=text))
    return sound, digests


class RowIds:
    """Names the rows of one file: by content, and identical ones by their order among themselves.

    So an event that two overlapping exports both hold has one name, and two equal lines of one file have two.
    Remembers eight bytes of each record.
    """

    def __init__(self) -> None:
        self._seen: defaultdict[bytes, bytearray] = defaultdict(bytearray)
        self._repeats: dict[bytes, int] = {}

    def of(self, digests: Iterable[bytes]) -> list[str]:
        """Return the names of the next rows: 32 hexadecimal digits each."""
        return [self._first_or_repeat(digest).hex() for digest in digests]

    def _first_or_repeat(self, content: bytes) -> bytes:
        seen = self._seen[content[:_PREFIX_BYTES]]
        suffix = content[_PREFIX_BYTES : _PREFIX_BYTES + _SUFFIX_BYTES]
        at = seen.find(suffix)
        while at % _SUFFIX_BYTES and at >= 0:  # across the border of two suffixes
            at = seen.find(suffix, at + 1)
        if at < 0:
            seen += suffix
            return content
        repeat = self._repeats[content] = self._repeats.get(content, 0) + 1
        return hashlib.sha256(b"%b%d" % (content, repeat)).digest()[:_ID_BYTES]
