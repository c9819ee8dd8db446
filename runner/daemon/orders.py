"""What signals and threads have to say to the main thread of the daemon, which alone acts on it.

A signal handler runs in the middle of anything, so it may take no lock: it leaves word. And Python runs it only once the
main thread runs on: one that waits for a lock may have let the signal slip by just before, or another thread may
have caught it. So the main thread waits for a pipe, to which the interpreter writes at once, whichever thread it is.
"""

from __future__ import annotations

import signal
import socket
import time
from collections import deque
from contextlib import suppress
from enum import Enum
from select import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Order(Enum):
    """What is said."""

    STOP = "stop"
    RELOAD = "reload"
    LOCK_FREE = "lock free"
    THREAD_ENDED = "thread ended"


class Orders:
    """A queue which one thread reads, and to which threads and signal handlers write."""

    def __init__(self) -> None:
        self._hears_signals = False
        self._waiting: deque[Order] = deque()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def put(self, order: Order) -> None:
        """Leave an order; never waits."""
        self._waiting.append(order)
        with suppress(OSError):  # it is full, so the reader will look; or closed, so nobody will
            self._writer.send(b"\0")

    def get(self, seconds: float | None = None) -> Order | None:
        """Wait for the next order, but no longer than this; then return None."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self._waiting:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            if select([self._reader], [], [], left)[0]:
                self._reader.recv(4096)
        return self._waiting.popleft()

    def holds(self, order: Order) -> bool:
        """Return whether an order waits to be taken."""
        return order in self._waiting

    def close(self) -> None:
        """Hear nothing more."""
        if self._hears_signals:
            signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()

    def put_on_signals(self, orders: Mapping[signal.Signals, Order]) -> None:
        """Have signals leave orders. Called by the main thread."""
        for number, order in orders.items():
            signal.signal(number, lambda *_, order=order: self.put(order))
        self._hears_signals = True
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
