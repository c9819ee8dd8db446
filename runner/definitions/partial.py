"""Some definitions of a project, with what all of them may ask for: quicker than reading everything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from runner.definitions.catalogue import catalogue_of, read_catalogue
from runner.definitions.codes import Code
from runner.definitions.folder import contents_of
from runner.definitions.python_files import PythonFiles
from runner.definitions.reader import read_file, unread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.folder import FolderContents
    from runner.definitions.reading import Reading

_SHARED = re.compile(rb"AnalysisType[\"']?\s*:\s*[\"']?(global|datamodel|lookup_table)\b")
"""What detections ask for, wherever it lies."""


def read_part(
    root: Path,
    wanted: Callable[[Path, bytes], bool],
    *,
    exclude: tuple[str, ...] = (),
    folders: tuple[str, ...] = (),
) -> Catalogue:
    """Read the definitions under `root` whose path (relative to it) and bytes are wanted, and all that is shared.

    Shared are global helpers, data models and lookup tables. What is wrong with the others is not seen, and what they
    would have been named for seems unknown. If a wanted detection derives from one that is not, everything is read.
    """
    files = PythonFiles(root)
    contents = contents_of(root, exclude, folders)
    part = catalogue_of(root, tuple(_readings(root, wanted, files, contents)), files.imports)
    if any(error.code == Code.UNKNOWN_BASE for error in part.errors):
        return read_catalogue(root, exclude=exclude, folders=folders)
    return part


def _readings(
    root: Path, wanted: Callable[[Path, bytes], bool], files: PythonFiles, contents: FolderContents
) -> Iterator[Reading]:
    yield from map(unread, contents.faults)
    for name in contents.files:
        path = Path(name)
        raw = _raw(root / path)
        if raw is None or wanted(path, raw) or _SHARED.search(raw):
            reading = read_file(root, path, files)
            if reading is not None:
                yield reading


def _raw(path: Path) -> bytes | None:
    """Return what a file holds; None if it cannot be read, which reading it as a definition will tell."""
    try:
        return path.read_bytes()
    except OSError:
        return None
