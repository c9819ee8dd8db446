"""The definitions as the daemon uses them: whole catalogues, swapped between runs."""

from __future__ import annotations

from enum import Enum
from threading import Lock
from typing import TYPE_CHECKING

import structlog

from runner.checkpoints import NO_CHECKPOINTS, Checkpoint
from runner.definitions.catalogue import catalogue_of
from runner.definitions.git_commit import git_commit
from runner.definitions.last_good import reading_of, source_of, with_last_good
from runner.store.definitions import DefinitionFault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Protocol

    from runner.checkpoints import Checkpoints
    from runner.definitions.catalogue import Catalogue
    from runner.definitions.definition_files import DefinitionFiles, Sight, Snapshot
    from runner.definitions.fingerprint import Imports
    from runner.definitions.last_good import GoodSource
    from runner.definitions.python_source import PythonSource
    from runner.definitions.reading import Reading

    class DefinitionMemory(Protocol):
        """What the definitions ask of the state database."""

        def known(self) -> dict[str, tuple[str, str]]:
            """Return for each definition that is remembered its file and the digest of its version."""
            ...

        def sources(self, ids: Collection[str]) -> Iterable[GoodSource]:
            """Return the last good versions of some definitions."""
            ...

        def remember(self, changed: Sequence[GoodSource], gone: Collection[str]) -> None:
            """Remember new good versions, and forget definitions that were deleted."""
            ...

        def tell_faults(self, faults: Sequence[DefinitionFault]) -> None:
            """Say what is wrong with the definitions now."""
            ...


_log = structlog.get_logger(__name__)

_PATIENCE = 50
"""After so many looks in a row that saw the files change, they are read as they are."""


class Look(Enum):
    """What came of a look at the definition files."""

    SAME = "same"
    """Nothing has changed, or nothing that counts."""
    UNSETTLED = "unsettled"
    """Something is being written: look again in a moment."""
    CHANGED = "changed"
    """There is a new catalogue."""


