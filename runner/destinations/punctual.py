"""Punctual: no message takes longer than its time limit, whatever the service and its client do."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from runner.errors import DeliveryError

if TYPE_CHECKING:
    from runner.destinations.destination import Receipt, Sender
    from runner.destinations.message import Message

_PLACES = 4
"""So many attempts may go on at a time, with those that nobody waits for any more: each has a thread."""


class PunctualSender:
    """Sends as another sender does, and waits no longer than so many seconds for it.

    Time limits of clients are those of single steps: a server that sends a byte now and then is never too slow for
    them. An attempt that did not end in time goes on by itself, and may yet arrive: it is sent again with its key.
    """

    def __init__(self, sender: Sender, seconds: float) -> None:
        self._sender = sender
        self._seconds = seconds
        self._places = threading.BoundedSemaphore(_PLACES)

    def send(self, message: Message) -> Receipt:
        """Hand a message over. Raises `DeliveryError` if it was not taken in time, and what the other sender raises."""
        if not self._places.acquire(timeout=self._seconds):
            raise DeliveryError(f"no answer: {_PLACES} earlier attempts have still not ended")
        attempt: Future[Receipt] = Future()
        threading.Thread(
            target=self._attempt, args=(message, attempt), name="delivery attempt", daemon=True
        ).start()
        try:
            return attempt.result(self._seconds)
        except TimeoutError:
            if attempt.done():
                return attempt.result()  # it ended just now, or that was the other sender's own error
            raise DeliveryError(f"no answer: it did not end within {self._seconds:g} s") from None

    def close(self) -> None:
        """Let go of connections; attempts that go on do not get far."""
        self._sender.close()

    def _attempt(self, message: Message, attempt: Future[Receipt]) -> None:
        try:
            attempt.set_result(self._sender.send(message))
        except BaseException as error:  # noqa: BLE001  it is raised where the message was handed over
            attempt.set_exception(error)
        finally:
            self._places.release()
