"""What keeps a worker from hurting others: no terminal, no secrets, a limit on memory, and an end with its parent."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import resource
import signal
import sys
import time
from pathlib import Path

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""What rules see of the environment: secrets of the runner are not theirs."""


class Surroundings:
    """What every job finds, whatever the rules of the last one did: variables, folder, standard streams."""

    def __init__(self) -> None:
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        self._variables = {**kept, "TZ": "UTC"}
        self._folder = Path.cwd()

    def restore(self) -> None:
        """Put things back as they were."""
        os.environ.clear()
        os.environ.update(self._variables)
        time.tzset()
        os.chdir(self._folder)
        _silence()


def confine() -> Surroundings:
    """Leave the terminal and the parent's environment, for good; return what is left."""
    _end_with_parent()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    surroundings = Surroundings()
    surroundings.restore()
    return surroundings


def limit_memory(limit: int) -> None:
    """Limit what this process may allocate, in bytes.

    The address space itself is not limited: threads reserve much more of it than they ever use.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _end_with_parent() -> None:
    """Have the kernel kill this process when the runner is gone, whatever either of them does at that moment.

    A worker at rest sees the end of its pipe; one that computes would never look. The signal that the kernel
    sends when a pipe has news may be any one, and this pipe has none but its end.
    """
    parent = multiprocessing.parent_process()
    if parent is None or sys.platform != "linux":
        return
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(parent.sentinel, fcntl.F_GETFL)
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)


def _silence() -> None:
    """Let what rules print go nowhere, and let them read nothing."""
    for descriptor, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        sink = os.open(os.devnull, flags)
        if sink != descriptor:  # it is, where a rule has closed the descriptor
            os.dup2(sink, descriptor)
            os.close(sink)
