"""The Python files that definitions name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runner.definitions.codes import Code
from runner.definitions.python_module import PythonModule
from runner.definitions.python_source import PythonSource
from runner.definitions.source_text import decoded, read_bytes
from runner.errors import DefinitionError, InvalidField

if TYPE_CHECKING:
    from runner.definitions.location import Location


class PythonFiles:
    """Reads and parses Python files under a project root, each once: several definitions may share one."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[Path, PythonModule | DefinitionError] = {}

    def named(self, filename: str, beside: Path, named_at: Location) -> PythonModule:
        """Return the module that a definition's `Filename` names.

        `beside` is the definition's own file, relative to the root, as Panther reads `Filename`; `named_at` is where the
        name stands. Raise InvalidField if there is no such file, UnreadableDefinition if it is not Python.
        """
        shown = self._shown(filename, beside, named_at)
        if shown not in self._read:
            self._read[shown] = self._parsed(shown)
        read = self._read[shown]
        if isinstance(read, DefinitionError):
            raise read
        return read

    def parsed(self, source: PythonSource) -> PythonModule:
        """Return the module of a source that was read here before, without parsing it again."""
        read = self._read.get(source.path)
        return read if isinstance(read, PythonModule) and read.source is source else PythonModule(source)

    def _shown(self, filename: str, beside: Path, named_at: Location) -> Path:
        if not filename or "\0" in filename or Path(filename).is_absolute():
            message = f"`Filename` has to be a path relative to this file's folder, found {filename!r}"
            raise InvalidField(message, named_at, Code.MISSING_FILE)
        shown = Path(os.path.normpath(beside.parent / filename))
        try:
            found = (self._root / shown).is_file()
        except OSError:  # a name longer than the file system allows
            found = False
        if not found:
            raise InvalidField(f"there is no file {shown.as_posix()}", named_at, Code.MISSING_FILE)
        return shown

    def _parsed(self, shown: Path) -> PythonModule | DefinitionError:
        try:
            text = decoded(read_bytes(self._root / shown, shown), shown)
            return PythonModule(PythonSource(shown, text.replace("\r\n", "\n")))
        except DefinitionError as error:
            return error
