"""A courier and a destination that fails in every way: nothing is lost, and nothing is told under two keys."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notices import notice_at
from structlog.testing import capture_logs
from thoroughness import examples

from runner.alerts.alert import AlertStatus
from runner.alerts.system_fault import SystemFaultKind
from runner.clock import FrozenClock
from runner.delivery.backoff import Backoff
from runner.delivery.courier import Courier, Persistence
from runner.destinations.delivery import DeliveryState, Letter
from runner.destinations.destination import Destination, Pace, Receipt, Subscription
from runner.destinations.message import MessageKind, Notice
from runner.errors import DeliveryError
from runner.store import outbox
from runner.store.alert_book import AlertFilter
from runner.store.database import IN_MEMORY
from runner.store.ledger import database_time
from runner.store.outbox_store import Decision
from runner.store.state import StateStore

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the program runs after it."""


@dataclass
class Service:
    """What is behind a destination. `behaves` decides on each message: None takes it."""

    behaves: object = lambda _message: None
    taken: list = field(default_factory=list)
    asked: int = 0

    def send(self, message):
        self.asked += 1
        error = self.behaves(message)
        if error is not None:
            raise error
        self.taken.append(message)
        return Receipt()

    def close(self):
        pass


class Post:
    """A state database, a clock, and a courier to a service."""

    def __init__(self, service, *, give_up_after=24 * HOUR, **pace):
        self.clock = FrozenClock(NOON)
        self.store = StateStore(IN_MEMORY, clock=self.clock, events_per_alert=3)
        self.service = service
        self.destination = Destination(
            name="soc",
            kind="webhook",
            output_id="",
            subscription=Subscription(),
            pace=Pace(**{"timeout": 1.0, **pace}),
            takes_updates=True,
            sender=service,
        )
        self.give_up_after = give_up_after
        self.courier = self.another()

    def another(self, owner="me") -> Courier:
        backoff = Backoff(first=5 * SECOND, longest=5 * MINUTE, random=lambda: 0.5)
        persistence = Persistence(message=backoff, destination=backoff, give_up_after=self.give_up_after)
        return Courier(
            self.destination, self.store.outbox, clock=self.clock, owner=owner, persistence=persistence
        )

    def put(self, *numbers, kind=MessageKind.NEW):
        with self.store._database.transaction() as connection:
            outbox.put(
                connection,
                [Letter(destination="soc", kind=kind, notice=notice(number)) for number in numbers],
                self.clock.now(),
            )

    def run_for(self, time, step=5 * SECOND):
        end = self.clock.now() + time
        while self.clock.now() < end:
            while self.courier.send_due():
                pass
            self.clock.advance(step)

    @property
    def titles(self):
        return [message.notice.title for message in self.service.taken]

    def states(self):
        return dict(self.store.outbox.counts().get("soc", Counter()))


def notice(number) -> Notice:
    return notice_at(NOON, alert_id=f"{number:032x}", title=f"Alert {number}")


def no_answer(_message=None):
    return DeliveryError("no answer")


@pytest.fixture
def posts():
    made = []

    def make(service, **options):
        made.append(Post(service, **options))
        return made[-1]

    yield make
    for post in made:
        post.store.close()


def test_what_is_due_is_sent_in_order(posts):
    post = posts(Service())
    post.put(1, 2, 3)

    assert post.courier.send_due() == 3
    assert post.titles == ["Alert 1", "Alert 2", "Alert 3"]
    assert post.courier.send_due() == 0


def test_after_an_hour_without_an_answer_every_alert_is_delivered_once(posts):
    service = Service(behaves=no_answer)
    post = posts(service)
    post.put(*range(200))

    post.run_for(HOUR)
    service.behaves = lambda _message: None
    post.run_for(10 * MINUTE)

    assert sorted(post.titles) == sorted(f"Alert {number}" for number in range(200))
    assert post.states() == {"sent": 200}


def test_a_destination_that_is_down_is_left_alone_more_and_more(posts):
    service = Service(behaves=no_answer)
    post = posts(service)
    post.put(*range(200))

    post.run_for(HOUR)

    assert 10 <= service.asked <= 30


def test_one_message_that_always_fails_does_not_keep_the_others(posts):
    service = Service(behaves=lambda message: no_answer() if message.notice.title == "Alert 1" else None)
    post = posts(service)
    post.put(1, 2, 3)

    post.run_for(10 * MINUTE)

    assert sorted(post.titles) == ["Alert 2", "Alert 3"]
    assert post.states() == {"sent": 2, "waiting": 1}


