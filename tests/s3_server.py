"""An S3 server for the length of a test session: real, on loopback, with a folder of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runner.storage import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_SECONDS = 60
_ACCESS_KEY, _SECRET_KEY = "runner-test", "the-secret-of-the-test"


def find_program() -> Path | None:
    """Return the server's program; None if it is not installed."""
    beside = Path(sys.executable).with_name("weed")
    return beside if beside.exists() else None


@contextmanager
def running_server(program: Path) -> Iterator[ObjectStore]:
    """Start a server, and end it by its process id."""
    folder = Path(tempfile.mkdtemp(prefix="runner-s3-"))
    keys = [{"accessKey": _ACCESS_KEY, "secretKey": _SECRET_KEY}]
    identities = [
        {"name": "test", "credentials": keys, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    ports = _free_ports(8)
    server = subprocess.Popen(
        [
            program,
            "server",
            f"-dir={folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=20",
            f"-master.port={ports[0]}",
            f"-master.port.grpc={ports[1]}",
            f"-volume.port={ports[2]}",
            f"-volume.port.grpc={ports[3]}",
            "-filer",
            f"-filer.port={ports[4]}",
            f"-filer.port.grpc={ports[5]}",
            "-s3",
            f"-s3.port={ports[6]}",
            f"-s3.port.grpc={ports[7]}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={folder / 's3.json'}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        store = ObjectStore(
            endpoint=f"http://127.0.0.1:{ports[6]}",
            region="us-east-1",
            access_key=_ACCESS_KEY,
            secret_key=_SECRET_KEY,
        )
        _await(store, server)
        yield store
    finally:
        server.terminate()
        try:
            server.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _await(store: ObjectStore, server: subprocess.Popen[bytes]) -> None:
    """Wait until a bucket can be made: some seconds after the ports are open."""
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            store.client().mkdir("ready")
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.2)  # until a process of its own is ready
        else:
            return


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for opened in sockets:
        opened.bind(("127.0.0.1", 0))
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports
