"""The parent's side: worker processes, kept warm, watched while they work, and replaced when they die."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from runner.errors import DetectionError, QueryTimeout, RunInterrupted, WorkerError
from runner.worker.beat import Beat
from runner.worker.evaluation import error_match
from runner.worker.job import JobFailure, JobOutcome
from runner.worker.process import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import ForkServerProcess
    from types import TracebackType

    from runner.worker.job import Job
    from runner.worker.spool import MatchSpool

_LOOK_SECONDS = 0.1
_GRACE_SECONDS = 2.0
"""How long after its deadline, or after the signal to a rule, a worker is given before it is killed."""
_RUNS_PER_WORKER = 200
"""A worker is replaced now and then, so that what rules leak does not add up."""

_CONTEXT = multiprocessing.get_context("forkserver")


class _WorkerDied(Exception):
    """The process ended in the middle of a job; `rule` is the position of the rule that was running."""

    def __init__(self, rule: int | None, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


class Worker:
    """One worker process."""

    def __init__(self) -> None:
        self.runs = 0
        self._beat = Beat()
        self._connection, theirs = _CONTEXT.Pipe()
        self._process: ForkServerProcess = _CONTEXT.Process(
            target=serve, args=(theirs, self._beat), daemon=True, name="runner-worker"
        )
        self._process.start()
        theirs.close()

    def run(self, job: Job, spool: MatchSpool) -> JobOutcome:
        """Do a job; its matches go to the spool. Raises what the job raised, or `_WorkerDied`."""
        self.runs += 1
        self._beat.reset()
        self._connection.send(job)
        watch = _Watch(job, self._beat)
        while True:
            message = self._next_message(watch, spool)
            if isinstance(message, JobOutcome):
                return message
            if isinstance(message, JobFailure):
                raise message.error

    def _next_message(self, watch: _Watch, spool: MatchSpool) -> JobOutcome | JobFailure | None:
        try:
            if not self._connection.poll(_LOOK_SECONDS):
                self._look(watch)
                return None
            data = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise _WorkerDied(self._beat.rule, self._death()) from error
        message = pickle.loads(data)  # noqa: S301  written by our own worker
        if isinstance(message, list):
            spool.add(data)
            return None
        return message  # type: ignore[no-any-return]  # the worker sends nothing else

    def _look(self, watch: _Watch) -> None:
        """Send a stuck rule its signal, and kill the process when that or the deadline did not help."""
        stuck = watch.look()
        if stuck == "signal" and self._process.pid is not None:
            os.kill(self._process.pid, signal.SIGALRM)
        elif stuck == "deadline":
            self.kill()
            raise QueryTimeout(
                f"the run did not end within {watch.job.limits.seconds:g} seconds and was killed"
            )
        elif stuck == "kill":
            self.kill()
            raise _WorkerDied(
                self._beat.rule,
                f"it took longer than {watch.job.limits.evaluation_seconds:g} seconds over one row, and was killed",
            )

    def _death(self) -> str:
        self._process.join(_GRACE_SECONDS)
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"

    def end(self) -> None:
        """Kill the process from another thread: the one that waits for its answer sees that it died."""
        self._process.kill()

    def kill(self) -> None:
        """End the process at once, and forget it."""
        self._process.kill()
        self._process.join()
        self._connection.close()

    def stop(self) -> None:
        """Let the process end by itself; it does nothing at the moment."""
        with suppress(OSError):
            self._connection.send(None)
        self._process.join(_GRACE_SECONDS)
        self.kill()


class _Watch:
    """Decides, from what a job's beat shows and the time, whether something is stuck."""

    def __init__(self, job: Job, beat: Beat) -> None:
        self.job = job
        self._beat = beat
        self._deadline = time.monotonic() + job.limits.seconds + _GRACE_SECONDS
        self._counter = -1
        self._since = 0.0
        self._signalled = False

    def look(self) -> str:
        """Return what to do: nothing, `signal`, `kill` or `deadline`."""
        now = time.monotonic()
        if now > self._deadline:
            return "deadline"
        if self._beat.rule is None or self._beat.counter != self._counter:
            self._counter, self._since, self._signalled = self._beat.counter, now, False
            return ""
        return self._about_stuck_rule(now - self._since)

    def _about_stuck_rule(self, seconds: float) -> str:
        limit = self.job.limits.evaluation_seconds
        if self._signalled:
            return "kill" if seconds > limit + _GRACE_SECONDS else ""
        if seconds <= limit:
            return ""
        self._signalled = True
        self._beat.ask_to_stop(self._counter)
        return "signal"


