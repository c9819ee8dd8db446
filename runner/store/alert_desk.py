"""AlertDesk: what people do with alerts beyond changing their status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.destinations.message import MessageKind
from runner.store import alert_book, provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.alerts.alert import Alert
    from runner.clock import Clock
    from runner.store.database import Database
    from runner.store.provenance import Provenance

_RUNS = 100
"""How many runs a provenance names."""


class AlertDesk:
    """Assigns alerts, comments on them, and tells what they rest on. Every method is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def assign(self, chosen: Sequence[Alert], assignee: str, *, actor: str) -> None:
        """Give alerts to somebody, or with an empty name to nobody. Raises `StoreError`."""
        with self._database.transaction() as connection:
            alert_book.assign(connection, chosen, assignee, actor=actor, now=self._clock.now())

    def comment(self, chosen: Sequence[Alert], text: str, *, actor: str) -> None:
        """Add to the history of alerts; their status stays. Raises `StoreError`."""
        entries = [(alert.alert_id, alert.status) for alert in chosen]
        with self._database.transaction() as connection:
            alert_book.write_down(
                connection,
                entries,
                kind=MessageKind.COMMENT,
                actor=actor,
                comment=text,
                now=self._clock.now(),
            )

    def provenance_of(self, alert: Alert) -> Provenance:
        """Return what an alert rests on, and who was told. Raises `StoreError`."""
        with self._database.reading() as connection:
            return provenance.provenance_of(connection, alert, _RUNS)
