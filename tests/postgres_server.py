"""A PostgreSQL server for the length of a test session: real, on loopback, with a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_START_SECONDS = 60


def find_programs() -> Path | None:
    """Return the folder with `initdb` and `postgres`; None if there is no server to be had."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("postgres")
    candidates = [*reversed(installed), *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in candidates if (folder / "initdb").is_file()), None)


@contextmanager
def running_server(programs: Path) -> Iterator[sa.URL]:
    """Start a server, and end it by its process id; it refuses to be root's, so another user gets it."""
    folder = Path(tempfile.mkdtemp(prefix="runner-postgres-"))
    owner = _unprivileged()
    if owner:
        shutil.chown(folder, owner)
    data, port = folder / "data", _free_port()
    _run([programs / "initdb", "-D", data, "-U", "runner", "-A", "trust", "-E", "UTF8", "--no-sync"], owner)
    options = ["-p", port, "-h", "127.0.0.1", "-k", folder, "-c", "fsync=off"]
    server = subprocess.Popen(
        [str(part) for part in (programs / "postgres", "-D", data, *options)],
        user=owner,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = sa.URL.create("postgresql+psycopg", "runner", None, "127.0.0.1", port, "postgres")
        _await(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(_START_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(command: Sequence[object], owner: str | None) -> None:
    subprocess.run([str(part) for part in command], user=owner, check=True, capture_output=True, cwd="/")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _await(url: sa.URL, server: subprocess.Popen[bytes]) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with engine.connect():
                return
        except sa.exc.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            os.sched_yield()
