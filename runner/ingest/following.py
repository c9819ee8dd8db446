"""Takes in what arrives in an inbox, batch by batch, until it is told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from runner.ingest.inbox import Inbox
    from runner.ingest.report import IngestReport

_TOGETHER = 20
"""Files in one batch: other ingests into the table wait for no more than these."""


def follow(
    inbox: Inbox,
    *,
    ingest: Callable[[Sequence[Path]], IngestReport],
    wait: Callable[[bool], bool],
    tell: Callable[[IngestReport | IngestError], None],
) -> None:
    """Take in the files of an inbox as they become ready; `tell` hears of every batch.

    Nothing is queued: while a batch is taken in, nobody looks for more, and what has come meanwhile is found at the
    next look. `wait` is called after every look, with whether there was something to do; it returns False to end. A
    file that cannot be read is told once, and again only when it has changed. If the lake cannot be written, or a place
    cannot be looked at, it is tried again after a wait.
    """
    busy = True
    while wait(busy):
        try:
            files = [file for file in inbox.ready() if file.is_file()][:_TOGETHER]
        except OSError as error:
            tell(IngestError(f"cannot be looked at: {error}"))
            busy = False
            continue
        busy = bool(files) and _took(files, inbox, ingest, tell)


def _took(
    files: Sequence[Path],
    inbox: Inbox,
    ingest: Callable[[Sequence[Path]], IngestReport],
    tell: Callable[[IngestReport | IngestError], None],
) -> bool:
    try:
        tell(ingest(files))
    except IngestError as error:
        tell(error)
        return False
    for file in files:
        inbox.take(file)
    return True
