"""Finds the records in a log file: JSON lines, a JSON document, an envelope of records; plain, gzip or zstd.

JSON lines are read block by block, so that a file of any size takes little memory. A document (an array, an
envelope such as CloudTrail's `{"Records": [...]}`, pretty-printed JSON) has to fit into memory as a whole.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, Self

import orjson
import pyarrow as pa

from runner.errors import UnreadableLog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

Record = dict[str, Any]

_BLOCK_BYTES = 4 * 1024 * 1024
_BATCH_LINES = 500
_BATCH_RECORDS = 5_000
_DOCUMENT_BYTES = 1024**3
_ENVELOPE = "Records"
_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_NEXT_VALUE = re.compile(r"^[{\[]", re.MULTILINE)
_NOT_BLANK = re.compile(r"\S")


@dataclass(frozen=True, kw_only=True, slots=True)
class BadLine:
    """Something that is no record. `number` counts the lines of a file, or the items of an array, from 1."""

    number: int
    reason: str
    text: bytes


class Batch(NamedTuple):
    """Some records of a file with their numbers (as in `BadLine`), and what among them was none."""

    records: list[Record]
    numbers: list[int]
    bad: list[BadLine]

    def add(self, number: int, item: Any) -> None:
        """Add a record, or whatever is there in place of one."""
        if isinstance(item, dict):
            self.records.append(item)
            self.numbers.append(number)
        else:
            self.bad.append(BadLine(number=number, reason="not a JSON object", text=orjson.dumps(item)))

    def add_all(self, number: int, items: list[Any]) -> None:
        """Add what stands in one line."""
        for item in items:
            self.add(number, item)


class LineBlock(NamedTuple):
    """Some whole lines of a file, not looked at yet; `number` is that of the first."""

    number: int
    text: bytes


Piece = LineBlock | Batch


class Readable(Protocol):
    """Something that gives bytes until there are no more."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""
        ...


class LogFile:
    """A log file being read, decompressed as its first bytes demand. Close it by leaving its `with`.

    Every method raises `UnreadableLog` if the file cannot be read, or is damaged or cut short.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._raw = path.open("rb")
            self._stream = _decompressed(self._raw)
        except OSError as error:
            raise self._unreadable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()

    @property
    def position(self) -> int:
        """How many bytes of the file, as it lies there, have been read."""
        return self._raw.tell()

    @property
    def size(self) -> int:
        """How many bytes the file has, as it lies there."""
        return self._path.stat().st_size

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes of the decompressed text; none at the end."""
        try:
            return self._stream.read(size)
        except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> UnreadableLog:
        return UnreadableLog(f"{self._path}: cannot be read: {error}")


def batches(source: Readable, *, block: int = _BLOCK_BYTES) -> Iterator[Batch]:
    """Yield the records of a file in order, batch by batch, reading `block` bytes at a time.

    Raises `UnreadableLog` as `pieces` does.
    """
    for piece in pieces(source, block=block):
        yield from batches_of(piece)


def batches_of(piece: Piece) -> Iterator[Batch]:
    """Yield the records of a piece: of lines, a few at a time, since what is near at hand is quick to reach."""
    if isinstance(piece, Batch):
        yield piece
        return
    lines = piece.text.split(b"\n")
    for start in range(0, len(lines), _BATCH_LINES):
        yield _batch_of_lines(piece.number + start, lines[start : start + _BATCH_LINES])


def pieces(source: Readable, *, block: int = _BLOCK_BYTES) -> Iterator[Piece]:
    """Yield a file in pieces whose records can be found apart from each other, in order.

    Raises `UnreadableLog` if the text is not UTF-8 by its first bytes, or one document is too large.
    """
    head = _head(source, block)
    if head.startswith(_OTHER_BOMS):
        raise UnreadableLog("the text is UTF-16; only UTF-8 can be read")
    head = head.removeprefix(_BOM)
    if _is_lines(head):
        yield from _lines(head, source, block)
    else:
        yield from _document(_whole(head, source, block))


def _decompressed(raw: BinaryIO) -> Readable:
    magic = raw.read(len(_ZSTD))
    raw.seek(0)
    if magic.startswith(_GZIP):
        return gzip.GzipFile(fileobj=raw)
    if magic == _ZSTD:
        stream: Readable = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
        return stream
    return raw


def _head(source: Readable, block: int) -> bytes:
    """Read until the beginning of a second line is seen, or to the end."""
    head = bytearray()
    while more := source.read(block):
        head += more
        _first, newline, others = head.lstrip().partition(b"\n")
        if newline and others.strip():
            break
        _refuse_huge(head)
    return bytes(head)