def test_a_destination_is_not_disturbed_before_it_asked_to_be(posts):
    service = Service(behaves=lambda _message: DeliveryError("busy", retry_after=600.0))
    post = posts(service)
    post.put(1, 2)

    post.run_for(599 * SECOND)
    assert service.asked == 1
    post.run_for(10 * SECOND)

    assert service.asked == 2


def test_a_message_that_is_refused_for_good_is_given_up_and_told_as_a_system_error(posts):
    service = Service(
        behaves=lambda message: (
            DeliveryError("status 400", is_final=True) if message.notice.title == "Alert 1" else None
        )
    )
    post = posts(service)
    post.put(1)

    post.courier.send_due()

    (delivery,) = post.store.outbox.deliveries_of(notice(1).alert_id)
    assert (delivery.state, delivery.reason) == (DeliveryState.FAILED, "status 400")
    (error,) = post.store.list_alerts(AlertFilter(), 10)
    assert (error.key.rule_id, error.key.dedup) == (SystemFaultKind.ALERT_DELIVERY, "soc")


def test_a_message_that_was_not_taken_for_too_long_is_given_up(posts):
    post = posts(Service(behaves=no_answer), give_up_after=HOUR)
    post.put(1)

    post.run_for(HOUR + 10 * MINUTE)

    assert post.states() == {"failed": 1}


@pytest.mark.parametrize("asked", [31_536_000.0, 1e12, float("inf")], ids=["a year", "an age", "for ever"])
def test_a_destination_that_asks_for_an_absurd_time_is_tried_again_in_an_hour(posts, asked):
    service = Service(behaves=lambda _message: DeliveryError("busy", retry_after=asked))
    post = posts(service)
    post.put(1, 2)

    post.courier.send_due()
    service.behaves = lambda _message: None
    post.run_for(HOUR - 10 * SECOND)
    assert post.titles == []
    post.run_for(MINUTE)

    assert post.titles == ["Alert 2", "Alert 1"]


def test_what_waits_behind_a_destination_that_is_left_alone_is_given_up_in_time(posts):
    service = Service(behaves=lambda _message: DeliveryError("busy", retry_after=3000.0))
    post = posts(service, give_up_after=2 * HOUR)
    post.put(*range(20))

    post.run_for(2 * HOUR - MINUTE)
    assert post.states() == {"waiting": 20}
    with capture_logs() as logs:
        post.run_for(2 * MINUTE)

    assert post.states() == {"failed": 20}
    assert service.asked == 3
    found = [post.store.outbox.deliveries_of(notice(number).alert_id)[0] for number in range(20)]
    assert Counter((one.attempts, one.reason) for one in found) == {
        (0, "not taken in time: not tried"): 17,
        (1, "not taken in time: busy"): 3,
    }
    assert Counter((one["event"], one["attempt"]) for one in logs) == {
        ("delivery_failed", 0): 17,
        ("delivery_failed", 1): 3,
    }
    (error,) = post.store.list_alerts(AlertFilter(), 10)
    assert (error.key.dedup, error.match_count) == ("soc", 20)


def test_what_is_old_only_because_the_daemon_was_away_is_tried_first(posts):
    post = posts(Service(), give_up_after=HOUR)
    post.put(1, 2)

    post.clock.advance(2 * HOUR)
    post.run_for(MINUTE)

    assert post.states() == {"sent": 2}


def test_what_somebody_is_sending_is_not_given_up(posts):
    service = Service(behaves=no_answer)
    post = posts(service, give_up_after=HOUR)
    post.put(1)
    post.courier.send_due()
    post.clock.advance(HOUR)
    post.store.outbox.take("soc", owner="other", lease=HOUR, limit=10)

    assert post.store.outbox.give_up_old("soc", post.clock.now()) == []
    post.store.outbox.release_all()

    assert len(post.store.outbox.give_up_old("soc", post.clock.now())) == 1


@pytest.fixture
def refusing(posts):
    """Make a post whose destination has refused the first alert for good, and takes what comes now."""
    service = Service(behaves=lambda _message: DeliveryError("status 400", is_final=True))
    post = posts(service)
    post.put(1)
    post.courier.send_due()
    service.behaves = lambda _message: None
    return post


def statuses(post):
    return [one.status for one in post.store.list_alerts(AlertFilter(), 10)]


