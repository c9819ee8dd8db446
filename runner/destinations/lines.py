"""JSON lines: each message as one line of a file, or of the standard output."""

from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING, TextIO

import orjson

from runner.destinations.destination import Receipt
from runner.destinations.message import payload_of
from runner.errors import DeliveryError

if TYPE_CHECKING:
    from pathlib import Path

    from runner.destinations.message import Message


class FileSender:
    """Appends to a file; it may be moved away at any time, as log rotation does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def send(self, message: Message) -> Receipt:
        """Append one line, and have it on the disk. Raises `DeliveryError`."""
        line = _line(message)
        try:
            with self._lock, os.fdopen(_opened_at_once(self._path), "ab") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise DeliveryError(f"{self._path}: it is no regular file")
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DeliveryError(f"{self._path}: {error.strerror}") from error
        return Receipt()

    def close(self) -> None:
        """Do nothing: no file is held open."""


class StreamSender:
    """Writes to a stream, such as the standard output."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Message) -> Receipt:
        """Write one line. Raises `DeliveryError` if the reader has gone."""
        try:
            with self._lock:
                self._stream.write(_line(message).decode())
                self._stream.flush()
        except (OSError, ValueError) as error:
            raise DeliveryError(f"the output is closed: {error}") from error
        return Receipt()

    def close(self) -> None:
        """Leave the stream open: it belongs to somebody else."""


def is_something_else(path: Path) -> bool:
    """Tell whether there is something that is no regular file: whoever writes to a pipe may wait for ever."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False  # there is nothing yet, or it cannot be seen: sending will tell


def _opened_at_once(path: Path) -> int:
    """Open a file to append to it as `open` does, but wait for nobody to read from a pipe."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)


def _line(message: Message) -> bytes:
    return orjson.dumps(payload_of(message), option=orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)