def _whole(head: bytes, source: Readable, block: int) -> bytes:
    document = bytearray(head)
    while more := source.read(block):
        document += more
        _refuse_huge(document)
    return bytes(document)


def _refuse_huge(document: bytearray) -> None:
    if len(document) > _DOCUMENT_BYTES:
        gigabytes = _DOCUMENT_BYTES // 1024**3
        raise UnreadableLog(f"a JSON document of more than {gigabytes} GB; write it as JSON lines instead")


def _is_lines(head: bytes) -> bool:
    """Tell JSON lines from a document: the first line is a whole value, or the second begins one of its kind."""
    first, _newline, others = head.lstrip().partition(b"\n")
    if not others.strip():
        return False
    if first[:1] not in (b"{", b"["):
        return True
    return others.lstrip(b"\r\n")[:1] == first[:1] or _is_json(first)


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _lines(rest: bytes, source: Readable, block: int) -> Iterator[LineBlock]:
    number = 1
    while more := source.read(block):
        whole, newline, tail = more.rpartition(b"\n")
        if not newline:  # a line longer than a block
            rest += more
            continue
        text = rest + whole
        yield LineBlock(number, text)
        number += text.count(b"\n") + 1
        rest = tail
    yield LineBlock(number, rest)


def _batch_of_lines(first: int, lines: Sequence[bytes]) -> Batch:
    try:
        records = list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        return _batch_line_by_line(first, lines)
    if set(map(type, records)) != {dict} or any(_ENVELOPE in record for record in records):
        return _batch_line_by_line(first, lines)
    return Batch(records, list(range(first, first + len(records))), [])


def _batch_line_by_line(first: int, lines: Sequence[bytes]) -> Batch:
    batch = Batch([], [], [])
    records, numbers = batch.records, batch.numbers
    loads = orjson.loads
    for number, line in enumerate(lines, first):
        try:
            value = loads(line)
        except orjson.JSONDecodeError as error:
            if line.strip():
                batch.bad.append(BadLine(number=number, reason=_reason(error), text=line))
            continue
        if type(value) is dict and _ENVELOPE not in value:
            records.append(value)
            numbers.append(number)
        else:
            batch.add_all(number, _items(value))
    return batch


def _document(text: bytes) -> Iterator[Batch]:
    try:
        items = _items(orjson.loads(text))
    except orjson.JSONDecodeError:
        yield from _concatenated(text)
        return
    for start in range(0, len(items), _BATCH_RECORDS):
        batch = Batch([], [], [])
        for number, item in enumerate(items[start : start + _BATCH_RECORDS], start + 1):
            batch.add(number, item)
        yield batch


def _concatenated(text: bytes) -> Iterator[Batch]:
    """Read JSON values that follow each other; after something that is none, go on at the next line that begins one."""
    written = text.decode("utf-8", "surrogateescape")
    batch = Batch([], [], [])
    place, number, counted = 0, 1, 0
    while found := _NOT_BLANK.search(written, place):
        number += written.count("\n", counted, found.start())
        counted = found.start()
        place, items, fault = _next_value(written, found.start())
        if fault is None:
            batch.add_all(number, items)
        else:
            raw = written[found.start() : place].encode("utf-8", "surrogateescape")
            batch.bad.append(BadLine(number=number, reason=_reason(fault), text=raw))
        if len(batch.records) >= _BATCH_RECORDS:
            yield batch
            batch = Batch([], [], [])
    yield batch


def _next_value(written: str, start: int) -> tuple[int, list[Any], ValueError | None]:
    """Return where the value ends that begins at `start`, and its items; or a fault, and where to go on."""
    try:
        _value, end = json.JSONDecoder().raw_decode(written, start)
        return end, _items(orjson.loads(written[start:end])), None
    except RecursionError:
        fault = ValueError("nested too deeply")
    except ValueError as error:
        fault = error
    following = _NEXT_VALUE.search(written, start + 1)
    return following.start() if following else len(written), [], fault


def _items(value: Any) -> list[Any]:
    """Return the records of an array, or of an envelope; anything else is a record by itself."""
    match value:
        case list():
            return value
        case {"Records": list(records)} if len(value) == 1:
            return records
    return [value]


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):  # orjson's own error is one of these
        return f"not JSON: {error.msg} at character {error.pos + 1}"
    return f"not JSON: {error}"
