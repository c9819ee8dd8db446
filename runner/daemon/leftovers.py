"""What processes that were killed have left on the disk."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def remove_spill_of_the_dead(spill: Path) -> None:
    """Remove the spill folders, named by process id, of workers that are no more."""
    folders = spill.iterdir() if spill.is_dir() else ()
    for folder in folders:
        if folder.name.isdecimal() and not _is_there(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_there(pid: int) -> bool:
    """Whether a process has this id; it may be another one by now, and then the folder waits for the next time."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
