"""The YAML files under a folder as the file system shows them: nothing is opened, so looking is cheap."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from runner.definitions.codes import Code
from runner.definitions.location import Location
from runner.errors import UnreadableDefinition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.errors import DefinitionError


_ENDINGS = (".yml", ".yaml")


class Stamp(NamedTuple):
    """What tells one state of a file from another: any writing, replacing or renaming changes it."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderContents:
    """What stands under a folder; paths are relative to it and have slashes."""

    files: Mapping[str, Stamp | None]
    """The YAML files in the order of their paths; without a stamp, the name leads nowhere."""
    folders: tuple[str, ...]
    """The folders that were looked into; the folder itself is the empty text."""
    faults: tuple[DefinitionError, ...]
    """The folders that could not be looked into."""


def contents_of(root: Path, exclude: tuple[str, ...] = (), folders: tuple[str, ...] = ()) -> FolderContents:
    """Return the YAML files under `root`, each real file and folder once, links or not.

    `exclude` names folders relative to the root. `folders` are shell-style patterns: of the folders below the root,
    however deep, files are taken only from those whose path, such as `./rules/aws`, matches one; without patterns,
    from all. Names that begin with a dot are passed over: among them are the folders that Kubernetes keeps behind the
    links of a ConfigMap.
    """
    walk = _Walk(os.fspath(root), exclude, folders)
    walk.into("")
    walk.follow_links()
    return FolderContents(files=walk.files, folders=tuple(walk.folders), faults=tuple(walk.faults))


def stamp_of(path: str | Path) -> Stamp | None:
    """Return the stamp of a file, links followed; None if there is no file that can be asked."""
    try:
        return _stamp(os.stat(path))  # noqa: PTH116  asked of thousands of files again and again
    except (OSError, ValueError):
        return None


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class _Walk:
    """One walk through the folders; paths are plain texts, as there may be tens of thousands of them."""

    def __init__(self, root: str, exclude: tuple[str, ...], patterns: tuple[str, ...]) -> None:
        self.files: dict[str, Stamp | None] = {}
        self.folders: list[str] = []
        self.faults: list[DefinitionError] = []
        self._root = root
        self._patterns = patterns
        self._excluded = {PurePosixPath(folder).as_posix() for folder in exclude}
        self._seen: set[tuple[int, int]] = set()
        self._links: deque[tuple[os.DirEntry[str], str, bool]] = deque()

    def follow_links(self) -> None:
        """Go where links lead, unless what is there has been met: a real place goes before every link to it."""
        if not self._links:
            return
        while self._links:
            entry, path, takes_files = self._links.popleft()
            self._take(entry, path, takes_files=takes_files)
        self.files = dict(sorted(self.files.items(), key=lambda item: item[0].split("/")))
        self.folders.sort(key=lambda folder: folder.split("/"))

    def into(self, folder: str) -> None:
        """Note what a folder holds, and what the folders in it hold."""
        try:
            with os.scandir(f"{self._root}/{folder}") as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self._blame(folder, error)
            return
        self.folders.append(folder)
        takes_files = self._takes_files(folder)
        for entry in entries:
            if not entry.name.startswith(".") and entry.name != "__pycache__":
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_symlink():
                    self._links.append((entry, path, takes_files))
                else:
                    self._take(entry, path, takes_files=takes_files)

    def _takes_files(self, folder: str) -> bool:
        if not folder or not self._patterns:
            return True
        return any(fnmatchcase(f"./{folder}", pattern) for pattern in self._patterns)

    def _take(self, entry: os.DirEntry[str], path: str, *, takes_files: bool) -> None:
        try:
            is_folder = entry.is_dir()
        except OSError as error:  # a loop of links, a file system that has gone away
            self._blame(path, error)
            return
        if path in self._excluded if is_folder else not (takes_files and entry.name.endswith(_ENDINGS)):
            return
        try:
            status = entry.stat()
        except OSError:  # a link to nowhere: reading it will say so
            self.files[path] = None
            return
        if (status.st_dev, status.st_ino) in self._seen:
            return
        self._seen.add((status.st_dev, status.st_ino))
        if is_folder:
            self.into(path)
        elif entry.is_file() or entry.is_symlink():
            self.files[path] = _stamp(status)

    def _blame(self, path: str, error: OSError) -> None:
        message = f"cannot be read: {error.strerror}"
        self.faults.append(UnreadableDefinition(message, Location(Path(path)), Code.UNREADABLE_FILE))
