import os
import socket
from contextlib import closing, contextmanager

from structlog.testing import capture_logs

from runner.daemon.service_manager import ServiceManager


@contextmanager
def manager_at(address):
    """Listen as systemd does; yields what the daemon is told to use, and a way to read what came."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind("\0" + address[1:] if address.startswith("@") else address)
        listening.settimeout(10)
        yield (
            ServiceManager.from_environment({"NOTIFY_SOCKET": address}),
            lambda: listening.recv(4096).decode(),
        )


def test_it_is_told_over_a_socket_of_the_file_system(tmp_path):
    with manager_at(str(tmp_path / "notify")) as (manager, heard):
        manager.ready()
        first = heard()
        manager.status("2 of 3 workers\nbusy")
        second = heard()
        manager.stopping()

        assert [first, second, heard()] == ["READY=1", "STATUS=2 of 3 workers busy", "STOPPING=1"]


def test_it_is_told_over_an_abstract_socket(tmp_path):
    with manager_at(f"@runner-test-{tmp_path}") as (manager, heard):
        manager.all_is_well()

        assert heard() == "WATCHDOG=1"


def test_a_reload_is_told_with_its_time(tmp_path):
    with manager_at(str(tmp_path / "notify")) as (manager, heard):
        manager.reloading()
        name, time_line = heard().split("\n")

    assert name == "RELOADING=1"
    assert time_line.removeprefix("MONOTONIC_USEC=").isdecimal()


def test_without_a_manager_nothing_happens():
    with capture_logs() as lines:
        ServiceManager.from_environment({}).ready()

    assert lines == []


def test_a_manager_that_is_gone_is_no_reason_to_stop(tmp_path):
    with capture_logs() as lines:
        ServiceManager.from_environment({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()

    assert [line["event"] for line in lines] == ["service_manager_unreachable"]


def test_the_watchdog_is_for_the_process_that_it_names():
    ours = {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}

    assert ServiceManager.from_environment(ours).watchdog_seconds == 30
    assert ServiceManager.from_environment({**ours, "WATCHDOG_PID": "1"}).watchdog_seconds is None
    assert ServiceManager.from_environment({"WATCHDOG_USEC": "0"}).watchdog_seconds is None
    assert ServiceManager.from_environment({"WATCHDOG_USEC": "soon"}).watchdog_seconds is None
