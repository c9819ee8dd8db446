"""App: puts the parts together, once."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.definitions.catalogue import read_catalogue
from runner.pipeline import Pipeline
from runner.store.database import IN_MEMORY
from runner.store.state import StateStore
from runner.worker.pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.clock import Clock
    from runner.definitions.catalogue import Catalogue
    from runner.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """The parts of a program that runs queries."""

    settings: Settings
    clock: Clock
    catalogue: Catalogue
    store: StateStore
    pipeline: Pipeline


@contextmanager
def build(settings: Settings, clock: Clock, *, keep_state: bool = True) -> Iterator[App]:
    """Put the parts together, and take them apart at the end.

    Without `keep_state` everything happens in a database in memory, and nothing is written.
    Raises `StoreError` if the state database cannot be opened.
    """
    with ExitStack() as stack:
        catalogue = read_catalogue(settings.root, exclude=settings["definitions.exclude"])
        store = open_store(settings, clock, keep_state=keep_state)
        stack.callback(store.close)
        workers = stack.enter_context(WorkerPool(settings["workers.count"]))
        pipeline = Pipeline(catalogue=catalogue, settings=settings, store=store, workers=workers)
        yield App(settings=settings, clock=clock, catalogue=catalogue, store=store, pipeline=pipeline)


def open_store(settings: Settings, clock: Clock, *, keep_state: bool = True) -> StateStore:
    """Open the state database alone: for commands that run no queries."""
    url = settings.state_url if keep_state else IN_MEMORY
    return StateStore(url, clock=clock, events_per_alert=settings["state.events_per_alert"])
