"""Where a worker process begins: without the engine, so that its parent need not load what only workers use."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from runner.checkpoints import Checkpoints
    from runner.worker.beat import Beat

PROCESS_MODULE = "runner.worker.process"
"""What a worker needs, engine and all; loaded once, in the process that workers are forked from."""


def begin(connection: Connection, beat: Beat, checkpoints: Checkpoints, niceness: int) -> None:
    """Be a worker until the parent is done; `niceness` is by how much others go before it, as `nice` counts."""
    os.nice(niceness)
    importlib.import_module(PROCESS_MODULE).serve(connection, beat, checkpoints)