def test_a_system_error_stands_as_long_as_a_message_is_lost_whatever_else_is_taken(refusing):
    refusing.put(2)

    refusing.courier.send_due()
    refusing.store.outbox.mend_delivery()

    assert refusing.titles == ["Alert 2"]
    assert statuses(refusing) == ["OPEN"]


def test_a_system_error_is_resolved_when_the_lost_message_was_taken_after_all(refusing):
    refusing.store.outbox.try_again("soc")

    refusing.courier.send_due()

    assert refusing.titles == ["Alert 1"]
    assert statuses(refusing) == ["RESOLVED"]


def test_a_system_error_is_resolved_when_the_lost_message_is_forgotten(refusing):
    with refusing.store._database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM deliveries")

    refusing.store.outbox.mend_delivery()

    assert statuses(refusing) == ["RESOLVED"]


def test_a_further_loss_after_somebody_has_resolved_the_system_error_is_another(refusing):
    seen = refusing.store.list_alerts(AlertFilter(), 10)
    refusing.store.change_status(seen, AlertStatus.RESOLVED, actor="ada", comment="seen")
    lose(refusing, 2)
    lose(refusing, 3)

    assert statuses(refusing) == ["OPEN", "RESOLVED"]


def lose(post, number):
    post.clock.advance(MINUTE)
    post.service.behaves = lambda _message: DeliveryError("status 400", is_final=True)
    post.put(number)
    post.courier.send_due()


def test_further_losses_are_told_again_when_there_were_none_for_an_hour(refusing):
    lose(refusing, 2)
    told_of = [told_kinds(refusing)]
    refusing.clock.advance(HOUR)
    lose(refusing, 3)
    lose(refusing, 4)
    told_of.append(told_kinds(refusing))

    assert told_of == [[MessageKind.NEW], [MessageKind.UPDATE]]


def told_kinds(post):
    """Return what was announced since the last time, as the dispatcher learns of it."""
    kinds = []
    post.store.outbox.dispatch(
        lambda news: kinds.extend(one.kind for one in news.announced) or Decision(letters=()), 10
    )
    return kinds


def test_whatever_a_services_own_client_raises_the_message_waits(posts):
    service = Service(behaves=lambda _message: RuntimeError("oh"))
    post = posts(service)
    post.put(1)

    post.courier.send_due()
    service.behaves = lambda _message: None
    post.run_for(MINUTE)

    assert post.titles == ["Alert 1"]


def test_no_more_than_so_many_a_minute_are_sent(posts):
    post = posts(Service(), per_minute=10)
    post.put(*range(25))

    post.run_for(58 * SECOND)
    assert len(post.titles) == 10
    post.run_for(MINUTE)
    assert len(post.titles) == 20
    post.run_for(MINUTE)

    assert len(post.titles) == 25


def test_a_hundred_alerts_at_once_become_one_message(posts):
    post = posts(Service(), group_above=10)
    post.put(*range(100))

    post.run_for(MINUTE)

    (message,) = post.service.taken
    assert message.kind is MessageKind.GROUP
    assert (message.count, len(message.others)) == (100, 99)


def test_a_hundred_alerts_in_a_minute_one_after_the_other_are_a_few_messages_and_one_for_the_rest(posts):
    post = posts(Service(), group_above=10)
    for number in range(100):
        post.put(number)
        post.courier.send_due()
        post.clock.advance(0.5 * SECOND)
    early = [message.kind for message in post.service.taken]

    post.run_for(MINUTE)

    kinds = Counter(message.kind for message in post.service.taken)
    assert early == [MessageKind.NEW] * 10
    assert kinds == {MessageKind.NEW: 10, MessageKind.GROUP: 1}
    assert post.service.taken[-1].count == 90


def test_news_of_other_alerts_do_not_wait_for_the_end_of_the_minute(posts):
    post = posts(Service(), group_above=1)
    post.put(1)
    post.courier.send_due()
    post.put(2)
    post.put(1, kind=MessageKind.STATUS)

    post.run_for(10 * SECOND)

    assert [(one.notice.title, one.kind.value) for one in post.service.taken] == [
        ("Alert 1", "new"),
        ("Alert 1", "status"),
    ]


