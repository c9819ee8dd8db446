"""The processes of a soak: the daemon, which is killed and started again, and a PostgreSQL server that is restarted."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[1]))

import postgres_server

if TYPE_CHECKING:
    from random import Random

_START_SECONDS = 60.0


class DaemonProcess:
    """The daemon with its log, which all its lives share."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.log = log
        self.lives = 0
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([sys.executable, *self._command], stderr=log)
        self.lives += 1

    def end(self, number: signal.Signals, seconds: float = 60.0) -> None:
        """End it with a signal; kill it if that does not help in time, which is an error."""
        assert self._process is not None
        self._process.send_signal(number)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def hang_up(self) -> None:
        """Have it read its definitions again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    @property
    def is_alive(self) -> bool:
        """Whether it is there."""
        return self._process is not None and self._process.poll() is None

    def kill_worker(self, random: Random) -> bool:
        """Kill one of its worker processes; return whether there was one."""
        assert self._process is not None
        servers = _children(self._process.pid)
        workers = [worker for server in servers for worker in _children(server)]
        if not workers:
            return False
        subprocess.run(["kill", "-KILL", str(random.choice(workers))], check=False, capture_output=True)
        return True


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text(encoding="utf-8").split())
        except OSError:  # a thread that has ended meanwhile
            continue
    return found


class PostgresServer:
    """A server of the soak's own on loopback, that can be restarted; ended by its process id."""

    def __init__(self) -> None:
        programs = postgres_server.find_programs()
        if programs is None:
            raise SystemExit("no PostgreSQL server under /usr/lib/postgresql or on PATH")
        self._programs = programs
        self._owner = postgres_server._unprivileged()
        self._folder = Path(tempfile.mkdtemp(prefix="runner-soak-postgres-"))
        self._port = postgres_server._free_port()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"postgresql://runner@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        if self._owner:
            shutil.chown(self._folder, self._owner)
        initdb = [self._programs / "initdb", "-D", self._folder / "data", "-U", "runner", "-A", "trust"]
        postgres_server._run([*initdb, "-E", "UTF8", "--no-sync"], self._owner)
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def restart(self, seconds: float) -> None:
        """Cut all connections, stay away for some seconds, and come back."""
        self._stop()
        time.sleep(seconds)
        self._start()

    def _start(self) -> None:
        options = ["-p", self._port, "-h", "127.0.0.1", "-k", self._folder]
        command = [self._programs / "postgres", "-D", self._folder / "data", *options]
        self._server = subprocess.Popen(
            [str(part) for part in command],
            user=self._owner,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        postgres_server._await(sa.make_url(self.url).set(drivername="postgresql+psycopg"), self._server)

    def _stop(self) -> None:
        self._server.send_signal(signal.SIGINT)  # "fast": whoever is connected is cut off
        self._server.wait(_START_SECONDS)
