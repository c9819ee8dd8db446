"""The git commit that definitions were read from, told by the files of the checkout: git itself is not needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MOST_REFERENCES = 5
"""A reference may name another one, and so on; nobody has a longer chain."""


def git_commit(folder: Path) -> str:
    """Return the hash of the commit that is checked out where `folder` lies; empty if there is none.

    Whether files differ from that commit is not looked at. The layout of the files is git's own, as its manual
    describes it (gitrepository-layout, pack-refs).
    """
    try:
        git = _git_folder(folder.resolve())
        return "" if git is None else _commit_of(git, "HEAD")
    except (OSError, UnicodeDecodeError):
        return ""


def _git_folder(folder: Path) -> Path | None:
    """Return where git keeps the checkout's own state; of a worktree or submodule, `.git` is a file that says so."""
    for parent in (folder, *folder.parents):
        found = parent / ".git"
        if found.is_dir():
            return found
        if found.is_file():
            return parent / found.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    return None


def _commit_of(git: Path, name: str) -> str:
    for _ in range(_MOST_REFERENCES):
        said = _loose(git, name) or _packed(git, name)
        if not said.startswith("ref:"):
            return said if _HASH.fullmatch(said) else ""
        name = said.removeprefix("ref:").strip()
    return ""


def _loose(git: Path, name: str) -> str:
    for folder in dict.fromkeys((git, _shared(git))):
        file = folder / name
        if file.is_file():
            return file.read_text(encoding="utf-8").strip()
    return ""


def _packed(git: Path, name: str) -> str:
    file = _shared(git) / "packed-refs"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return next((line.split(" ", 1)[0] for line in lines if line.endswith(f" {name}")), "")


def _shared(git: Path) -> Path:
    """Return the folder that all worktrees of a repository share."""
    named = git / "commondir"
    return git / named.read_text(encoding="utf-8").strip() if named.is_file() else git