class CurrentDefinitions:
    """The newest catalogue in which every definition is sound.

    A definition that has become faulty keeps its last good version until it is mended or deleted, also over a
    restart. A change is taken in once two looks in a row have seen the same files, and nothing changed while they
    were read: so neither a half-written file nor half of a deployment is ever seen. One thread looks; any may ask
    for the catalogue. Raises `StoreError` when it is made.
    """

    def __init__(
        self, files: DefinitionFiles, memory: DefinitionMemory, checkpoints: Checkpoints = NO_CHECKPOINTS
    ) -> None:
        self._reached = checkpoints.reached
        self._files = files
        self._memory = memory
        self._lock = Lock()
        self._known = memory.known()
        self._good: dict[str, Reading] = {}
        self._imports: Mapping[PythonSource, Imports] = {}
        self._faults: dict[str, DefinitionFault] = {}
        self._gone: frozenset[str] = frozenset()
        self._changing = 0
        self._taken: Sight | None = None
        self._seen: Sight | None = None
        self._catalogue: Catalogue | None = None
        while self.look() is not Look.CHANGED:
            pass

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue to use for a run that begins now."""
        with self._lock:
            assert self._catalogue is not None  # noqa: S101  there is one from the beginning
            return self._catalogue

    @property
    def faults(self) -> tuple[DefinitionFault, ...]:
        """What is wrong with the definitions as their files stand now."""
        return tuple(self._faults.values())

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders in which the last look found files, relative to the project folder."""
        return self._seen.contents.folders if self._seen else ()

    def may_exist(self, name: str) -> bool:
        """Whether a definition that is not in the catalogue may yet be in a file that cannot be read."""
        return name not in self._gone and any(not fault.kept for fault in self._faults.values())

    def forget(self) -> None:
        """Read everything again at the next look, whatever the file system says about it."""
        self._files.forget()
        self._taken = None

    def look(self) -> Look:
        """Look at the files once, and take in what has changed. Raises `StoreError`."""
        sight = self._files.look()
        if sight == self._taken:
            self._seen, self._changing = sight, 0
            return Look.SAME
        is_patient = self._changing < _PATIENCE
        is_settled = sight == self._seen or self._catalogue is None or not is_patient
        self._seen = sight
        snapshot = self._files.read(sight, though_changing=not is_patient) if is_settled else None
        if snapshot is None:
            self._changing += 1
            return Look.UNSETTLED
        look = self._take(snapshot)
        self._taken, self._changing = snapshot.sight, 0
        return look

    def _take(self, snapshot: Snapshot) -> Look:
        """Make a catalogue of a snapshot, and use it if it differs from the one in use."""
        paths = {name: path for name, (path, _) in self._known.items()}
        mended = with_last_good(snapshot, paths, self._last_good)
        self._imports = {**self._imports, **snapshot.imports}
        root = self._files.root
        fresh = catalogue_of(
            root,
            mended.readings,
            self._imports.__getitem__,
            kept=mended.kept,
            git_commit=git_commit(root),
        )
        faults = {
            str(error): DefinitionFault(message=str(error), kept=mended.because.get(error, ()))
            for error in fresh.errors
        }
        self._remember(fresh, mended.readings)
        if faults.keys() != self._faults.keys() or self._catalogue is None:
            self._memory.tell_faults(tuple(faults.values()))
        if self._catalogue is not None:
            self._reached(Checkpoint.RELOAD_BEGINS)
        return self._swap(fresh, faults)

    def _swap(self, fresh: Catalogue, faults: dict[str, DefinitionFault]) -> Look:
        with self._lock:
            before, self._catalogue = self._catalogue, fresh
        told, self._faults = self._faults, faults
        if before is not None and faults.keys() == told.keys() and before.fingerprint == fresh.fingerprint:
            return Look.SAME
        for message in sorted(faults.keys() - told.keys()):
            _log.warning("definition_broken", fault=message, kept=list(faults[message].kept))
        for message in sorted(told.keys() - faults.keys()):
            _log.info("definition_mended", fault=message)
        _log.info(
            "definitions_loaded",
            queries=len(fresh.queries),
            rules=len(fresh.rules),
            faults=len(faults),
            kept=sorted(fresh.kept),
        )
        return Look.CHANGED

    def _last_good(self, ids: Collection[str]) -> Mapping[str, Reading]:
        """Return the last good readings of some ids, from memory or from the state database."""
        imports = dict(self._imports)
        for source in self._memory.sources({name for name in ids if name not in self._good}):
            reading, found = reading_of(source)
            imports.update(found)
            if reading is not None:
                self._good[source.definition_id] = reading
        self._imports = imports
        return {name: self._good[name] for name in ids if name in self._good}

    def _remember(self, fresh: Catalogue, readings: Iterable[Reading]) -> None:
        """Remember every sound definition, and forget those that are there no longer."""
        good = {
            reading.definition_id: reading
            for reading in readings
            if reading.definition_id and _is_of(fresh, reading)
        }
        changed = {
            name: source_of(reading)
            for name, reading in good.items()
            if name not in self._known or self._good.get(name) is not reading
        }
        digests = {name: (source.path, source.digest) for name, source in changed.items()}
        new = [source for name, source in changed.items() if self._known.get(name) != digests[name]]
        gone = frozenset(self._known.keys() - good.keys())
        if new or gone:
            self._memory.remember(new, gone)
        self._known = {name: digests.get(name) or self._known[name] for name in good}
        self._good = good
        self._gone |= gone
        in_use = {rule.python for rule in fresh.rules.values()} | {
            one.python for one in fresh.helpers.values()
        }
        self._imports = {source: imports for source, imports in self._imports.items() if source in in_use}


def _is_of(catalogue: Catalogue, reading: Reading) -> bool:
    """Whether a reading's definition is the one that the catalogue has."""
    name = reading.definition_id or ""
    found = (one.get(name) for one in (catalogue.queries, catalogue.rules, catalogue.helpers))
    return any(one is not None and one is reading.definition for one in found)
