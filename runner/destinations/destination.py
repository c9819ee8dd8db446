"""Destination: one place that messages go to, as the settings describe it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runner.destinations.message import Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """Which alerts a destination wants, unless a rule names it. An empty field admits all."""

    severities: frozenset[str] = frozenset()
    alert_types: frozenset[str] = frozenset()
    log_types: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How much a destination takes."""

    timeout: float
    """Seconds until an answer has to be there, whole."""
    per_minute: int | None = None
    """How many messages within a minute at most; None for any number."""
    group_above: int | None = None
    """With more than this many new alerts within a minute, the others go as one grouped message; None: never."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """A message was dealt with."""

    thread: str = ""
    """What the service needs to be told for further messages on the same alert to follow this one."""
    was_sent: bool = True
    """False if there was nothing to tell this service: whether it can be reached is then not known."""


class Sender(Protocol):
    """How messages reach one destination. Threads may share a sender."""

    def send(self, message: Message) -> Receipt:
        """Hand a message over. Raises `DeliveryError` if it was not taken, or nobody can tell."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """One place that messages go to."""

    name: str
    """The table in the settings: `[destinations.<name>]`."""
    kind: str
    output_id: str
    """What `OutputIds` and the `destinations` function of a rule may call it, beside its name."""
    subscription: Subscription
    pace: Pace
    takes_updates: bool
    """Whether it is told when an alert grows or its status changes."""
    sender: Sender

    def is_called(self, name: str) -> bool:
        """Whether a rule that names `name` means this destination; as in Panther by id, or by display name."""
        return name in (self.name, self.output_id)
