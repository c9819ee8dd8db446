"""OutboxStore: the part of the state database from which destinations are told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runner.alerts.system_fault import SystemFaultKind, delivery_failed, destination_gone
from runner.destinations.delivery import DeliveryState
from runner.destinations.message import MessageKind
from runner.store import (
    alert_book,
    announcements,
    destination_book,
    grouping,
    outbox,
    reports,
    resending,
    silences,
    summaries,
    system_errors,
    undelivered,
)
from runner.store.database import take_turns

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from runner.alerts.alert import Alert
    from runner.alerts.summary import Summary
    from runner.alerts.system_fault import SystemFault
    from runner.clock import Clock
    from runner.destinations.delivery import Delivery, Letter
    from runner.destinations.destination import Receipt
    from runner.destinations.silence import Matcher, Silence
    from runner.store.announcements import Announcement
    from runner.store.database import Database

_DISPATCHING = "dispatch of announcements"
_HOUR = timedelta(hours=1)
_AT_ONCE = 200
"""So many messages are given up in one transaction: others wait meanwhile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """What has happened to alerts, and what has to be known to decide who is told."""

    announced: Sequence[Announcement]
    alerts: Mapping[str, Alert]
    """Those announced, by id, as they are now."""
    told: Mapping[str, Mapping[str, Delivery]]
    """Alert id → destination → the latest delivery, of those who know of an alert."""
    recent: Mapping[str, int]
    """How many other alerts of each of their rules were told within the last hour, or not because of its limit."""
    silences: Sequence[Silence]
    now: datetime
    silenced: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Alert id → from which destinations a silence or a maintenance window kept it back when it was new."""
    summaries: Mapping[str, Summary] = field(default_factory=dict)
    """By alert id; empty for those that have none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Who is told what."""

    letters: Sequence[Letter]
    counted: Collection[str] = ()
    """The ids of new alerts that count against the limit of their rule."""
    faults: Sequence[SystemFault] = ()
    """What is found to be wrong by it."""
    mended: Sequence[tuple[SystemFaultKind, str]] = ()
    """What is found to be wrong no longer: kinds and subjects."""


class OutboxStore:
    """What destinations are to be told, and how they do. Every method is one transaction; raises `StoreError`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def dispatch(self, decide: Callable[[News], Decision], limit: int) -> int:
        """Turn the oldest announcements into deliveries; return how many announcements that were."""
        with self._database.reading() as connection:
            ids = announcements.oldest(connection, limit)
            if not ids:
                return 0
            counted = _summaries_of(connection, ids)  # may take seconds, in which others may write
        with self._database.transaction() as connection:
            take_turns(connection, [_DISPATCHING])
            announced = announcements.take(connection, limit)
            decision = decide(self._news(connection, announced, counted))
            outbox.put(connection, decision.letters, self._clock.now())
            alert_book.count_against_limit(connection, decision.counted, self._clock.now())
            for fault in decision.faults:
                system_errors.stand(connection, fault, now=self._clock.now())
            for kind, subject in decision.mended:
                comment = "it raises as many alerts as are told"
                system_errors.mend(connection, kind, subject, now=self._clock.now(), comment=comment)
            return len(announced)

    def _news(
        self, connection: Connection, announced: Sequence[Announcement], counted: Mapping[str, Summary]
    ) -> News:
        now = self._clock.now()
        ids = {one.alert_id for one in announced}
        found = alert_book.alerts_of(connection, sorted(ids))
        rules = {alert.key.rule_id for alert in found.values()}
        return News(
            announced=announced,
            alerts=found,
            summaries={**counted, **_summaries_of(connection, ids - counted.keys())},
            told=outbox.told(connection, ids),
            silenced=outbox.silenced(connection, ids),
            recent=alert_book.counted_since(connection, rules, now - _HOUR),
            silences=silences.not_ended(connection, now),
            now=now,
        )

    def group(self, destination: str, *, above: int) -> bool:
        """Join new alerts into one message, or hold them back, if they are more than `above` within a minute.

        Tells whether they were joined.
        """
        with self._database.transaction() as connection:
            return grouping.group(connection, destination, above=above, now=self._clock.now())

    def has_due(self, destination: str) -> bool:
        """Tell whether something may be sent to a destination now."""
        with self._database.reading() as connection:
            return outbox.has_due(connection, destination, self._clock.now())

    def take(self, destination: str, *, owner: str, lease: timedelta, limit: int) -> list[Delivery]:
        """Claim what is due for a destination, in the order in which it is to be sent."""
        with self._database.transaction() as connection:
            return outbox.take(
                connection, destination, owner=owner, lease=lease, now=self._clock.now(), limit=limit
            )

    def sent(self, delivery: Delivery, receipt: Receipt, *, is_news: bool = True) -> None:
        """Write down that a destination took a delivery; if that `is_news`, that it can be reached again too."""
        with self._database.transaction() as connection:
            now = self._clock.now()
            is_news = is_news and receipt.was_sent
            outbox.sent(connection, delivery, receipt, now, is_news=is_news)
            if delivery.message.report is not None:
                reports.forget_rows(connection, delivery)
            if is_news:
                comment = f"{delivery.destination} took a message, and nothing is left that it was not given"
                undelivered.mend(connection, delivery.destination, now=now, comment=comment)

    def put_off(
        self, delivery: Delivery, reason: str, *, next_at: datetime, failures: int, retry_at: datetime
    ) -> None:
        """Write down that a delivery was not taken, and when it and its destination are tried again."""
        with self._database.transaction() as connection:
            outbox.put_off(
                connection,
                delivery,
                reason,
                next_at=next_at,
                failures=failures,
                retry_at=retry_at,
                now=self._clock.now(),
            )

    def give_up(self, delivery: Delivery, reason: str) -> None:
        """Write down that a delivery was tried and is not tried again."""
        with self._database.transaction() as connection:
            self._give_up(connection, delivery, reason, was_tried=True)

    def give_up_old(self, destination: str, before: datetime) -> list[Delivery]:
        """Give up what has waited for a destination since before a moment; return it as it is then."""
        with self._database.reading() as connection:
            if not outbox.too_old(connection, destination, before, limit=1):
                return []
        with self._database.transaction() as connection:
            return [
                self._give_up(
                    connection, one, f"not taken in time: {one.reason or 'not tried'}", was_tried=False
                )
                for one in outbox.too_old(connection, destination, before, _AT_ONCE)
            ]

    def give_up_strays(self, known: Sequence[str], before: datetime) -> list[Delivery]:
        """Give up what has been due since before a moment for destinations that are none of those known; return it."""
        with self._database.reading() as connection:
            if not outbox.strays(connection, known, before, limit=1):
                return []
        with self._database.transaction() as connection:
            return [
                self._give_up(connection, one, "there is no such destination", was_tried=False, is_gone=True)
                for one in outbox.strays(connection, known, before, _AT_ONCE)
            ]

    def mend_delivery(self) -> None:
        """Resolve the alerts of destinations that did not take messages, if nothing is left that they were not given."""
        with self._database.reading() as connection:
            if not any(undelivered.standing(connection)):
                return
        with self._database.transaction() as connection:
            undelivered.mend_all(connection, now=self._clock.now())

    def _give_up(
        self,
        connection: Connection,
        delivery: Delivery,
        reason: str,
        *,
        was_tried: bool,
        is_gone: bool = False,
    ) -> Delivery:
        now = self._clock.now()
        outbox.give_up(connection, delivery, reason, now, was_tried=was_tried)
        fault = (destination_gone if is_gone else delivery_failed)(
            delivery.destination, told=_what(delivery), alert_id=delivery.alert_id, message=reason
        )
        undelivered.stand(connection, fault, now=now)
        return replace(delivery, state=DeliveryState.FAILED, reason=reason, ended_at=now)

    def extend(self, destination: str, owner: str, lease: timedelta) -> set[int]:
        """Say that an owner is still at work on what it claimed; return the ids of what it has not lost since."""
        with self._database.transaction() as connection:
            return outbox.extend(connection, destination, owner, lease)

    def release(self, destination: str, owner: str) -> None:
        """Give back what an owner has claimed for a destination and not sent."""
        with self._database.transaction() as connection:
            outbox.release(connection, destination, owner)

    def release_all(self) -> None:
        """Give back everything that is claimed, as the only daemon does when it starts."""
        with self._database.transaction() as connection:
            outbox.release_all(connection)

    def state_of(self, destination: str) -> tuple[int, datetime | None]:
        """Return how often in a row a destination has failed, and before when it is not tried again."""
        with self._database.reading() as connection:
            return destination_book.state_of(connection, destination)

    def sent_since(self, destination: str, since: datetime) -> int:
        """Return how many messages a destination took after a moment."""
        with self._database.reading() as connection:
            return outbox.sent_since(connection, destination, since)

    def deliveries_of(self, alert_id: str) -> list[Delivery]:
        """Return all deliveries of an alert, whatever has become of them."""
        with self._database.reading() as connection:
            return outbox.deliveries_of(connection, alert_id)

    def failed(self, destination: str, limit: int) -> list[Delivery]:
        """Return what a destination will not get, the newest first."""
        with self._database.reading() as connection:
            return outbox.failed(connection, destination, limit)

    def try_again(self, destination: str) -> int:
        """Let what was given up be sent after all, saying how the alerts are now; return how much that is."""
        with self._database.transaction() as connection:
            return resending.try_again(connection, destination, self._clock.now())

    def counts(self) -> dict[str, Counter[str]]:
        """Return how many deliveries each destination has in each state."""
        with self._database.reading() as connection:
            return outbox.counts(connection)

    def states(self) -> dict[str, Mapping[str, Any]]:
        """Return how each destination does, by name: the columns of `destination_states`."""
        with self._database.reading() as connection:
            return destination_book.states(connection)

    def silence(
        self, matcher: Matcher, *, reason: str, author: str, starts_at: datetime, ends_at: datetime
    ) -> Silence:
        """Tell nobody of some alerts for a while."""
        with self._database.transaction() as connection:
            return silences.add(
                connection,
                matcher,
                reason=reason,
                author=author,
                starts_at=starts_at,
                ends_at=ends_at,
                now=self._clock.now(),
            )

    def silences(self) -> list[Silence]:
        """Return the silences that hold now or will."""
        with self._database.reading() as connection:
            return silences.not_ended(connection, self._clock.now())

    def end_silence(self, silence_id: int) -> None:
        """End a silence now. Raises `UnknownSilence`."""
        with self._database.transaction() as connection:
            silences.end(connection, silence_id, self._clock.now())


def _what(delivery: Delivery) -> str:
    report, title = delivery.message.report, delivery.message.notice.title
    if delivery.message.kind is MessageKind.GROUP:
        return f"a group of {delivery.message.count} new alerts (the most severe: {title})"
    if report is None:
        return f"the alert {delivery.alert_id} ({title})"
    return f"the result of the query {report.query!r} for {report.scheduled_for:%Y-%m-%dT%H:%M:%SZ}"


def _summaries_of(connection: Connection, alert_ids: Iterable[str]) -> dict[str, Summary]:
    found = alert_book.alerts_of(connection, sorted(alert_ids))
    return {one.alert_id: summaries.summary_of(connection, one) for one in found.values()}
