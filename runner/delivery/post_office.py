"""Post office: the threads of a daemon that tell destinations of alerts, one for each, so that none slows another."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from runner.delivery.courier import Courier, fields_of
from runner.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from runner.clock import Clock
    from runner.delivery.courier import Persistence
    from runner.delivery.dispatch import Dispatcher
    from runner.destinations.destination import Destination
    from runner.store.outbox_store import OutboxStore

    class Pulse(Protocol):
        """What hears of threads."""

        def beat(self, loop: str, within: float) -> None:
            """Say that a thread is alive, and promise to say so again within so many seconds."""
            ...

        def end(self, loop: str) -> None:
            """Say that a thread has ended as it should."""
            ...


_log = structlog.get_logger(__name__)

_IDLE_SECONDS = 1.0
"""How long a thread waits before it looks again, unless it is woken."""
_TROUBLE_SECONDS = 5.0
"""How long it waits when the state database is in trouble."""
_MINUTE = timedelta(minutes=1)
"""How often it looks after what nobody sends."""
_STRAY_AFTER = timedelta(minutes=5)
"""A message for a destination that is not known here is given up when it has been due for so long: another daemon on the
same database may have been started with newer settings."""
_ANNOUNCEMENTS = 500
"""How many are turned into deliveries in one transaction."""


_QUIET_SECONDS = 60.0
"""Within this time a thread is heard of again that waits for work."""
_WORK_SECONDS = 900.0
"""Within this time one is that works: it may have many messages for a destination that answers slowly."""


class PostOffice:
    """Turns announcements into deliveries, and has them sent; `pulse` hears of its threads."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        outbox: OutboxStore,
        *,
        clock: Clock,
        owner: str,
        persistence: Persistence,
        pulse: Pulse | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._pulse = pulse
        self._outbox = outbox
        self._clock = clock
        self._tidies_at = clock.now()
        self._stopping = threading.Event()
        self._news = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._couriers = [
            Courier(
                one,
                outbox,
                clock=clock,
                owner=owner,
                persistence=persistence,
                is_stopping=self._stopping.is_set,
            )
            for one in dispatcher.destinations
        ]

    @property
    def destinations(self) -> Sequence[Destination]:
        """The destinations that it serves."""
        return self._dispatcher.destinations

    def start(self) -> None:
        """Begin."""
        works: list[tuple[str, Callable[[], int]]] = [("dispatcher", self._attend)]
        works += [
            (f"courier-{one.name}", courier.send_due)
            for one, courier in zip(self.destinations, self._couriers, strict=True)
        ]
        self._threads = [
            threading.Thread(target=self._loop, args=[work], name=name, daemon=True) for name, work in works
        ]
        for thread in self._threads:
            thread.start()

    def dispatch(self) -> int:
        """Turn announcements into deliveries; return how many announcements that were. Raises `StoreError`."""
        dispatched = self._outbox.dispatch(self._dispatcher.decide, _ANNOUNCEMENTS)
        if dispatched:
            self.wake()
        return dispatched

    def tidy(self) -> int:
        """Give up what waits for destinations that the settings do not have; return how much. Raises `StoreError`.

        And resolve the system errors of destinations that have missed nothing any more.
        """
        self._outbox.mend_delivery()
        known = [one.name for one in self.destinations]
        strays = self._outbox.give_up_strays(known, self._clock.now() - _STRAY_AFTER)
        for one in strays:
            _log.error("delivery_failed", **fields_of(one), fault=one.reason)
        return len(strays)

    def send_due(self) -> int:
        """Send what is due, to one destination after the other; return how much was taken. Raises `StoreError`."""
        return sum(courier.send_due() for courier in self._couriers)

    def wake(self) -> None:
        """Say that there may be something to do."""
        with self._news:
            self._news.notify_all()

    def stop(self, seconds: float) -> None:
        """Begin nothing new, and wait until what is being sent has been taken, or for so long."""
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            thread.join(seconds / len(self._threads))
        for one in self.destinations:
            one.sender.close()

    def _attend(self) -> int:
        if self._clock.now() >= self._tidies_at:
            while self.tidy():
                pass
            self._tidies_at = self._clock.now() + _MINUTE
        return self.dispatch()

    def _loop(self, work: Callable[[], int]) -> None:
        while not self._stopping.is_set():
            self._beat(_WORK_SECONDS)
            try:
                if not work():
                    self._rest(_IDLE_SECONDS)
            except StoreError as error:
                _log.error("state_unavailable", fault=str(error))
                self._rest(_TROUBLE_SECONDS)
            except Exception as error:  # noqa: BLE001  the boundary of a thread: the others go on, and so does this one
                _log.error("delivery_thread_failed", fault=repr(error))
                self._rest(_TROUBLE_SECONDS)
        if self._pulse is not None:
            self._pulse.end(threading.current_thread().name)

    def _beat(self, within: float) -> None:
        if self._pulse is not None:
            self._pulse.beat(threading.current_thread().name, within)

    def _rest(self, seconds: float) -> None:
        self._beat(_QUIET_SECONDS)
        with self._news:
            if not self._stopping.is_set():
                self._news.wait(seconds)
