"""The rules' cache as a worker has it: it asks the parent, for workers never write state."""

from __future__ import annotations

import signal
from threading import Lock
from typing import TYPE_CHECKING, Any

from runner.worker import messages
from runner.worker.beat import STOP_SIGNAL

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from runner.detections.cache import CacheCall


class PipeCache:
    """Sends each call to the parent and waits for its answer. Threads of a rule may share it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = Lock()

    def call(self, call: CacheCall) -> Any:
        """Have the parent do what a call asks for, and return its answer; raise `ValueError` if it refuses.

        The signal that ends a slow rule waits meanwhile: an answer that nobody reads would be taken for the next one.
        """
        with self._lock:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {STOP_SIGNAL})
            try:
                self._connection.send_bytes(messages.of_cache_call(call))
                answer = messages.cache_answer_in(self._connection.recv_bytes())
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if isinstance(answer, ValueError):
            raise answer
        return answer
