"""Which files came into the lake, and when: for windows that were evaluated without them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from runner.lake import table
from runner.lake.table import TableName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from runner.lake.index.lake_index import IndexedFile, LakeIndex
    from runner.lake.windows import Window


class LandedFiles:
    """Files of one table, each with the moment (in microseconds since 1970) at which it came to its place."""

    def __init__(self, files: Iterable[tuple[int, IndexedFile]]) -> None:
        self._files = sorted(files, key=lambda one: (one[0], one[1].path))
        self._moments = [moment for moment, _ in self._files]
        lows = [file.window.low for _, file in reversed(self._files)]
        self._lowest = list(accumulate(lows, min))[::-1]

    def __bool__(self) -> bool:
        return bool(self._files)

    @property
    def earliest(self) -> int:
        """The earliest time of a row that may be in one of them."""
        return self._lowest[0]

    def after(self, moment: int, windows: Sequence[Window]) -> list[Path]:
        """Return the files that landed after a moment and may hold rows of some windows.

        Most often there are none, and that is told by one look: logs that are not late are later than the windows.
        """
        first = bisect_right(self._moments, moment)
        if first == len(self._files) or not windows or self._lowest[first] > windows[-1].high:
            return []
        return [
            file.path
            for _, file in self._files[first:]
            if any(file.window.meets(window) for window in windows)
        ]


class LandingWatch:
    """Looks for files that came into the tables of a lake, through its index."""

    def __init__(self, lake: Path, index: LakeIndex) -> None:
        self._lake = lake.resolve()
        self._index = index

    def landed(self, qualified: str, window: Window, *, seen_after: int) -> LandedFiles:
        """Return those files of a table (`db.schema.table`) that may hold rows of a window and that the index has seen since.

        A file that was moved or copied to its place landed then, however old it is. `seen_after` is in microseconds.
        """
        name = TableName.of_parts(qualified.split("."))
        folder = table.folder_of(self._lake, name) if name else None
        files = self._index.newly_seen(folder, window, seen_after=seen_after) if folder else []
        found = ((_landed_at(file.path), file) for file in files)
        return LandedFiles((moment, file) for moment, file in found if moment is not None)


def _landed_at(path: Path) -> int | None:
    """Return when a file came to its place: moving it there changes its inode, which no time of its content tells."""
    try:
        return path.stat().st_ctime_ns // 1000
    except OSError:  # it went away
        return None
