"""ProbeServer: `/healthz`, `/readyz` and `/metrics` over HTTP, in threads of their own."""

from __future__ import annotations

import socket
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import structlog
from prometheus_client.exposition import choose_encoder

from runner.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from prometheus_client import CollectorRegistry

    from runner.options import Address

    Troubles = Callable[[], Sequence[str]]

_log = structlog.get_logger(__name__)

_TEXT = "text/plain; charset=utf-8"
_CLIENT_SECONDS = 10.0
"""How long one client may take over its request: one that stalls holds a thread no longer."""
_MOST_CLIENTS = 16
_STOP_SECONDS = 0.1


class ProbeServer:
    """Use it as a context. Raises `SettingsError` if it cannot listen there.

    `health` and `readiness` return what is wrong, in sentences: no sentence is status 200, others 503.
    """

    def __init__(
        self, listen: Address, *, health: Troubles, readiness: Troubles, registry: CollectorRegistry
    ) -> None:
        pages = {"/healthz": _probe(health), "/readyz": _probe(readiness), "/metrics": _metrics(registry)}
        handler = type("_PagesHandler", (_Handler,), {"pages": pages})
        try:
            self._server = _BoundedServer((listen.host, listen.port), handler)
        except OSError as error:
            raise SettingsError(
                f"http.listen: cannot listen on {listen}: {error.strerror or error}; choose another port, or 'off'"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_STOP_SECONDS,), name="http", daemon=True
        )

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`."""
        host, port = self._server.server_address[:2]
        name = host.decode() if isinstance(host, bytes | bytearray) else host
        return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _BoundedServer(ThreadingHTTPServer):
    """A server that turns clients away when it has as many as it wants to."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._places = threading.BoundedSemaphore(_MOST_CLIENTS)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  the library's signature
        """Say nothing of clients that went away; anything else is a fault of ours."""
        fault = sys.exception()
        if not isinstance(fault, OSError):
            _log.error("http_failed", fault=repr(fault))


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD with one of a few pages."""

    pages: dict[str, Callable[[str], tuple[HTTPStatus, str, bytes]]]
    timeout = _CLIENT_SECONDS
    server_version = "runner"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with the page and its body."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer as to GET, without the body."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Log nothing: probes come every few seconds."""

    def _answer(self, *, with_body: bool) -> None:
        page = self.pages.get(self.path.partition("?")[0])
        if page is None:
            status, kind, body = HTTPStatus.NOT_FOUND, _TEXT, f"there is: {', '.join(self.pages)}\n".encode()
        else:
            status, kind, body = page(self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def _probe(troubles: Troubles) -> Callable[[str], tuple[HTTPStatus, str, bytes]]:
    def answer(_accept: str) -> tuple[HTTPStatus, str, bytes]:
        found = troubles()
        status = HTTPStatus.SERVICE_UNAVAILABLE if found else HTTPStatus.OK
        return status, _TEXT, ("\n".join(found or ["ok"]) + "\n").encode()

    return answer


def _metrics(registry: CollectorRegistry) -> Callable[[str], tuple[HTTPStatus, str, bytes]]:
    def answer(accept: str) -> tuple[HTTPStatus, str, bytes]:
        encode, kind = choose_encoder(accept)
        return HTTPStatus.OK, kind, encode(registry)

    return answer
