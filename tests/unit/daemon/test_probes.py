import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from runner.daemon.probes import ProbeServer
from runner.errors import SettingsError
from runner.options import Address

ANY_PORT = Address(host="127.0.0.1", port=0)
PATIENCE = 10


def nothing():
    return []


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def serve(registry):
    """Return a server that listens on any port of loopback; it is stopped at the end."""
    open_servers = []

    def start(*, health=nothing, readiness=nothing):
        server = ProbeServer(ANY_PORT, health=health, readiness=readiness, registry=registry)
        open_servers.append(server.__enter__())
        return server

    yield start
    for server in open_servers:
        server.__exit__(None, None, None)


def ask(server, path, method="GET", **headers):
    request = urllib.request.Request(f"http://{server.address}{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310  as above
            return answer.status, answer.read().decode(), answer.headers["Content-Type"]
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode(), refusal.headers["Content-Type"]


def test_health_and_readiness_are_answered_apart(serve):
    server = serve(readiness=lambda: ["the daemon is stopping", "no state"])

    assert ask(server, "/healthz")[:2] == (200, "ok\n")
    assert ask(server, "/readyz")[:2] == (503, "the daemon is stopping\nno state\n")


def test_metrics_are_answered_in_the_text_format(serve, registry):
    Counter("runner_things", "Things.", registry=registry).inc(3)

    status, text, kind = ask(serve(), "/metrics")

    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert (status, samples["runner_things_total"]) == (200, 3)
    assert kind.startswith("text/plain")


def test_metrics_are_answered_in_openmetrics_if_asked_for(serve):
    status, text, kind = ask(serve(), "/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert (status, text) == (200, "# EOF\n")
    assert kind.startswith("application/openmetrics-text")


def test_a_query_string_is_no_other_page(serve):
    assert ask(serve(), "/healthz?verbose=1")[0] == 200


def test_head_has_no_body(serve):
    assert ask(serve(), "/healthz", method="HEAD")[:2] == (200, "")


def test_another_page_is_not_there_and_the_answer_says_which_are(serve):
    assert ask(serve(), "/")[:2] == (404, "there is: /healthz, /readyz, /metrics\n")


def test_nothing_can_be_posted(serve):
    assert ask(serve(), "/healthz", method="POST")[0] == 501


def test_a_client_that_stalls_keeps_nobody_waiting(serve):
    server = serve()
    host, port = server.address.split(":")

    with socket.create_connection((host, int(port))) as stalled:
        stalled.sendall(b"GET /hea")

        assert ask(server, "/healthz")[0] == 200


def test_a_port_that_is_taken_is_refused_with_what_to_do(serve):
    host, port = serve().address.split(":")

    with pytest.raises(
        SettingsError, match=r"http.listen: cannot listen on 127.0.0.1:\d+: Address already in use"
    ):
        ProbeServer(
            Address(host=host, port=int(port)),
            health=nothing,
            readiness=nothing,
            registry=CollectorRegistry(),
        )
