"""ServiceManager: what systemd is told of the daemon, over the socket that it names in the environment.

The protocol is that of sd_notify(3): datagrams of `NAME=value` lines to an AF_UNIX socket, which may be abstract.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 1.0
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceManager:
    """Without an address nobody is listening, and nothing is sent."""

    address: str = ""
    watchdog_seconds: float | None = None
    """Within this time it wants to be told that all is well; None if it does not ask for it."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read what systemd sets for its services."""
        address = environment.get("NOTIFY_SOCKET", "")
        wanted = environment.get("WATCHDOG_USEC", "")
        is_for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        seconds = int(wanted) / _MICROSECONDS if wanted.isdecimal() and is_for_us else None
        return cls(address=address, watchdog_seconds=seconds or None)

    def ready(self) -> None:
        """Say that the daemon is at work, for the first time or after a reload."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """Say that the definitions are being read again; `ready` says that this has ended."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Say that the daemon is about to end."""
        self._tell("STOPPING=1")

    def status(self, sentence: str) -> None:
        """Say in one line what the daemon is at."""
        self._tell(f"STATUS={' '.join(sentence.split())}")

    def all_is_well(self) -> None:
        """Keep the watchdog quiet for another while."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if not self.address:
            return
        path = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(_PATIENCE_SECONDS)
                sender.sendto("\n".join(lines).encode(), path)
        except OSError as error:
            _log.warning("service_manager_unreachable", fault=error.strerror or str(error))