def test_an_alert_that_waited_alone_for_the_end_of_the_minute_is_told_as_itself(posts):
    post = posts(Service(), group_above=1)
    post.put(1)
    post.courier.send_due()
    post.put(2)

    post.run_for(2 * MINUTE)

    assert [(one.notice.title, one.kind.value) for one in post.service.taken] == [
        ("Alert 1", "new"),
        ("Alert 2", "new"),
    ]


def test_every_alert_of_a_stream_is_told_once_and_no_minute_has_more_messages_than_the_limit(
    posts,
):
    post = posts(Service(), group_above=5)
    times = []
    post.service.behaves = lambda _message: times.append(post.clock.now())
    for number in range(300):
        post.put(number)
        post.courier.send_due()
        post.clock.advance(SECOND)
    post.run_for(2 * MINUTE)

    told = sum(message.count for message in post.service.taken)
    busiest = max(sum(start <= time < start + MINUTE for time in times) for start in times)
    assert (told, busiest) == (300, 5)


def test_a_group_that_is_refused_is_missed_with_each_of_its_alerts_and_they_are_sent_one_by_one(posts):
    service = Service(behaves=lambda _message: DeliveryError("status 400", is_final=True))
    post = posts(service, group_above=1)
    post.put(1, 2, 3)
    post.courier.send_due()
    refused = post.states()
    (error,) = post.store.list_alerts(AlertFilter(), 10)
    service.behaves = lambda _message: None

    post.store.outbox.try_again("soc")
    post.courier.send_due()

    assert refused == {"failed": 3, "split": 1}
    assert "a group of 3 new alerts (the most severe: Alert 1) was not delivered to soc" in error.description
    assert [(one.kind, one.notice.title) for one in service.taken] == [
        (MessageKind.NEW, "Alert 1"),
        (MessageKind.NEW, "Alert 2"),
        (MessageKind.NEW, "Alert 3"),
    ]


def test_a_group_that_is_sent_again_has_the_same_key_and_members(posts):
    service = Service()
    post = posts(service, group_above=1)
    post.put(1, 2, 3)
    service.behaves = lambda message: service.taken.append(message) or Killed()

    with pytest.raises(Killed):
        post.courier.send_due()
    post.put(4)
    service.behaves = lambda _message: None
    post.clock.advance(HOUR)
    post.store.outbox.release_all()
    post.courier = post.another("next")
    post.run_for(MINUTE)

    first, again, later = post.service.taken
    assert (again.key, again.others) == (first.key, first.others)
    assert later.notice.title == "Alert 4"


@given(
    deaths=st.sets(st.integers(0, 40), max_size=12),
    refusals=st.sets(st.integers(0, 40), max_size=12),
    counts=st.lists(st.integers(1, 4), min_size=1, max_size=6),
)
@examples(8)
def test_killed_at_any_time_every_alert_is_told_at_least_once_and_again_only_with_the_same_key(
    deaths, refusals, counts
):
    calls = iter(range(10_000))

    def behaves(message):
        """Take the message and die before anybody knows, or do not take it."""
        call = next(calls)
        if call in deaths:
            service.taken.append(message)
            return Killed()
        return no_answer() if call in refusals else None

    service = Service(behaves=behaves)
    post = Post(service)
    number = 0
    for batch, count in enumerate(counts):
        post.put(*range(number, number + count))
        post.put(*range(number, number + count), kind=MessageKind.UPDATE)
        number += count
        run_through_deaths(post, batch)
    post.clock.advance(HOUR)
    run_through_deaths(post, len(counts))
    for _ in range(40):
        post.clock.advance(5 * MINUTE)
        run_through_deaths(post, 0)
    taken, states = service.taken, post.states()
    post.store.close()

    assert states == {"sent": 2 * number}
    keys = {(one.notice.title, one.kind): set() for one in taken}
    for one in taken:
        keys[one.notice.title, one.kind].add(one.key)
    assert {place: len(found) for place, found in keys.items()} == dict.fromkeys(keys, 1)
    assert len(keys) == 2 * number
    firsts = {title: min(i for i, one in enumerate(taken) if one.notice.title == title) for title, _ in keys}
    assert {taken[first].kind for first in firsts.values()} == {MessageKind.NEW}


