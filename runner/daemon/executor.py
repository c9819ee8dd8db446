"""Executor: takes due times off the backlog and has them run, as many at a time as there are workers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from runner.errors import StoreError
from runner.runs.query_run import RunFault, RunState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from runner.definitions.catalogue import Catalogue
    from runner.pipeline import Pipeline
    from runner.runs.query_run import Claim
    from runner.runs.retry import RetryPolicy
    from runner.store.state import StateStore

_log = structlog.get_logger(__name__)

_IDLE_SECONDS = 1.0
"""How long a thread waits before it looks at the backlog again, unless it is woken."""
_TROUBLE_SECONDS = 5.0
"""How long it waits when the state database is in trouble."""


class Executor:
    """Threads that only wait: each claims a due time, and waits for the worker that runs it."""

    def __init__(
        self,
        *,
        store: StateStore,
        catalogue: Callable[[], Catalogue],
        pipeline_of: Callable[[Catalogue], Pipeline],
        owner: str,
        lease: timedelta,
        retries: RetryPolicy,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._pipeline_of = pipeline_of
        self._owner = owner
        self._lease = lease
        self._retries = retries
        self._stopping = threading.Event()
        self._work = threading.Condition()
        self._threads: list[threading.Thread] = []

    def start(self, count: int) -> None:
        """Start this many threads."""
        self._threads = [
            threading.Thread(target=self._loop, name=f"executor-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Say that there may be something to do."""
        with self._work:
            self._work.notify_all()

    def stop(self) -> None:
        """Begin nothing new; what runs goes on."""
        self._stopping.set()
        self.wake()

    def wait(self, seconds: float) -> bool:
        """Wait until all runs have ended; return whether they did within this time."""
        for thread in self._threads:
            thread.join(seconds / max(1, len(self._threads)))
        return not any(thread.is_alive() for thread in self._threads)

    def run_next(self) -> bool:
        """Run the due time that comes first; return whether there was one. Raises `StoreError`."""
        claim = self._store.ledger.claim_next(self._owner, self._lease)
        if claim is None:
            return False
        catalogue = self._catalogue()
        query = catalogue.queries.get(claim.key.query)
        if query is None:
            self._give_up(claim)
        else:
            rules = [rule for rule in catalogue.rules_for(query.name) if rule.enabled]
            self._pipeline_of(catalogue).run_scheduled(claim, query, rules, self._retries)
        return True

    def _give_up(self, claim: Claim) -> None:
        fault = RunFault(kind="UnknownQuery", message="there is no sound definition of the query")
        self._store.fail(claim, RunState.FAILED, fault)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                if not self.run_next():
                    self._rest(_IDLE_SECONDS)
            except StoreError as error:
                _log.error("state_unavailable", fault=str(error))
                self._rest(_TROUBLE_SECONDS)
            except Exception as error:  # noqa: BLE001  the boundary of a thread: the others go on, and so does this one
                _log.error("executor_failed", fault=repr(error))
                self._rest(_TROUBLE_SECONDS)

    def _rest(self, seconds: float) -> None:
        with self._work:
            if not self._stopping.is_set():
                self._work.wait(seconds)
