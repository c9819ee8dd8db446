"""The text of a file, read as UTF-8 or refused with the place of the first bad byte."""

from __future__ import annotations

import codecs
import io
import stat
from typing import TYPE_CHECKING

from runner.definitions.codes import Code
from runner.definitions.location import Location
from runner.errors import UnreadableDefinition

if TYPE_CHECKING:
    from pathlib import Path

_OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def read_bytes(path: Path, shown: Path) -> bytes:
    """Return what a regular file holds; raise UnreadableDefinition, at `shown`, if it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableDefinition("not a file", Location(shown), Code.UNREADABLE_FILE)
        return path.read_bytes()
    except OSError as error:
        raise UnreadableDefinition(
            f"cannot be read: {error.strerror}", Location(shown), Code.UNREADABLE_FILE
        ) from error


def decoded(raw: bytes, shown: Path) -> str:
    """Return the text of UTF-8 bytes, without a byte order mark; raise UnreadableDefinition if it is not UTF-8."""
    for mark, encoding in _OTHER_MARKS.items():
        if raw.startswith(mark):
            raise UnreadableDefinition(
                f"the file is {encoding}; save it as UTF-8", Location(shown), Code.NOT_UTF8
            )
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        before = raw.removeprefix(codecs.BOM_UTF8)[: error.start].decode()
        message = f"not UTF-8: the byte 0x{error.object[error.start]:02x} stands here"
        raise UnreadableDefinition(message, Location(shown).after(before), Code.NOT_UTF8) from error


def decoded_python(raw: bytes, shown: Path) -> str:
    """Return the text of a Python file: UTF-8, or in the encoding that its first lines name.

    Raises:
        UnreadableDefinition: it is neither.
    """
    try:
        return decoded(raw, shown)
    except UnreadableDefinition:
        named = _named_encoding(raw)
        if named is None:
            raise
        return raw.decode(named, errors="strict")


def _named_encoding(raw: bytes) -> str | None:
    """Return the encoding that a Python file names for itself, if the whole of it can be read so."""
    import tokenize  # noqa: PLC0415  hardly any file needs it

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        raw.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        return None
    return encoding
