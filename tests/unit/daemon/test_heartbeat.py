import socket
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from structlog.testing import capture_logs

from runner.daemon.heartbeat import Heartbeat
from runner.metrics import Metrics


@contextmanager
def receiver(status=200, location=None):
    """Receive heartbeats on loopback; yields the URL to call, and the paths that were called."""
    called = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            called.append(self.path)
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/ping/t0ken", called
        server.shutdown()
        thread.join()


def heartbeat(url, *, troubles=(), metrics=None, every=3600.0):
    return Heartbeat(
        url, every=every, troubles=lambda: list(troubles), metrics=metrics or Metrics(), patience=0.5
    )


def test_the_url_is_called_when_all_is_well():
    metrics = Metrics()

    with receiver() as (url, called):
        result = heartbeat(url, metrics=metrics).beat()

    assert (result, called) == ("sent", ["/ping/t0ken"])
    assert metrics.registry.get_sample_value("runner_heartbeats_total", {"result": "sent"}) == 1


def test_the_url_is_not_called_when_something_is_wrong_and_the_log_says_what_once():
    with receiver() as (url, called), capture_logs() as lines:
        beating = heartbeat(url, troubles=["overdue: q"])
        results = [beating.beat(), beating.beat()]

    assert (results, called) == (["withheld", "withheld"], [])
    assert [(line["event"], line["reasons"]) for line in lines] == [("heartbeat_withheld", ["overdue: q"])]


def test_a_redirect_is_not_followed():
    with (
        receiver() as (elsewhere, followed),
        receiver(302, elsewhere) as (url, called),
        capture_logs() as lines,
    ):
        result = heartbeat(url).beat()

    assert (result, called, followed) == ("failed", ["/ping/t0ken"], [])
    assert lines[0]["fault"] == "the receiver answered with status 302; redirects are not followed"


def test_a_receiver_that_refuses_is_told_in_the_log_without_the_url():
    with receiver(500) as (url, _), capture_logs() as lines:
        result = heartbeat(url).beat()

    assert result == "failed"
    assert "t0ken" not in str(lines)


def test_a_receiver_that_does_not_answer_is_given_up():
    with closing(socket.create_server(("127.0.0.1", 0))) as silent, capture_logs() as lines:
        result = heartbeat(f"http://127.0.0.1:{silent.getsockname()[1]}/t0ken").beat()

    assert (result, lines[0]["event"]) == ("failed", "heartbeat_failed")
    assert "t0ken" not in str(lines)


def test_a_receiver_that_is_not_there_is_no_fault_of_ours():
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"

    with capture_logs() as lines:
        result = heartbeat(url).beat()

    assert (result, lines[0]["log_level"]) == ("failed", "warning")


def test_it_beats_in_a_thread_of_its_own_until_it_is_left():
    calls = threading.Semaphore(0)

    def troubles():
        calls.release()
        return ["nothing to call"]

    with (
        capture_logs(),
        Heartbeat("http://127.0.0.1:1/", every=0.001, troubles=troubles, metrics=Metrics()) as beating,
    ):
        seen = [calls.acquire(timeout=10) for _ in range(3)]

    assert seen == [True] * 3
    assert not beating._thread.is_alive()
