"""A state database with a dispatcher, to which runs come and from which a destination is told."""

from datetime import UTC, datetime, timedelta

import orjson

from runner.alerts.alert import AlertRules
from runner.alerts.match import Match
from runner.clock import FrozenClock
from runner.delivery.dispatch import Discretion, Dispatcher, RuleFacts
from runner.destinations.destination import Destination, Pace, Receipt, Subscription
from runner.destinations.message import MessageKind
from runner.runs.query_run import RunCounts, RunKey, RunPurpose, RunState
from runner.store.database import IN_MEMORY
from runner.store.state import RunResult, StateStore

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NEW, UPDATE, MERGED = MessageKind.NEW, MessageKind.UPDATE, MessageKind.MERGED


def destination(name, *, takes_updates):
    return Destination(
        name=name,
        kind="stdout",
        output_id="",
        subscription=Subscription(),
        pace=Pace(timeout=1.0),
        takes_updates=takes_updates,
        sender=None,
    )


class Office:
    """A state database, and a dispatcher for one destination that takes updates and one that does not."""

    def __init__(self, *, alerts_per_hour=1000):
        self.clock = FrozenClock(TEN)
        self.messages = {}
        self.store = StateStore(IN_MEMORY, clock=self.clock, events_per_alert=3)
        self.dispatcher = Dispatcher(
            destinations=[
                destination("soc", takes_updates=True),
                destination("archive", takes_updates=False),
            ],
            facts_of=lambda _: RuleFacts(),
            discretion=Discretion(page_max_age=DAY, alerts_per_hour=alerts_per_hour),
        )

    def run(self, minute, *events, period=60, dedup="alice"):
        key = RunKey(
            query="Logins", scheduled_for=TEN + minute * MINUTE, purpose=RunPurpose.MANUAL, revision=0
        )
        result = RunResult(
            state=RunState.SUCCEEDED,
            counts=RunCounts(),
            query_hash="q",
            rule_hashes={},
            matches=[[match(event, dedup) for event in events]],
            rules={"My.Rule": AlertRules(period_minutes=period, threshold=1, create_alert=True)},
        )
        return self.store.finish(self.store.claim_again(key), result)

    def tell(self, destination="soc"):
        """Dispatch, and let a destination take everything; returns what it was told, in order."""
        self.store.outbox.dispatch(self.dispatcher.decide, 100)
        told = []
        while taken := self.store.outbox.take(destination, owner="me", lease=MINUTE, limit=10):
            for one in taken:
                self.store.outbox.sent(one, Receipt())
                told.append((one.kind, one.message.notice.title, one.message.notice.match_count))
                self.messages[one.kind] = one.message
        return told


def match(event, dedup):
    return Match(
        rule_id="My.Rule",
        kind="match",
        dedup=dedup,
        identity=event.encode().ljust(16),
        occurrences=1,
        unique_value=None,
        details=orjson.dumps({"title": event, "severity": "HIGH"}).decode(),
        event=None,
    )
