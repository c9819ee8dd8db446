"""The definition files of a project over time: a look is cheap, and only what has changed is read again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.definitions.folder import contents_of, stamp_of
from runner.definitions.python_files import PythonFiles
from runner.definitions.reader import read_file, unread
from runner.definitions.reading import python_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.definitions.fingerprint import Imports
    from runner.definitions.folder import FolderContents, Stamp
    from runner.definitions.python_source import PythonSource
    from runner.definitions.reading import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the files looked like at one moment; two that are equal saw the same."""

    files: Mapping[str, Stamp | None]
    """The YAML files, by their paths relative to the project folder."""
    python: Mapping[str, Stamp | None]
    """The Python files that definitions named when they were read last."""
    faults: tuple[str, ...]
    contents: FolderContents = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All readings of one state of the files: no file changed while they were made."""

    readings: tuple[Reading, ...]
    imports: Mapping[PythonSource, Imports]
    sight: Sight
    """What the files look like now that they have been read."""


@dataclass(frozen=True, slots=True)
class _Entry:
    stamp: Stamp | None
    python: Mapping[str, Stamp | None]
    reading: Reading | None
    source: PythonSource | None
    imports: Imports | None


class DefinitionFiles:
    """The definitions under `root`; `exclude` and `folders` are those of `contents_of`. Used by one thread."""

    def __init__(self, root: Path, *, exclude: tuple[str, ...] = (), folders: tuple[str, ...] = ()) -> None:
        self.root = root
        self._exclude = exclude
        self._folders = folders
        self._entries: dict[str, _Entry] = {}

    def look(self) -> Sight:
        """Return what the files look like, without opening one."""
        contents = contents_of(self.root, self._exclude, self._folders)
        named = {path for entry in self._entries.values() for path in entry.python}
        return Sight(
            files=contents.files,
            python={path: stamp_of(f"{self.root}/{path}") for path in named},
            faults=tuple(map(str, contents.faults)),
            contents=contents,
        )

    def forget(self) -> None:
        """Have everything read again, whatever the file system says about it."""
        self._entries.clear()

    def read(self, sight: Sight, *, though_changing: bool = False) -> Snapshot | None:
        """Read what has changed up to a look at the files; None if something changed meanwhile."""
        python = PythonFiles(self.root)
        self._entries = {
            path: self._kept(path, stamp, sight) or self._read(path, stamp, python)
            for path, stamp in sight.files.items()
        }
        after = self.look()
        is_whole = (after.files, after.faults) == (sight.files, sight.faults) and self._hold(after)
        if not is_whole and not though_changing:
            return None
        readings = [entry.reading for entry in self._entries.values() if entry.reading is not None]
        return Snapshot(
            readings=(*map(unread, sight.contents.faults), *readings),
            imports=dict(self._imports()),
            sight=after if is_whole else sight,
        )

    def _kept(self, path: str, stamp: Stamp | None, sight: Sight) -> _Entry | None:
        """Return what was read of a file before, if neither it nor its Python has changed."""
        entry = self._entries.get(path)
        if entry is None or stamp is None or entry.stamp != stamp or not _holds(entry, sight):
            return None
        return entry

    def _hold(self, sight: Sight) -> bool:
        return all(_holds(entry, sight) for entry in self._entries.values())

    def _read(self, path: str, stamp: Stamp | None, files: PythonFiles) -> _Entry:
        reading = read_file(self.root, Path(path), files)
        source = python_of(reading) if reading else None
        return _Entry(
            stamp=stamp,
            python={named: files.stamps[named] for named in files.take_asked()},
            reading=reading,
            source=source,
            imports=files.imports(source) if source else None,
        )

    def _imports(self) -> Iterator[tuple[PythonSource, Imports]]:
        for entry in self._entries.values():
            if entry.source is not None and entry.imports is not None:
                yield entry.source, entry.imports


def _holds(entry: _Entry, sight: Sight) -> bool:
    python = sight.python
    return all(named in python and python[named] == stamp for named, stamp in entry.python.items())
