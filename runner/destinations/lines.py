"""JSON lines: each message as one line of a file, or of the standard output."""

from __future__ import annotations

import os
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
            with self._lock, self._path.open("ab") as file:
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


def _line(message: Message) -> bytes:
    return orjson.dumps(payload_of(message), option=orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)
