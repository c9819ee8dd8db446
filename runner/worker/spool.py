"""MatchSpool: matches on their way from a worker to the commit, on disk once they are many."""

from __future__ import annotations

import pickle
import struct
import tempfile
from typing import IO, TYPE_CHECKING, Self

from runner.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from runner.alerts.match import Match

_IN_MEMORY = 16 * 2**20
_LENGTH = struct.Struct(">Q")


class MatchSpool:
    """Pickled batches of matches, written once and read once. Holds at most 16 MiB in memory."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed by close()

    def add(self, batch: bytes | memoryview) -> None:
        """Take a batch as the worker pickled it. Raises `StoreError` if there is no room for it."""
        try:
            self._file.write(_LENGTH.pack(len(batch)))
            self._file.write(batch)
        except OSError as error:
            raise StoreError(f"matches cannot be kept until their run ends: {error.strerror}") from error

    def __iter__(self) -> Iterator[list[Match]]:
        self._file.seek(0)
        while header := self._file.read(_LENGTH.size):
            yield pickle.loads(self._file.read(_LENGTH.unpack(header)[0]))  # noqa: S301  written by our own worker

    def clear(self) -> None:
        """Forget everything: the job is begun again."""
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        """Give memory and disk back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
