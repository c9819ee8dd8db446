"""The worker's side: a process that does one job after another, and cannot hurt the one that started it."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
import threading
from typing import TYPE_CHECKING

from runner.detections.evaluate import EvaluationTimeout
from runner.errors import RunnerError, WorkerError
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.worker.execution import execute
from runner.worker.job import JobFailure

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path
    from types import FrameType

    from runner.alerts.match import Match
    from runner.worker.beat import Beat
    from runner.worker.job import Job, JobOutcome

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""What rules see of the environment: secrets of the runner are not theirs."""

_QUERY_SHARE = 0.5
"""The part of a worker's memory that is the query's; the rest is for rows and rules."""


def serve(connection: Connection, beat: Beat) -> None:
    """Do jobs as they come, until there is a None or the parent is gone."""
    _detach()
    signal.signal(signal.SIGALRM, lambda number, frame: _stop_evaluation(beat, number, frame))
    engines = _Engines()
    while (job := _receive(connection)) is not None:
        _send(connection, _answer(job, engines, beat, connection))
    engines.close()


def _answer(job: Job, engines: _Engines, beat: Beat, connection: Connection) -> JobOutcome | JobFailure:
    _limit_memory(job.limits.memory)
    try:
        engine = engines.get(job)
        timer = threading.Timer(job.limits.seconds, engine.interrupt)
        timer.start()
        try:
            return execute(job, engine, beat, lambda matches: _send(connection, matches))
        finally:
            timer.cancel()
            beat.leave()
    except RunnerError as error:
        return JobFailure(error=error)
    except MemoryError:
        return JobFailure(error=WorkerError("the worker ran out of memory (workers.memory)"))
    except Exception as error:  # noqa: BLE001  the border to the parent: it must hear of any failure
        return JobFailure(error=WorkerError(f"the worker failed: {type(error).__name__}: {error}"))


class _Engines:
    """The engine of the last job: kept as long as jobs come for the same lake."""

    def __init__(self) -> None:
        self._key: tuple[Path, int] | None = None
        self._engine: DuckDBEngine | None = None

    def get(self, job: Job) -> DuckDBEngine:
        key = (job.lake, job.limits.memory)
        if self._engine is None or self._key != key:
            self.close()
            memory = int(job.limits.memory * _QUERY_SHARE)
            spill = job.spill / str(os.getpid())
            self._engine = DuckDBEngine(job.lake, EngineLimits(memory=memory, spill=spill))
            self._key = key
        return self._engine

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()


def _receive(connection: Connection) -> Job | None:
    try:
        job: Job | None = connection.recv()
    except (EOFError, OSError):
        return None
    return job


def _send(connection: Connection, message: list[Match] | JobOutcome | JobFailure) -> None:
    """Hand a message to the parent; without a parent there is nothing left to do."""
    try:
        connection.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))
    except OSError:
        os._exit(1)


def _detach() -> None:
    """Leave the terminal and the parent's environment: Ctrl-C is the parent's, and so are its secrets."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, TZ="UTC")
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.__stdout__.fileno() if sys.__stdout__ else 1)


def _limit_memory(limit: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _stop_evaluation(beat: Beat, _number: int, _frame: FrameType | None) -> None:
    if beat.is_to_stop():
        raise EvaluationTimeout("the rule took longer over one row than it may (limits.evaluation_seconds)")
