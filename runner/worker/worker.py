"""Worker: the parent's hold on one worker process, watched while it works."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from contextlib import suppress
from multiprocessing.connection import wait
from threading import Lock
from typing import TYPE_CHECKING

from runner.checkpoints import NO_CHECKPOINTS, Checkpoint
from runner.errors import DetectionError, QueryTimeout
from runner.worker import entry, messages
from runner.worker.beat import STOP_SIGNAL, Beat
from runner.worker.job import JobFailure, JobOutcome
from runner.worker.watch import Verdict, Watch

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext, ForkServerProcess

    from runner.checkpoints import Checkpoints
    from runner.detections.cache import Cache, CacheCall
    from runner.worker.job import Answer, Job
    from runner.worker.spool import MatchSpool

_LOOK_SECONDS = 0.05
_STOP_SECONDS = 2.0
"""How long a process that has nothing to do is given to end by itself."""


class WorkerLost(Exception):
    """The process has ended in the middle of a job, or is not fit for another.

    `error` is that of the rule that was running, None if none was.
    """

    def __init__(self, reason: str, error: DetectionError | None) -> None:
        super().__init__(reason)
        self.error = error


class WorkerContext:
    """How worker processes are made: forked from a process that has loaded the engine already.

    `multiprocessing` keeps a list of all its processes that any of them may tidy up, and the exit code can be
    read only once: so starting and looking are done by one thread at a time.
    """

    def __init__(self, checkpoints: Checkpoints = NO_CHECKPOINTS, *, niceness: int = 0) -> None:
        self._niceness = niceness
        self.reached = checkpoints.reached
        self._checkpoints = checkpoints
        self._lock = Lock()
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([entry.PROCESS_MODULE])

    def start(self, beat: Beat) -> tuple[ForkServerProcess, Connection]:
        """Start a worker process; returns it and the parent's end of its pipe."""
        ours, theirs = self._context.Pipe()
        with self._lock, theirs:
            process = self._context.Process(
                target=entry.begin,
                args=(theirs, beat, self._checkpoints, self._niceness),
                daemon=True,
                name="runner-worker",
            )
            process.start()
        return process, ours

    def exit_code(self, process: ForkServerProcess) -> int | None:
        """Return the exit code of a process, negative for a signal; None while it is alive."""
        with self._lock:
            return process.exitcode


class Worker:
    """One worker process. Used by one thread at a time, but for `kill`."""

    def __init__(self, context: WorkerContext, *, grace: float, cache: Cache) -> None:
        self.runs = 0
        self._cache = cache
        self._context = context
        self._grace = grace
        self._beat = Beat()
        self._job: Job | None = None
        self._process, self._connection = context.start(self._beat)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid or 0

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._context.exit_code(self._process) is None

    @property
    def is_ready(self) -> bool:
        """Whether a job can be given to it; a worker that has nothing to do has nothing to say but that it died."""
        return self.is_alive and not self._connection.poll()

    def run(self, job: Job, spool: MatchSpool) -> JobOutcome:
        """Do a job; its matches go to the spool. Raises what the job raised, or `WorkerLost`."""
        self.runs += 1
        self._job = job
        self._beat.reset()
        watch = Watch(job.limits, self._beat, grace=self._grace, monotonic=time.monotonic)
        try:
            self._context.reached(Checkpoint.JOB_BEGINS)
            self._connection.send(job)
            self._context.reached(Checkpoint.JOB_SENT)
            answer = self._answer(job, watch, spool)
            self._context.reached(Checkpoint.OUTCOME_READ)
        except (EOFError, OSError) as error:
            reason = self._death()
            raise WorkerLost(reason, _blame(job, self._suspect(), reason)) from error
        if isinstance(answer, JobOutcome):
            return answer
        if isinstance(answer, JobFailure):
            raise answer.error
        raise WorkerLost(answer.error.message, answer.error)

    def _suspect(self) -> int | None:
        """Return the rule to blame for the process's end.

        Nobody but a rule closes the pipe to a parent that is there, and it shows when the pipe is used next.
        """
        if self._context.exit_code(self._process) == messages.PIPE_GONE:
            return self._beat.last_rule
        return self._beat.rule

    def _answer(self, job: Job, watch: Watch, spool: MatchSpool) -> Answer:
        """Keep the matches as they come, until the answer does."""
        while True:
            self._act_on(watch.look(), job, watch.rule)
            self._context.reached(Checkpoint.WORKER_LOOKED_AT)
            if not self._connection.poll(_LOOK_SECONDS):
                continue
            message = self._connection.recv_bytes()
            call = messages.cache_call_in(message)
            if call is not None:
                self._answer_call(call)
                continue
            batch = messages.matches_in(message)
            if batch is None:
                return messages.answer_in(message)
            spool.add(batch)
            self._context.reached(Checkpoint.MATCHES_SPOOLED)

    def _answer_call(self, call: CacheCall) -> None:
        """Do what a rule asks of its cache. Raises `StoreError`: then the run cannot go on either."""
        try:
            answer = self._cache.call(call)
        except ValueError as refusal:
            answer = refusal
        self._connection.send_bytes(messages.of_cache_answer(answer))

    def _act_on(self, verdict: Verdict, job: Job, rule: int | None) -> None:
        if verdict is Verdict.SIGNAL:
            self._send_signal(STOP_SIGNAL)
        elif verdict is Verdict.KILL_RUN:
            self.kill()
            busy_with = "" if rule is None else f" while the rule {job.rules[rule].rule_id!r} was asked"
            raise QueryTimeout(
                f"the run did not end within {job.limits.seconds:g} seconds, and was killed{busy_with}"
            )
        elif verdict is Verdict.KILL_RULE:
            self.kill()
            reason = (
                f"it took longer than {job.limits.evaluation_seconds:g} seconds over one row, and was killed"
            )
            raise WorkerLost(reason, _blame(job, rule, reason, kind="EvaluationTimeout"))

    def _death(self) -> str:
        wait([self._process.sentinel], _STOP_SECONDS)
        code = self._context.exit_code(self._process)
        if code is not None and code < 0:
            return f"its process was ended by {_signal_name(-code)}"
        return f"its process ended with exit code {code}"

    def _send_signal(self, number: signal.Signals) -> None:
        if self.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End the process and what it has started, at once; may be called from another thread, and again."""
        if self.is_alive:
            with suppress(ProcessLookupError):  # its group is there once it has left ours
                os.killpg(self.pid, signal.SIGKILL)
            self._send_signal(signal.SIGKILL)
            wait([self._process.sentinel])
        if self._job is not None:
            shutil.rmtree(self._job.spill_of(self.pid), ignore_errors=True)

    def stop(self) -> None:
        """Let the process end by itself; it does nothing at the moment."""
        with suppress(OSError):
            self._connection.send(None)
        wait([self._process.sentinel], _STOP_SECONDS)
        self.end()

    def end(self) -> None:
        """End the process at once, and give back what the parent holds of it."""
        self.kill()
        self._connection.close()


def _blame(job: Job, rule: int | None, reason: str, kind: str = "WorkerDied") -> DetectionError | None:
    """Make the end of a worker the error of the rule at a position; None if no rule was running."""
    if rule is None:
        return None
    blamed = job.rules[rule]
    return DetectionError(
        f"{reason}: {blamed.source.path.name}",
        rule_id=blamed.rule_id,
        function="rule",
        kind=kind,
        title=f"{kind}({reason!r})",
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
