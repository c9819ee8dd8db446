"""Courier: sends what the outbox has for one destination, until the destination has taken it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from runner.destinations.delivery import DeliveryState
from runner.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.clock import Clock
    from runner.delivery.backoff import Backoff
    from runner.destinations.delivery import Delivery
    from runner.destinations.destination import Destination
    from runner.store.outbox_store import OutboxStore

_log = structlog.get_logger(__name__)

_AT_ONCE = 50
"""How many deliveries are claimed at a time."""
_MINUTE = timedelta(minutes=1)
_LEASE_MESSAGES = 4
"""A claim lasts as long as so many messages may take: after a crash others wait no longer than that."""
_LEAST_LEASE = timedelta(seconds=30)
_LEASE_SHARE = 3
"""It is extended when such a part of it has gone by, so that it does not end while a message is being sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Persistence:
    """How long deliveries are tried."""

    message: Backoff
    """Between attempts at one message."""
    destination: Backoff
    """Between attempts at a destination that fails: nothing else is sent to it meanwhile."""
    give_up_after: timedelta
    """A message that is older is not tried again."""


class Courier:
    """Sends to one destination, one message after the other; others may do so at the same time."""

    def __init__(
        self,
        destination: Destination,
        outbox: OutboxStore,
        *,
        clock: Clock,
        owner: str,
        persistence: Persistence,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._destination = destination
        self._outbox = outbox
        self._clock = clock
        self._owner = owner
        self._persistence = persistence
        self._is_stopping = is_stopping
        self._looks_for_old_at = clock.now()

    def send_due(self) -> int:
        """Send what is due, as much of it as the destination takes now; return how many it took.

        Raises `StoreError`.
        """
        name, pace = self._destination.name, self._destination.pace
        failures, retry_at = self._outbox.state_of(name)
        if retry_at is not None and retry_at > self._clock.now():
            self._give_up_old()
            return 0
        if not self._outbox.has_due(name):
            return 0
        if pace.group_above is not None:
            self._outbox.group(name, above=pace.group_above)
        room = min(self._room(), 1 if failures else _AT_ONCE)
        if room <= 0:
            return 0
        return self._send(_Claims(self._destination, self._outbox, self._clock, self._owner, room), failures)

    def _room(self) -> int:
        """Return how many messages the destination may still get within this minute."""
        pace = self._destination.pace
        if pace.per_minute is None:
            return _AT_ONCE
        return pace.per_minute - self._outbox.sent_since(self._destination.name, self._clock.now() - _MINUTE)

    def _send(self, claims: _Claims, failures: int) -> int:
        taken = 0
        for delivery in claims.deliveries:
            if not claims.hold(delivery):
                continue  # another sends it
            # That the destination can be reached is written down for the first, and when for the last: for each it
            # would take longer than to send it.
            is_news = taken in (0, len(claims.deliveries) - 1)
            if self._is_stopping() or not self._deliver(delivery, failures, is_news=is_news):
                break
            taken += 1
        if taken < len(claims.deliveries):
            self._outbox.release(self._destination.name, self._owner)
        return taken

    def _deliver(self, delivery: Delivery, failures: int, *, is_news: bool) -> bool:
        """Send one message; return whether others may follow at once."""
        try:
            receipt = self._destination.sender.send(delivery.message)
        except DeliveryError as error:
            return self._refused(delivery, error, failures)
        except Exception as error:  # noqa: BLE001  a service's own client: whatever it raises, nobody took the message
            return self._refused(delivery, DeliveryError(repr(error)), failures)
        self._outbox.sent(delivery, receipt, is_news=is_news)
        if receipt.was_sent:
            _log.info("alert_delivered", **fields_of(delivery))
        return True

    def _give_up_old(self) -> None:
        """Give up what has waited for too long while the destination is left alone, whether or not it was tried."""
        now = self._clock.now()
        if now < self._looks_for_old_at:
            return
        self._looks_for_old_at = now + _MINUTE
        before = now - self._persistence.give_up_after
        while old := self._outbox.give_up_old(self._destination.name, before):
            for delivery in old:
                _log.error("delivery_failed", **fields_of(delivery), fault=delivery.reason)

    def _refused(self, delivery: Delivery, error: DeliveryError, failures: int) -> bool:
        now = self._clock.now()
        is_too_old = now - delivery.created_at >= self._persistence.give_up_after
        if error.is_final or is_too_old:
            self._outbox.give_up(delivery, str(error))
            _log.error("delivery_failed", **fields_of(delivery), fault=str(error))
            return error.is_final
        own = self._persistence.message.wait(delivery.attempts + 1, error.retry_after)
        retry_at = now + self._persistence.destination.wait(failures + 1, error.retry_after)
        self._outbox.put_off(
            delivery,
            str(error),
            next_at=max(now + own, retry_at),
            failures=failures + 1,
            retry_at=retry_at,
        )
        _log.warning(
            "delivery_put_off", **fields_of(delivery), fault=str(error), again_at=retry_at.isoformat()
        )
        return False


class _Claims:
    """What a courier has taken to send: nobody else sends it, for as long as the courier is at work."""

    def __init__(
        self, destination: Destination, outbox: OutboxStore, clock: Clock, owner: str, limit: int
    ) -> None:
        self._name = destination.name
        self._outbox = outbox
        self._clock = clock
        self._owner = owner
        self._lease = max(_LEAST_LEASE, timedelta(seconds=destination.pace.timeout * _LEASE_MESSAGES))
        self._since = clock.now()
        self.deliveries = outbox.take(self._name, owner=owner, lease=self._lease, limit=limit)
        self._held = {one.delivery_id for one in self.deliveries}

    def hold(self, delivery: Delivery) -> bool:
        """Tell whether one of them is still to be sent by this courier, and see to it that all stay so."""
        now = self._clock.now()
        if now - self._since >= self._lease / _LEASE_SHARE:
            self._held = self._outbox.extend(self._name, self._owner, self._lease)
            self._since = now
        return delivery.delivery_id in self._held


def fields_of(delivery: Delivery) -> dict[str, object]:
    """Return what the log says of a delivery."""
    return {
        "destination": delivery.destination,
        "alert": delivery.alert_id,
        "kind": delivery.kind.value,
        "sequence": delivery.sequence,
        "attempt": delivery.attempts + (delivery.state is DeliveryState.WAITING),
    }
