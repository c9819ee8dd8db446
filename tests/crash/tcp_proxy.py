"""A proxy on loopback that can lose a connection in the ways a network does."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

_PATIENCE = 60.0
"""Seconds after which a hole lets go, whatever happens to the test."""


class LoopbackProxy:
    """Passes bytes on to a port of this machine, until it is told to `cut` connections or to swallow bytes."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._passes = threading.Event()
        self._passes.set()
        self._is_cut = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def hole(self) -> None:
        """Let nothing through, and let nobody know."""
        self._passes.clear()

    def cut(self) -> None:
        """End all connections, and every new one at once."""
        self._is_cut = True
        self._end_all()

    def restore(self) -> None:
        """Pass bytes again, those that were held back first."""
        self._is_cut = False
        self._passes.set()

    def close(self) -> None:
        self.restore()
        self._listener.close()
        self._end_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed: the test has ended
            while True:
                near, _ = self._listener.accept()
                if self._is_cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._target))
                with self._lock:
                    self._sockets += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self._passes.wait(_PATIENCE)
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _end_all(self) -> None:
        with self._lock:
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            self._sockets.clear()
