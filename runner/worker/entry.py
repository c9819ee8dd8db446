"""Where a worker process begins: without the engine, so that its parent need not load what only workers use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from runner.checkpoints import Checkpoints
    from runner.worker.beat import Beat

PROCESS_MODULE = "runner.worker.process"
"""What a worker needs, engine and all; loaded once, in the process that workers are forked from."""


def begin(connection: Connection, beat: Beat, checkpoints: Checkpoints) -> None:
    """Be a worker until the parent is done."""
    importlib.import_module(PROCESS_MODULE).serve(connection, beat, checkpoints)
