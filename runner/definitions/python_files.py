"""The Python files that definitions name."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from runner.definitions.codes import Code
from runner.definitions.fingerprint import Imports, imports_of
from runner.definitions.folder import stamp_of
from runner.definitions.python_module import PythonModule
from runner.definitions.python_source import PythonSource
from runner.definitions.source_text import decoded_python, read_bytes
from runner.errors import DefinitionError, InvalidField

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.definitions.folder import Stamp
    from runner.definitions.location import Location

_MOST_MODULES = 100


class PythonFiles:
    """Reads and parses Python files under a project root: several definitions may share one.

    Only the last `_MOST_MODULES` are kept, as syntax trees are large. `texts` stands in for files, by their paths
    relative to the root. Unless it `examines` them, rules and policies are not parsed, and JSONPaths of data models not
    compiled: who loads them anyway will see what is wrong. `stamps` holds, for each path that was asked for, the state that the file was in, None if
    it was not there; `take_asked` tells the paths that were asked for lately.
    """

    def __init__(
        self, root: Path, texts: Mapping[Path, str] = MappingProxyType({}), *, examines: bool = True
    ) -> None:
        self.examines = examines
        self.stamps: dict[str, Stamp | None] = {}
        self._asked: set[str] = set()
        self._root = root
        self._texts = texts
        self._read: OrderedDict[Path, PythonModule | DefinitionError] = OrderedDict()
        self._imports: dict[Path, Imports] = {}

    def named(self, filename: str, beside: Path, named_at: Location) -> PythonModule:
        """Return the module that a definition's `Filename` names.

        `beside` is the definition's own file, relative to the root, as Panther reads `Filename`; `named_at` is where the
        name stands. Raise InvalidField if there is no such file, UnreadableDefinition if it is not Python.
        """
        shown = self.find(filename, beside, named_at)
        if shown not in self._read:
            self._keep(shown, self._parsed(shown))
        read = self._read[shown]
        if isinstance(read, DefinitionError):
            raise read
        return read

    def take_asked(self) -> frozenset[str]:
        """Return the paths that were asked for since this was called last."""
        asked, self._asked = frozenset(self._asked), set()
        return asked

    def imports(self, source: PythonSource) -> Imports:
        """Return what a source that was read here imports."""
        return self._imports[source.path]

    def _keep(self, shown: Path, read: PythonModule | DefinitionError) -> None:
        self._read[shown] = read
        if len(self._read) > _MOST_MODULES:
            self._read.popitem(last=False)

    def find(self, filename: str, beside: Path, named_at: Location) -> Path:
        """Return the path, relative to the root, of the file that a definition's `Filename` names.

        A path may be absolute, as in Panther's tool; one that leads out of the root stays so. Raise InvalidField if there is no such file.
        """
        if not filename or "\0" in filename:
            message = (
                f"`Filename` has to be a path, as a rule relative to this file's folder, found {filename!r}"
            )
            raise InvalidField(message, named_at, Code.MISSING_FILE)
        shown = self._relative(Path(os.path.normpath(beside.parent / filename)))
        if shown in self._texts:
            return shown
        self._asked.add(shown.as_posix())
        self.stamps.setdefault(shown.as_posix(), stamp_of(self._root / shown))
        try:
            found = (self._root / shown).is_file()
        except OSError:  # a name longer than the file system allows
            found = False
        if not found:
            raise InvalidField(f"there is no file {shown.as_posix()}", named_at, Code.MISSING_FILE)
        return shown

    def _relative(self, path: Path) -> Path:
        """Return an absolute path within the root as one that is relative to it, and any other as it is."""
        root = self._root.resolve()
        return path.relative_to(root) if path.is_relative_to(root) else path

    def _parsed(self, shown: Path) -> PythonModule | DefinitionError:
        try:
            text = self._texts.get(shown)
            if text is None:
                text = decoded_python(read_bytes(self._root / shown, shown), shown)
            module = PythonModule(PythonSource(shown, text.replace("\r\n", "\n")))
            if self.examines:
                self._imports[shown] = imports_of(module)
        except DefinitionError as error:
            return error
        return module
