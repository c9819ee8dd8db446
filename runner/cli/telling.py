"""`--notify`: what a command does to have destinations told at once, without waiting for a daemon."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner.cli import output
from runner.cli.output import counted
from runner.delivery.assembly import post_office
from runner.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.app import App
    from runner.delivery.post_office import PostOffice


@contextmanager
def post_office_if(parts: App, wanted: bool) -> Iterator[PostOffice | None]:  # noqa: FBT001  it is what the flag says
    """Make a post office if it is wanted. Raises `SettingsError` before anything runs."""
    if not wanted:
        yield None
        return
    post = post_office(
        parts.settings,
        parts.store.outbox,
        clock=parts.clock,
        owner=f"once-{os.getpid()}",
        catalogue=lambda: parts.catalogue,
        random=random.random,
    )
    if not post.destinations:
        raise SettingsError("--notify: there is no destination; describe one in runner.toml")
    try:
        yield post
    finally:
        post.stop(0)


def tell(parts: App, post: PostOffice) -> None:
    """Send what can be sent now, and say what is left for the daemon."""
    while post.dispatch():
        pass
    sent = 0
    while taken := post.send_due():
        sent += taken
    waiting = sum(counts["waiting"] for counts in parts.store.outbox.counts().values())
    left = f"; {counted(waiting, 'message')} wait for the daemon" if waiting else ""
    output.complain([f"{counted(sent, 'message')} delivered{left}."])
