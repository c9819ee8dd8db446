"""Receivers of the tests: an HTTP server that can misbehave, and a mail server, both on loopback."""

import json
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller

LONGEST_SECONDS = 30


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self):
        return json.loads(self.body)


@dataclass
class Answer:
    """What the receiver does with one request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    hangs: bool = False
    breaks_off: bool = False
    drips: bool = False


@dataclass(frozen=True)
class Certificate:
    """A certificate of this machine that nobody trusts unless told to, in PEM."""

    file: Path
    key: Path

    def for_server(self):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.file, self.key)
        return context


def certificate_in(folder):
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    files = ["-keyout", made.key, "-out", made.file]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *files, *names]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made


class Receiver:
    """An HTTP server: answers as it was told, in order, then always takes it; over TLS if it has a certificate."""

    def __init__(self, certificate=None):
        self.received: list[Received] = []
        self.answers: list[Answer] = []
        self.released = threading.Event()
        self.takes = b"{}"
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.take(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.scheme = "https" if certificate else "http"
        if certificate:
            self.server.socket = certificate.for_server().wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def address(self):
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}"

    @property
    def url(self):
        return f"{self.address}/hook"

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.received.append(Received(handler.path, dict(handler.headers.items()), body))
        answer = self.answers.pop(0) if self.answers else Answer(body=self.takes)
        if answer.hangs:
            self.released.wait(LONGEST_SECONDS)
        if answer.hangs or answer.breaks_off:
            if answer.breaks_off:
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        if answer.drips:
            self.drip(handler, answer.body)
        else:
            handler.wfile.write(answer.body)

    def drip(self, handler, body):
        """Send a byte now and then, so that no single read ever waits long."""
        for byte in body:
            try:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
            except OSError:
                return
            if self.released.wait(0.02):
                return

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(LONGEST_SECONDS)


class Mailbox:
    """What a mail server took in."""

    def __init__(self):
        self.mails = []
        self.refuses_with = ""

    async def handle_DATA(  # noqa: N802  the name that aiosmtpd calls
        self, _server, _session, envelope
    ):
        if self.refuses_with:
            return self.refuses_with
        self.mails.append(envelope)
        return "250 taken"


class MailServer(Controller):
    """A mail server on a port that the system chooses."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
