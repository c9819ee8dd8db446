"""What a row is called, so that the same event has the same name wherever it is read from."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson

from runner.ingest import json_texts
from runner.ingest.formats import BadLine, Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ID_BYTES = 16
_PREFIX_BYTES = 2
_SUFFIX_BYTES = 8
_SUFFIX_END = _PREFIX_BYTES + _SUFFIX_BYTES


def digest(log_type: str, record: Mapping[str, Any]) -> bytes:
    """Return 16 bytes that stand for the log type and the content of a record, whatever the order of its keys.

    Raises `TypeError` for a record that is nested too deeply to be written as JSON again.
    """
    return _digests(log_type, [orjson.dumps(record, option=orjson.OPT_SORT_KEYS)])[0]


def with_digests(log_type: str, batch: Batch) -> tuple[Batch, list[bytes]]:
    """Return the digests of a batch, and the batch without those records that cannot have one."""
    try:
        contents = json_texts.of_each(batch.records, orjson.OPT_SORT_KEYS)
        return batch, _digests(log_type, contents)
    except TypeError:
        return _one_by_one(log_type, batch)


def _digests(log_type: str, contents: Sequence[bytes]) -> list[bytes]:
    prefix, sha256 = b"%b\0" % log_type.encode(), hashlib.sha256
    return [sha256(prefix + content).digest()[:_ID_BYTES] for content in contents]


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
        seen, named = self._seen, []
        for content in digests:
            bucket, suffix = seen[content[:_PREFIX_BYTES]], content[_PREFIX_BYTES:_SUFFIX_END]
            if bucket.find(suffix) >= 0 and _holds(bucket, suffix):
                named.append(self._repeat(content))
            else:
                bucket += suffix
                named.append(content)
        return [name.hex() for name in named]

    def _repeat(self, content: bytes) -> bytes:
        repeat = self._repeats[content] = self._repeats.get(content, 0) + 1
        return hashlib.sha256(b"%b%d" % (content, repeat)).digest()[:_ID_BYTES]


def _holds(bucket: bytearray, suffix: bytes) -> bool:
    """Tell whether a suffix is in a bucket, and not only across the border of two others."""
    at = bucket.find(suffix)
    while at % _SUFFIX_BYTES and at >= 0:
        at = bucket.find(suffix, at + 1)
    return at >= 0