class WorkerPool:
    """As many workers as queries may run at once; they are started when they are first needed."""

    def __init__(self, count: int) -> None:
        _CONTEXT.set_forkserver_preload(["runner.worker.process"])
        self._interrupted = False
        self._busy: set[Worker] = set()
        self._idle: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for _ in range(count):
            self._idle.put(None)

    def run(self, job: Job, spool: MatchSpool) -> JobOutcome:
        """Do a job in a worker of its own; waits for one that is free.

        A rule that kills its process, or cannot be stopped otherwise, is an error of that rule: the job is
        done again without it. Raises `QueryError` and `WorkerError`.
        """
        blamed: list[DetectionError] = []
        rest = job
        while True:
            spool.clear()
            try:
                outcome = self._run_once(rest, spool)
            except _WorkerDied as death:
                error = _blame(rest, death)
                blamed.append(error)
                rest = rest.without(error.rule_id)
                continue
            return _with_blamed(job, outcome, blamed, spool)

    def _run_once(self, job: Job, spool: MatchSpool) -> JobOutcome:
        try:
            with self._borrowed() as worker:
                if self._interrupted:
                    raise RunInterrupted
                return worker.run(job, spool)
        except _WorkerDied as death:
            if self._interrupted:
                raise RunInterrupted from death
            raise

    @contextmanager
    def _borrowed(self) -> Iterator[Worker]:
        worker = self._idle.get() or Worker()
        self._busy.add(worker)
        kept: Worker | None = None
        try:
            yield worker
            kept = worker if worker.runs < _RUNS_PER_WORKER else None
        except (_WorkerDied, QueryTimeout, WorkerError, RunInterrupted, KeyboardInterrupt):
            raise  # the process is gone, or not to be trusted
        except Exception:
            kept = worker
            raise
        finally:
            self._busy.discard(worker)
            if kept is None:
                worker.kill()
            self._idle.put(kept)

    def interrupt(self) -> None:
        """Kill the workers that are busy: their jobs end with `RunInterrupted`, and no new one is begun."""
        self._interrupted = True
        for worker in list(self._busy):
            worker.end()

    def close(self) -> None:
        """End all workers."""
        while not self._idle.empty():
            worker = self._idle.get()
            if worker is not None:
                worker.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _blame(job: Job, death: _WorkerDied) -> DetectionError:
    """Make a worker's death the error of the rule that was running. Raises `WorkerError` if none was."""
    if death.rule is None:
        raise WorkerError(f"the worker died: {death.reason}") from death
    rule = job.rules[death.rule]
    message = f"{rule.source.path.name}: {death.reason}"
    return DetectionError(
        message,
        rule_id=rule.rule_id,
        function="rule",
        kind="WorkerDied",
        title=f"WorkerDied({death.reason!r})",
    )


def _with_blamed(
    job: Job, outcome: JobOutcome, blamed: list[DetectionError], spool: MatchSpool
) -> JobOutcome:
    if not blamed:
        return outcome
    spool.add(pickle.dumps([error_match(job, error) for error in blamed], pickle.HIGHEST_PROTOCOL))
    return replace(
        outcome,
        errors=outcome.errors + len(blamed),
        rule_errors=(*outcome.rule_errors, *blamed),
    )
