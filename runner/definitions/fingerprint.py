"""Whether a definition has changed: a digest of everything that its answer can depend on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from runner.definitions.python_module import PythonModule
    from runner.definitions.python_source import PythonSource


@dataclass(frozen=True, slots=True)
class Imports:
    """What a Python source imports: all that is kept of its syntax tree, which is a hundred times larger."""

    modules: frozenset[str] = frozenset()
    """The first parts of the names of the modules."""
    by_name: bool = False
    """Whether it may import modules whose names only running it would show."""


def imports_of(module: PythonModule) -> Imports:
    """Return what a module imports."""
    return Imports(module.imported_modules, module.imports_by_name)


def digest(*parts: str) -> str:
    """Return the SHA-256 of some texts, in hexadecimal; where one ends and the next begins counts too."""
    hashed = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        hashed.update(len(encoded).to_bytes(8))
        hashed.update(encoded)
    return hashed.hexdigest()


class HelperImports:
    """Which helpers a Python source needs, followed through the helpers' own imports."""

    def __init__(
        self,
        helpers: Mapping[str, PythonSource],
        imports: Callable[[PythonSource], Imports],
    ) -> None:
        self._helpers = helpers
        self._imports = imports
        self._direct: dict[str, frozenset[str]] = {}

    def needed_by(self, source: PythonSource) -> tuple[str, ...]:
        """Return the ids of the helpers that `source` imports, directly or not, sorted.

        Code that imports by computed names may need any of them.
        """
        needed: set[str] = set()
        waiting = self._imported(source)
        while waiting:
            helper_id = waiting.pop()
            if helper_id not in needed:
                needed.add(helper_id)
                waiting |= self._imported_by_helper(helper_id)
        return tuple(sorted(needed))

    def text_of(self, helper_id: str) -> str:
        """Return a helper's Python."""
        return self._helpers[helper_id].text

    def _imported_by_helper(self, helper_id: str) -> frozenset[str]:
        if helper_id not in self._direct:
            self._direct[helper_id] = frozenset(self._imported(self._helpers[helper_id]))
        return self._direct[helper_id]

    def _imported(self, source: PythonSource) -> set[str]:
        imports = self._imports(source)
        if imports.by_name:
            return set(self._helpers)
        return {name for name in imports.modules if name in self._helpers}


def definition_fingerprint(text: str, python: PythonSource | None, imports: HelperImports) -> str:
    """Return the digest of a definition: its YAML text, its Python, and the helpers that its Python needs."""
    if python is None:
        return digest(text)
    return digest(text, python.text, *_helper_parts(python, imports))


def _helper_parts(python: PythonSource, imports: HelperImports) -> Iterable[str]:
    for helper_id in imports.needed_by(python):
        yield helper_id
        yield imports.text_of(helper_id)