@given(
    deaths=st.sets(st.integers(0, 20), max_size=6),
    refusals=st.sets(st.integers(0, 20), max_size=6),
    batches=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 70)), min_size=1, max_size=6),
    above=st.integers(1, 4),
)
@examples(8)
def test_grouped_or_not_every_alert_is_told_once_under_one_key_and_before_what_follows(
    deaths, refusals, batches, above
):
    calls = iter(range(10_000))

    def behaves(message):
        call = next(calls)
        if call in deaths:
            service.taken.append(message)
            return Killed()
        return no_answer() if call in refusals else None

    service = Service(behaves=behaves)
    post = Post(service, group_above=above)
    number = 0
    for batch, (count, seconds) in enumerate(batches):
        post.put(*range(number, number + count))
        run_through_deaths(post, batch)
        post.put(*range(number, number + count), kind=MessageKind.STATUS)
        number += count
        post.clock.advance(seconds * SECOND)
        run_through_deaths(post, batch)
    for _ in range(40):
        post.clock.advance(5 * MINUTE)
        run_through_deaths(post, 0)
    taken, states = service.taken, post.states()
    post.store.close()

    keys, follows = {}, set()
    for message in taken:
        for one in (message.notice, *message.others):
            if message.kind is MessageKind.STATUS:
                assert one.title in keys
                follows.add(one.title)
            else:
                keys.setdefault(one.title, set()).add(message.key)
    assert {title: len(found) for title, found in keys.items()} == {f"Alert {n}": 1 for n in range(number)}
    assert follows == keys.keys()
    assert states["sent"] + states.get("grouped", 0) == 2 * number + sum(
        message.kind is MessageKind.GROUP for message in {one.key: one for one in taken}.values()
    )


def run_through_deaths(post, number):
    """Let couriers work until nothing is due, each until it is killed; the daemon is started again for the next."""
    for life in range(50):
        try:
            while post.another(f"{number}-{life}").send_due():
                pass
        except Killed:
            post.store.outbox.release_all()
        else:
            return


def expire_leases(post):
    """Do what time does: leases are ruled by the database's clock, which stands outside this test's."""
    with post.store._database.transaction() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET lease_until = '2000-01-01 00:00:00.000000'")


def test_what_a_killed_courier_held_is_not_taken_before_its_lease_ends(posts):
    service = Service(behaves=lambda _message: Killed())
    post = posts(service)
    post.put(1)
    with pytest.raises(Killed):
        post.courier.send_due()
    service.behaves = lambda _message: None

    assert post.another("next").send_due() == 0
    expire_leases(post)

    assert post.another("next").send_due() == 1


def test_a_claim_of_fifty_messages_lasts_no_longer_than_four_may_take(posts):
    post = posts(Service(behaves=lambda _message: Killed()), timeout=10.0)
    post.put(*range(50))

    with pytest.raises(Killed):
        post.courier.send_due()

    assert 30 <= longest_lease(post).total_seconds() <= 40


def longest_lease(post):
    with post.store._database.reading() as connection:
        ends = connection.exec_driver_sql("SELECT max(lease_until) FROM deliveries").scalar()
        return datetime.fromisoformat(ends).replace(tzinfo=UTC) - database_time(connection)


def test_however_long_a_courier_sends_no_other_takes_what_it_has_claimed(posts):
    service = Service()
    post = posts(service, timeout=10.0)
    post.put(*range(10))
    others = []

    def is_slow(_message):
        """Take longer than a third of the lease, by whose end it would be anybody's, and let another look."""
        others.append(post.another("other").send_due())
        expire_leases(post)
        post.clock.advance(15 * SECOND)

    service.behaves = is_slow

    assert post.courier.send_due() == 10
    assert others == [0] * 10
    assert service.asked == 10


def test_what_a_courier_has_lost_meanwhile_it_does_not_send(posts):
    service = Service()
    post = posts(service)
    post.put(*range(5))

    def is_overtaken(_message):
        service.behaves = lambda _message: None
        post.store.outbox.release_all()
        post.another("other").send_due()
        post.clock.advance(15 * SECOND)

    service.behaves = is_overtaken
    post.courier.send_due()

    assert sorted(post.titles) == ["Alert 0", *(f"Alert {number}" for number in range(5))]
    assert post.states() == {"sent": 5}


def test_a_courier_that_is_told_to_stop_gives_back_what_it_has_not_sent(posts):
    post = posts(Service())
    post.put(1, 2, 3)
    stopping = Courier(
        post.destination,
        post.store.outbox,
        clock=post.clock,
        owner="me",
        persistence=post.courier._persistence,
        is_stopping=lambda: len(post.service.taken) >= 1,
    )

    assert stopping.send_due() == 1
    assert post.another("next").send_due() == 2
