"""The last good version of each definition: what stands in for a file that has become faulty."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.definitions.codes import Code
from runner.definitions.findings import errors_in
from runner.definitions.fingerprint import digest
from runner.definitions.location import Location
from runner.definitions.python_files import PythonFiles
from runner.definitions.reader import read_document, unread
from runner.definitions.reading import python_of
from runner.definitions.yaml_document import YamlDocument
from runner.errors import UnreadableDefinition

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from runner.definitions.definition_files import Snapshot
    from runner.definitions.fingerprint import Imports
    from runner.definitions.python_source import PythonSource
    from runner.definitions.reading import Reading
    from runner.errors import DefinitionError


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodSource:
    """A definition that was sound, as its files held it: what is remembered over a restart."""

    definition_id: str
    path: str
    """The YAML file, relative to the project folder, with slashes."""
    text: str = field(repr=False)
    python_path: str | None = None
    python_text: str | None = field(default=None, repr=False)

    @property
    def digest(self) -> str:
        """The SHA-256 of all of it."""
        return digest(
            self.definition_id, self.path, self.text, self.python_path or "", self.python_text or ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """The readings of a snapshot, with last good versions in the places of faulty ones."""

    readings: tuple[Reading, ...]
    kept: frozenset[str]
    """The ids of the definitions that are there in their last good version."""
    because: Mapping[DefinitionError, tuple[str, ...]]
    """The errors because of which they are, each with their ids."""


def source_of(reading: Reading) -> GoodSource:
    """Return what is to be remembered of the reading of a sound definition."""
    python = python_of(reading)
    return GoodSource(
        definition_id=reading.definition_id or "",
        path=reading.location.path.as_posix(),
        text=reading.text,
        python_path=python.path.as_posix() if python else None,
        python_text=python.text if python else None,
    )


def reading_of(source: GoodSource) -> tuple[Reading | None, Mapping[PythonSource, Imports]]:
    """Read a remembered definition again, with what its Python imports.

    None if this version of the program does not hold it for sound.
    """
    path = Path(source.path)
    texts = {Path(source.python_path): source.python_text or ""} if source.python_path else {}
    files = PythonFiles(Path(), texts)
    try:
        reading = read_document(YamlDocument(source.text, path), source.text, files)
    except UnreadableDefinition:
        return None, {}
    if reading is None or reading.definition is None:
        return None, {}
    python = python_of(reading)
    return reading, {python: files.imports(python)} if python else {}


def with_last_good(
    snapshot: Snapshot, known: Mapping[str, str], good: Callable[[Collection[str]], Mapping[str, Reading]]
) -> Mended:
    """Put last good versions in the places of what is faulty.

    `known` says for each id that was ever sound in which file it stands; `good` returns the last good readings of
    some ids. Where a file says its id, it is kept by that; else by the place, be it the file itself or a folder that
    cannot be looked into. Of two files that claim one id the one that had it before has it.
    """
    readings = [*snapshot.readings, *_without_definition(snapshot, known)]
    sound = {reading.definition_id for reading in readings if reading.definition is not None}
    faulty = [reading for reading in readings if reading.definition is None and errors_in(reading.findings)]
    wanted = {kept for reading in faulty for kept in _ids_of(reading, known)} - sound
    stand_ins = good(wanted)
    mended = [_anonymous(reading) if reading.definition_id in stand_ins else reading for reading in readings]
    mended += [replace(reading, findings=()) for reading in stand_ins.values()]

    def is_newcomer(reading: Reading) -> bool:
        return known.get(reading.definition_id or "") != reading.location.path.as_posix()

    return Mended(
        readings=tuple(sorted(mended, key=is_newcomer)),
        kept=frozenset(stand_ins),
        because={
            error: tuple(name for name in _ids_of(reading, known) if name in stand_ins)
            for reading in faulty
            for error in errors_in(reading.findings)
        },
    )


def _without_definition(snapshot: Snapshot, known: Mapping[str, str]) -> Iterator[Reading]:
    """Yield an error for each file that held a definition and holds none now: it may be just being written.

    A definition that has moved to another file is missed in none.
    """
    elsewhere = {reading.definition_id for reading in snapshot.readings if reading.definition is not None}
    held = {path for name, path in known.items() if name not in elsewhere}
    holding = {
        reading.location.path.as_posix()
        for reading in snapshot.readings
        if reading.definition is not None or errors_in(reading.findings)
    }
    for path in sorted(held.intersection(snapshot.sight.files) - holding):
        stamp = snapshot.sight.files[path]
        what = "has no `AnalysisType`" if stamp and stamp.size else "is empty"
        message = f"the file {what}; it held a definition before (to end that, delete the file)"
        yield unread(UnreadableDefinition(message, Location(Path(path)), Code.NO_LONGER_A_DEFINITION))


def _ids_of(reading: Reading, known: Mapping[str, str]) -> Collection[str]:
    """Return whose last good version may stand in for a faulty reading."""
    if reading.definition_id is not None and reading.definition_id in known:
        return (reading.definition_id,)
    place = reading.location.path.as_posix()
    below = "" if place == "." else f"{place}/"
    return [name for name, path in known.items() if path == place or path.startswith(below)]


def _anonymous(reading: Reading) -> Reading:
    """Return a faulty reading that claims nothing: another stands in for it."""
    return replace(reading, definition_id=None, kind=None, names=(), outputs=())
