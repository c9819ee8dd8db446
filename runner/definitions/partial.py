"""Definitions read for whoever loads their Python anyway: some of a project's, or all, without a look at the Python."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from runner.definitions.catalogue import catalogue_of
from runner.definitions.codes import Code
from runner.definitions.fingerprint import Imports
from runner.definitions.folder import contents_of
from runner.definitions.python_files import PythonFiles
from runner.definitions.reader import read_file, unread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.reading import Reading

    Wanted = Callable[[str, bytes], bool]
    """Tells by the path of a file (relative to the root) and its bytes whether its definition is wanted."""
    ReadAll = Callable[[Path, Sequence[str]], Sequence[Reading | None]]
    """Reads files, as `read_files` does."""

_SHARED = re.compile(rb"AnalysisType[\"']?\s*:\s*[\"']?(global|datamodel|lookup_table)\b")
"""What detections ask for, wherever it lies."""
_NO_IMPORTS = Imports(frozenset(), False)


def read_part(
    root: Path,
    wanted: Wanted,
    *,
    exclude: tuple[str, ...] = (),
    folders: tuple[str, ...] = (),
    read_all: ReadAll,
) -> Catalogue:
    """Read the definitions under `root` that are wanted, and all that is shared.

    Shared are global helpers, data models and lookup tables. What is wrong with the others is not seen, and what they
    would have been named for seems unknown. If a wanted detection derives from one that is not, everything is read.
    The Python of rules and policies is not parsed, and the fingerprints do not tell what they import.
    """
    contents = contents_of(root, exclude, folders)
    names = [name for name in contents.files if wanted is everything or _is_wanted(root, name, wanted)]
    readings = read_all(root, names)
    found = [*map(unread, contents.faults), *(reading for reading in readings if reading is not None)]
    part = catalogue_of(root, found, lambda _: _NO_IMPORTS)
    if any(error.code == Code.UNKNOWN_BASE for error in part.errors) and wanted is not everything:
        return read_part(root, everything, exclude=exclude, folders=folders, read_all=read_all)
    return part


def everything(_: str, __: bytes) -> bool:
    """Want every definition."""
    return True


def read_files(root: Path, names: Sequence[str]) -> list[Reading | None]:
    """Return a reading of each file (its path relative to the root), or None if it is no definition."""
    files = PythonFiles(root, examines=False)
    return [read_file(root, Path(name), files) for name in names]


def _is_wanted(root: Path, name: str, wanted: Wanted) -> bool:
    """Tell whether a file is wanted or shared; one that cannot be read is, so that its reading tells why."""
    try:
        with open(f"{root}/{name}", "rb", buffering=0) as file:  # noqa: PTH123  a Path costs more than the look
            raw = file.read()
    except OSError:
        return True
    return wanted(name, raw) or _SHARED.search(raw) is not None
