"""What destinations were not given: a system error for each of them, for as long as there is any of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.alerts.system_fault import SystemFaultKind
from runner.destinations.delivery import DeliveryState
from runner.store import system_errors
from runner.store.schema import deliveries

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from runner.alerts.system_fault import SystemFault

_KIND = SystemFaultKind.ALERT_DELIVERY
_QUIET = timedelta(hours=1)
"""When a destination has missed nothing for so long, what it misses then is told again."""


def stand(connection: Connection, fault: SystemFault, *, now: datetime) -> None:
    """Raise or count the fault of a destination that was not given a message.

    Each is a loss of its own: one that comes after a person has resolved the alert of earlier ones raises another alert.
    """
    system_errors.stand_anew(connection, fault, now=now, quiet=_QUIET)


def mend(connection: Connection, destination: str, *, now: datetime, comment: str) -> bool:
    """Resolve the alert of a destination if nothing is left that it was not given; returns whether one stood."""
    if not system_errors.is_known(connection, _KIND, destination):
        return False
    system_errors.take_turn(connection, _KIND, destination)  # else a message might be lost after the look
    if has_missed(connection, destination):
        return False
    return system_errors.mend(connection, _KIND, destination, now=now, comment=comment)


def mend_all(connection: Connection, *, now: datetime) -> None:
    """Resolve the alerts of destinations whose lost messages are being sent again, or are forgotten."""
    for destination in standing(connection):
        mend(connection, destination, now=now, comment="nothing is left that it was not given")


def standing(connection: Connection) -> list[str]:
    """Return the destinations for which such an alert stands."""
    return system_errors.standing_subjects(connection, _KIND)


def has_missed(connection: Connection, destination: str) -> bool:
    """Tell whether there is a message that a destination will not get."""
    lost = sa.select(deliveries.c.delivery_id).where(
        deliveries.c.destination == destination,
        # Written out: SQLite takes an index on a part of a table only for what it can read in the statement.
        sa.text(f"state = '{DeliveryState.FAILED.value}'"),
    )
    return connection.scalar(lost.limit(1)) is not None
