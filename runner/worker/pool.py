"""WorkerPool: worker processes, kept warm, and replaced when they die."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from queue import Empty, LifoQueue
from threading import Lock
from typing import TYPE_CHECKING, Self

from runner.checkpoints import NO_CHECKPOINTS
from runner.detections.cache import MemoryCache
from runner.errors import OutOfMemory, QueryError, RunInterrupted, WorkerError
from runner.worker.worker import Worker, WorkerContext, WorkerLost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from runner.checkpoints import Checkpoints
    from runner.detections.cache import Cache
    from runner.worker.job import Job, JobOutcome
    from runner.worker.spool import MatchSpool

_RUNS_PER_WORKER = 200
"""A worker is replaced now and then, so that what rules leak does not add up."""


class WorkerPool:
    """As many workers as queries may run at once; they are started when they are first needed.

    Any number of threads may `run` jobs. `grace_seconds` is how long after its deadline, or after the signal
    to a rule, a worker is given before it is killed. `cache` is where the caching helpers of rules keep what they
    are given: without one, in this process. `niceness` is by how much other processes go before the workers.
    """

    def __init__(
        self,
        count: int,
        *,
        cache: Cache | None = None,
        grace_seconds: float = 2.0,
        checkpoints: Checkpoints = NO_CHECKPOINTS,
        niceness: int = 0,
    ) -> None:
        self._context = WorkerContext(checkpoints, niceness=niceness)
        self._cache = cache or MemoryCache(time.time)
        self._grace = grace_seconds
        self._lock = Lock()
        self._is_closed = False
        self._deaths = 0
        self._busy: set[Worker] = set()
        self._idle: LifoQueue[Worker | None] = LifoQueue()
        for _ in range(count):
            self._idle.put(None)

    @property
    def busy(self) -> frozenset[int]:
        """The process ids of the workers that have a job."""
        with self._lock:
            return frozenset(worker.pid for worker in self._busy)

    @property
    def deaths(self) -> int:
        """How many workers have died, or had to be killed, in the middle of a job."""
        with self._lock:
            return self._deaths

    def run(self, job: Job, spool: MatchSpool) -> JobOutcome:
        """Do a job in a worker of its own; waits for one that is free.

        A rule that kills its process, or cannot be stopped otherwise, is an error of that rule: the job is
        done again without it. Raises `QueryError`, `WorkerError` and `RunInterrupted`.
        """
        while True:
            spool.clear()
            try:
                with self._borrowed() as worker:
                    return worker.run(job, spool)
            except WorkerLost as loss:
                if self._is_closed:
                    raise RunInterrupted from loss
                with self._lock:
                    self._deaths += 1
                if loss.error is None:
                    raise WorkerError(f"the worker died: {loss}") from loss
                job = job.blaming(loss.error)

    @contextmanager
    def _borrowed(self) -> Iterator[Worker]:
        kept: Worker | None = None
        worker = self._idle.get()
        try:
            worker = self._ready(worker)
            try:
                yield worker
                kept = worker
            except OutOfMemory:
                raise  # what the engine keeps of it may be too much for the next job
            except QueryError:
                kept = worker
                raise
        finally:
            self._idle.put(self._after_job(worker, kept=kept is not None))

    def _ready(self, worker: Worker | None) -> Worker:
        """Return a worker that is alive, and count it as busy. Raises `RunInterrupted` if no job is to begin."""
        with self._lock:
            if self._is_closed:
                raise RunInterrupted
            if worker is not None and not worker.is_ready:
                worker.end()
                worker = None
            worker = worker or Worker(self._context, grace=self._grace, cache=self._cache)
            self._busy.add(worker)
        return worker

    def _after_job(self, worker: Worker | None, *, kept: bool) -> Worker | None:
        """Return the worker if it is fit for another job, None if it was ended."""
        if worker is None:
            return None
        with self._lock:
            self._busy.discard(worker)
            if kept and not self._is_closed and worker.runs < _RUNS_PER_WORKER:
                return worker
        worker.end()
        return None

    def interrupt(self) -> None:
        """Kill the workers that are busy: their jobs end with `RunInterrupted`, and no new one is begun."""
        with self._lock:
            self._is_closed = True
            for worker in self._busy:
                worker.kill()

    def close(self) -> None:
        """End all workers, as `interrupt` does if jobs are still going on."""
        self.interrupt()
        places = self._drained()
        for worker in filter(None, places):
            worker.stop()
        for _ in places:  # whoever waits for a place shall be told
            self._idle.put(None)

    def _drained(self) -> list[Worker | None]:
        places = []
        with suppress(Empty):
            while True:
                places.append(self._idle.get_nowait())
        return places

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
