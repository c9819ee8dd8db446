"""A sender that waits no longer than its time limit, and what becomes of attempts that take longer."""

import threading

import pytest

from runner.destinations.destination import Receipt
from runner.destinations.punctual import PunctualSender
from runner.errors import DeliveryError

PATIENCE = 30.0


class Service:
    """Takes messages; those called `slow` only when it is released."""

    def __init__(self):
        self.released = threading.Event()
        self.begun = []

    def send(self, message):
        self.begun.append(message)
        if message == "slow":
            self.released.wait(PATIENCE)
        if isinstance(message, BaseException):
            raise message
        return Receipt(thread=message)

    def close(self):
        self.released.set()


@pytest.fixture
def service():
    service = Service()
    yield service
    service.close()


def test_what_is_taken_in_time_is_taken(service):
    assert PunctualSender(service, PATIENCE).send("quick") == Receipt(thread="quick")


@pytest.mark.parametrize(
    "error", [DeliveryError("no", is_final=True), TimeoutError("its own"), KeyError("k")]
)
def test_what_the_other_sender_raises_is_raised(service, error):
    with pytest.raises(type(error)) as caught:
        PunctualSender(service, PATIENCE).send(error)

    assert caught.value is error


def test_what_takes_longer_is_not_waited_for_and_keeps_no_other_message(service):
    sender = PunctualSender(service, 0.05)

    with pytest.raises(DeliveryError, match=r"no answer: it did not end within 0\.05 s") as caught:
        sender.send("slow")

    assert not caught.value.is_final
    assert sender.send("quick") == Receipt(thread="quick")


def test_attempts_that_never_end_do_not_become_ever_more(service):
    sender = PunctualSender(service, 0.01)

    for _ in range(8):
        with pytest.raises(DeliveryError):
            sender.send("slow")
    assert service.begun == ["slow"] * 4
    service.released.set()

    assert PunctualSender.send(sender, "quick") == Receipt(thread="quick")
