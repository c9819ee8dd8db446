"""App: puts the parts together, once."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.checkpoints import NO_CHECKPOINTS
from runner.definitions.catalogue import read_catalogue
from runner.pipeline import Pipeline
from runner.store.state import StateStore
from runner.worker.pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.checkpoints import Checkpoints
    from runner.clock import Clock
    from runner.definitions.catalogue import Catalogue
    from runner.settings import Settings


_NICENESS = 10
"""What people start by hand goes behind a daemon on the same machine: its due times shall not wait for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """The parts of a program that runs queries."""

    settings: Settings
    clock: Clock
    catalogue: Catalogue
    store: StateStore
    workers: WorkerPool
    pipeline: Pipeline


@contextmanager
def build(
    settings: Settings,
    clock: Clock,
    *,
    keep_state: bool = True,
    notifies: bool = False,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> Iterator[App]:
    """Put the parts together, and take them apart at the end.

    With `notifies`, destinations are to be told of what manual runs find.
    Without `keep_state` everything happens in a database of its own, which is thrown away at the end, and
    nothing is written into the project.
    Raises `StoreError` if the state database cannot be opened.
    """
    with ExitStack() as stack:
        catalogue = read_catalogue(
            settings.root, exclude=settings.not_definitions, folders=settings.definition_folders
        )
        url = settings.state_url if keep_state else _passing_url(stack)
        store = StateStore(
            url, clock=clock, events_per_alert=settings["state.events_per_alert"], checkpoints=checkpoints
        )
        stack.callback(store.close)
        workers = stack.enter_context(
            WorkerPool(
                settings["workers.count"],
                cache=store.rule_cache,
                niceness=_NICENESS,
                checkpoints=checkpoints,
            )
        )
        pipeline = Pipeline(
            catalogue=catalogue,
            settings=settings,
            store=store,
            workers=workers,
            clock=clock,
            notifies=notifies,
            keeps_index=keep_state,
            checkpoints=checkpoints,
        )
        yield App(
            settings=settings,
            clock=clock,
            catalogue=catalogue,
            store=store,
            workers=workers,
            pipeline=pipeline,
        )


def open_store(settings: Settings, clock: Clock) -> StateStore:
    """Open the state database alone: for commands that run no queries."""
    return StateStore(settings.state_url, clock=clock, events_per_alert=settings["state.events_per_alert"])


def _passing_url(stack: ExitStack) -> str:
    """Return the URL of a database that is gone when the stack is left."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="runner-dry-run-"))
    return f"sqlite:///{folder}/state.db"
