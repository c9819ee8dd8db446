"""The worker's side: a process that does one job after another, and cannot hurt the one that started it."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner.checkpoints import Checkpoint
from runner.clock import SystemClock
from runner.detections.evaluate import EvaluationTimeout
from runner.errors import RunnerError, WorkerError
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.lake.index.lake_index import LakeIndex
from runner.worker import messages
from runner.worker.beat import STOP_SIGNAL
from runner.worker.confinement import confine, limit_memory
from runner.worker.evaluation import RuleDidHarm
from runner.worker.execution import execute
from runner.worker.job import JobFailure, RuleHarm
from runner.worker.pipe_cache import PipeCache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from types import FrameType

    from runner.alerts.match import Match
    from runner.checkpoints import Checkpoints
    from runner.lake.engine import QueryEngine
    from runner.worker.beat import Beat
    from runner.worker.job import Answer, Job

_QUERY_SHARE = 0.5
"""The part of a worker's memory that is the query's; the rest is for rows and rules."""


def serve(connection: Connection, beat: Beat, checkpoints: Checkpoints) -> None:
    """Do jobs as they come, until there is a None or the parent is gone."""
    surroundings = confine()
    engines = _Engines()
    beat.check = lambda: _check_pipe(connection)
    # a process that a rule forks goes on as if it were this one: it ends when it next looks at the pipe
    os.register_at_fork(after_in_child=connection.close)
    os.register_at_fork(after_in_child=beat.detach)
    while (job := _receive(connection)) is not None:
        checkpoints.reached(Checkpoint.JOB_RECEIVED)
        # set for every job: the rules of the last one may have changed them
        surroundings.restore()
        signal.signal(STOP_SIGNAL, lambda number, frame: _stop_evaluation(beat, number, frame))
        answer = _answer(job, engines, beat, connection, checkpoints)
        checkpoints.reached(Checkpoint.EVALUATION_ENDED)
        _send(connection, messages.of_answer(answer))
    engines.close()


def _answer(
    job: Job, engines: _Engines, beat: Beat, connection: Connection, checkpoints: Checkpoints
) -> Answer:
    def hand_over(matches: list[Match]) -> None:
        _send(connection, messages.of_matches(matches))
        checkpoints.reached(Checkpoint.MATCHES_HANDED_OVER)

    limit_memory(job.limits.memory)
    try:
        engine = engines.get(job)
        with _interrupted_after(job.limits.seconds, engine):
            cache = PipeCache(connection)
            return execute(job, engine, beat, hand_over, cache=cache, checkpoints=checkpoints)
    except RunnerError as error:
        return JobFailure(error=error)
    except RuleDidHarm as harm:
        return RuleHarm(error=harm.error)
    except MemoryError:
        return JobFailure(error=WorkerError("the worker ran out of memory (workers.memory)"))
    except (Exception, EvaluationTimeout) as error:  # noqa: BLE001  the border to the parent: it must hear of any failure
        return JobFailure(error=WorkerError(f"the worker failed: {type(error).__name__}: {error}"))
    finally:
        beat.leave()


@contextmanager
def _interrupted_after(seconds: float, engine: QueryEngine) -> Iterator[None]:
    """Interrupt the engine's query at the deadline; once this has ended, no interrupt is on its way."""
    timer = threading.Timer(seconds, engine.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


class _Engines:
    """The engine of the last job: kept as long as jobs come for the same lake, or the same database."""

    def __init__(self) -> None:
        self._key: object = None
        self._engine: QueryEngine | None = None

    def get(self, job: Job) -> QueryEngine:
        key = job.database or (job.lake, job.lake_index, job.spill, job.limits.memory)
        if self._engine is None or self._key != key:
            self.close()
            self._engine = _opened(job)
            self._key = key
        return self._engine

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def _opened(job: Job) -> QueryEngine:
    if job.database is not None:
        from runner.lake.database.database_engine import DatabaseEngine  # noqa: PLC0415  SQLAlchemy takes 0.4 s, and most workers never need it

        return DatabaseEngine(job.database)
    memory = int(job.limits.memory * _QUERY_SHARE)
    limits = EngineLimits(memory=memory, spill=job.spill_of(os.getpid()))
    return DuckDBEngine(job.lake, limits, LakeIndex(job.lake, job.lake_index, SystemClock()))


def _receive(connection: Connection) -> Job | None:
    try:
        job: Job | None = connection.recv()
    except (EOFError, OSError):
        return None
    return job


def _send(connection: Connection, message: bytes) -> None:
    """Hand a message to the parent; without a parent there is nothing left to do."""
    try:
        connection.send_bytes(message)
    except OSError:
        os._exit(messages.PIPE_GONE)


def _check_pipe(connection: Connection) -> None:
    """End if a rule has closed the files of this process: at once, so that the right one is blamed."""
    try:
        os.fstat(connection.fileno())
    except OSError:
        os._exit(messages.PIPE_GONE)


def _stop_evaluation(beat: Beat, _number: int, _frame: FrameType | None) -> None:
    if beat.is_to_stop():
        raise EvaluationTimeout("the rule took longer over one row than it may (limits.evaluation_seconds)")
