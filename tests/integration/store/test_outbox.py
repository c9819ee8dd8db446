"""The outbox, on SQLite and on PostgreSQL: what is due, who has it, and what became of it."""

from datetime import timedelta

import pytest
from state_lab import TEN, after

from runner.destinations.delivery import DeliveryState, Letter, delivery_key
from runner.destinations.destination import Receipt
from runner.destinations.message import MessageKind, Notice
from runner.destinations.silence import Matcher
from runner.errors import UnknownSilence
from runner.store import announcements, outbox
from runner.store.announcements import Announcement
from runner.store.outbox_store import Decision

MINUTE = timedelta(minutes=1)


def notice(alert="a", **changes) -> Notice:
    given = {
        "alert_id": alert * 32,
        "rule_id": "My.Rule",
        "name": "My rule",
        "type": "SCHEDULED_RULE",
        "title": f"Alert {alert}",
        "severity": "HIGH",
        "status": "OPEN",
        "created_at": TEN,
        "first_match_at": TEN,
        "last_match_at": TEN,
        "match_count": 1,
        "tags": ("Okta",),
        "context": {"user": "ada"},
    }
    return Notice(**{**given, **changes})


def letter(alert="a", destination="soc", kind=MessageKind.NEW, held_because="", **changes) -> Letter:
    return Letter(
        destination=destination, kind=kind, notice=notice(alert, **changes), held_because=held_because
    )


def put(lab, *letters) -> None:
    """Write letters as the dispatcher does."""
    with lab.store._database.transaction() as connection:
        announcements.announce(
            connection, [Announcement(alert_id="x" * 32, kind=MessageKind.NEW, at=lab.clock.now())]
        )
    assert lab.store.outbox.dispatch(lambda _news: Decision(letters=letters), 10) == 1


def take(lab, destination="soc", owner="me", limit=10, lease=MINUTE):
    return lab.store.outbox.take(destination, owner=owner, lease=lease, limit=limit)


def titles(taken) -> list[str]:
    return [one.message.notice.title for one in taken]


def test_a_letter_comes_out_as_it_went_in(lab):
    put(lab, letter(link="https://example.org/a"))

    (taken,) = take(lab)

    assert taken.message.notice == notice(link="https://example.org/a")
    assert taken.message.key == delivery_key("a" * 32, "soc", 1)
    assert (taken.kind, taken.sequence, taken.attempts) == (MessageKind.NEW, 1, 0)


def test_what_one_has_taken_no_other_takes_until_its_lease_ends(lab):
    put(lab, letter("a"), letter("b"))

    assert titles(take(lab, owner="first", limit=1)) == ["Alert a"]
    assert titles(take(lab, owner="second")) == ["Alert b"]
    assert take(lab, owner="third") == []


def test_what_was_given_back_is_taken_again_with_the_same_key(lab):
    put(lab, letter())
    (first,) = take(lab)
    lab.store.outbox.release("soc", "me")

    (second,) = take(lab, owner="other")

    assert second.message == first.message


ENDED = -MINUTE
"""A lease that ended before it began."""


def test_what_is_extended_in_time_is_kept(lab):
    put(lab, letter("a"), letter("b"))
    taken = take(lab, lease=ENDED)

    held = lab.store.outbox.extend("soc", "me", MINUTE)

    assert held == {one.delivery_id for one in taken}
    assert take(lab, owner="other") == []


def test_what_another_has_taken_since_or_somebody_has_sent_is_not_extended(lab):
    put(lab, letter("a"), letter("b"), letter("c"))
    first, _, third = take(lab, lease=ENDED)
    lab.store.outbox.sent(first, Receipt())
    take(lab, owner="other", limit=1)

    assert lab.store.outbox.extend("soc", "me", MINUTE) == {third.delivery_id}


def test_an_owner_gives_back_and_extends_for_one_destination_alone(lab):
    put(lab, letter(destination="soc"), letter(destination="desk"))
    take(lab, "soc", lease=ENDED)
    take(lab, "desk")

    lab.store.outbox.extend("soc", "me", MINUTE)
    lab.store.outbox.release("desk", "me")

    assert take(lab, "soc", owner="other") == []
    assert len(take(lab, "desk", owner="other")) == 1


def test_everything_that_was_claimed_can_be_given_back_at_once(lab):
    put(lab, letter("a"), letter("b"), letter("a", destination="desk"))
    take(lab, limit=1, owner="first")
    take(lab, "desk", owner="second")

    lab.store.outbox.release_all()

    assert titles(take(lab, owner="third")) == ["Alert a", "Alert b"]
    assert titles(take(lab, "desk", owner="third")) == ["Alert a"]


def test_a_destination_takes_only_its_own(lab):
    put(lab, letter(destination="soc"), letter(destination="desk"))

    assert [one.destination for one in take(lab, "desk")] == ["desk"]


def test_what_was_sent_is_sent_no_more(lab):
    put(lab, letter())
    (taken,) = take(lab)

    lab.store.outbox.sent(taken, Receipt())

    assert not lab.store.outbox.has_due("soc")
    (kept,) = lab.store.outbox.deliveries_of("a" * 32)
    assert (kept.state, kept.attempts, kept.ended_at) == (DeliveryState.SENT, 1, TEN)


def test_the_second_message_on_an_alert_waits_for_the_first(lab):
    put(lab, letter())
    (first,) = take(lab, limit=1)
    put(lab, letter(kind=MessageKind.STATUS, status="RESOLVED"))

    assert take(lab, owner="other") == []
    lab.store.outbox.sent(first, Receipt())
    (second,) = take(lab, owner="other")

    assert (second.sequence, second.kind) == (2, MessageKind.STATUS)


def test_the_second_message_knows_the_thread_of_the_first(lab):
    put(lab, letter())
    lab.store.outbox.sent(take(lab)[0], Receipt(thread="1700.1"))
    put(lab, letter(kind=MessageKind.UPDATE, match_count=2))

    (second,) = take(lab)

    assert second.message.thread == "1700.1"


def test_an_update_that_nobody_tried_to_send_is_replaced_by_the_next(lab):
    put(lab, letter())
    lab.store.outbox.sent(take(lab)[0], Receipt())

    put(lab, letter(kind=MessageKind.UPDATE, match_count=2))
    put(lab, letter(kind=MessageKind.UPDATE, match_count=3))

    (update,) = take(lab)
    assert update.message.notice.match_count == 3


def test_an_update_that_was_tried_stays_as_it_was(lab):
    put(lab, letter())
    lab.store.outbox.sent(take(lab)[0], Receipt())
    put(lab, letter(kind=MessageKind.UPDATE, match_count=2))
    put_off(lab, take(lab)[0])

    put(lab, letter(kind=MessageKind.UPDATE, match_count=3))

    kept = lab.store.outbox.deliveries_of("a" * 32)
    assert [one.message.notice.match_count for one in kept] == [1, 2, 3]


def put_off(lab, taken, minutes=1):
    at = lab.clock.now() + minutes * MINUTE
    lab.store.outbox.put_off(taken, "no answer", next_at=at, failures=1, retry_at=at)


def test_what_is_put_off_is_due_again_at_its_time(lab):
    put(lab, letter())
    put_off(lab, take(lab)[0])

    assert take(lab) == []
    assert lab.store.outbox.state_of("soc") == (1, after(1))
    lab.clock.advance(MINUTE)
    (again,) = take(lab)

    assert (again.attempts, again.reason) == (1, "no answer")


def test_a_destination_that_took_something_has_failed_no_more(lab):
    put(lab, letter())
    put_off(lab, take(lab)[0])
    lab.clock.advance(MINUTE)

    lab.store.outbox.sent(take(lab)[0], Receipt())

    assert lab.store.outbox.state_of("soc") == (0, None)


def test_a_destination_that_was_told_nothing_is_not_known_to_be_well(lab):
    put(lab, letter())
    put_off(lab, take(lab)[0])
    lab.clock.advance(MINUTE)

    lab.store.outbox.sent(take(lab)[0], Receipt(was_sent=False))

    assert lab.store.outbox.state_of("soc") == (1, after(1))
    (kept,) = lab.store.outbox.deliveries_of("a" * 32)
    assert (kept.state, kept.reason) == (DeliveryState.SENT, "it changes nothing there, so nothing was sent")


def test_what_is_held_is_kept_with_its_reason_and_never_sent(lab):
    put(lab, letter(held_because="silence 1 by ada: works"))

    assert take(lab) == []
    (kept,) = lab.store.outbox.deliveries_of("a" * 32)
    assert (kept.state, kept.reason) == (DeliveryState.HELD, "silence 1 by ada: works")


def test_who_was_told_is_who_was_not_held_back(lab):
    put(lab, letter(destination="soc"), letter(destination="desk", held_because="too old"))

    with lab.store._database.reading() as connection:
        told = outbox.told(connection, ["a" * 32, "b" * 32])

    assert {alert: sorted(known) for alert, known in told.items()} == {"a" * 32: ["soc"]}


def test_many_new_alerts_are_joined_into_one_message(lab):
    put(lab, *(letter(alert) for alert in "abcd"))

    assert lab.store.outbox.group("soc", above=3)
    (grouped,) = take(lab)

    assert grouped.kind is MessageKind.GROUP
    assert [one.title for one in (grouped.message.notice, *grouped.message.others)] == [
        "Alert a",
        "Alert b",
        "Alert c",
        "Alert d",
    ]
    assert lab.store.outbox.counts()["soc"] == {"grouped": 4, "waiting": 1}


def test_few_new_alerts_are_not_joined(lab):
    put(lab, letter("a"), letter("b"))

    assert not lab.store.outbox.group("soc", above=2)
    assert titles(take(lab)) == ["Alert a", "Alert b"]


def test_what_somebody_tries_to_send_is_not_joined(lab):
    put(lab, *(letter(alert) for alert in "abcd"))
    put_off(lab, take(lab, limit=1)[0], minutes=0)

    lab.store.outbox.group("soc", above=2)

    assert [one.kind for one in take(lab)] == [MessageKind.NEW, MessageKind.GROUP]


def test_a_group_is_told_by_the_most_severe_of_its_alerts_and_then_the_oldest(lab):
    put(
        lab,
        letter("a", severity="INFO"),
        letter("b", severity="CRITICAL"),
        letter("c", severity="HIGH"),
        letter("d", severity="CRITICAL"),
    )

    lab.store.outbox.group("soc", above=3)

    (grouped,) = take(lab)
    notices = (grouped.message.notice, *grouped.message.others)
    assert [(one.alert_id[0], one.severity) for one in notices] == [
        ("b", "CRITICAL"),
        ("d", "CRITICAL"),
        ("c", "HIGH"),
        ("a", "INFO"),
    ]


def test_a_group_is_given_up_when_the_oldest_of_its_alerts_would_be(lab):
    put(lab, letter("a"))
    lab.clock.advance(30 * MINUTE)
    put(lab, letter("b"), letter("c"))

    lab.store.outbox.group("soc", above=1)

    (grouped,) = take(lab)
    assert (grouped.created_at, grouped.next_at) == (TEN, after(30))


def test_a_group_counts_more_alerts_than_it_has_in_it(lab):
    put(lab, *(letter(alert_id=f"{number:032x}", severity="LOW") for number in range(599)))
    put(lab, letter(alert_id="f" * 32, severity="HIGH"))

    lab.store.outbox.group("soc", above=3)

    (grouped,) = take(lab)
    assert (grouped.message.count, len(grouped.message.others)) == (600, 499)
    assert grouped.message.notice.severity == "HIGH"


def test_what_follows_an_alert_waits_for_the_group_that_tells_of_it(lab):
    put(lab, *(letter(alert) for alert in "abc"))
    put(lab, letter("a", kind=MessageKind.STATUS), letter("b", kind=MessageKind.UPDATE))
    lab.store.outbox.group("soc", above=1)
    put(lab, letter("a", kind=MessageKind.COMMENT), letter("c", kind=MessageKind.STATUS))

    (grouped,) = take(lab)
    lab.store.outbox.sent(grouped, Receipt())
    second = take(lab)

    assert grouped.kind is MessageKind.GROUP
    assert sorted((one.alert_id[0], one.kind.value) for one in second) == [
        ("a", "status"),
        ("b", "update"),
        ("c", "status"),
    ]
    lab.store.outbox.sent(next(one for one in second if one.alert_id[0] == "a"), Receipt())
    assert [(one.alert_id[0], one.kind) for one in take(lab)] == [("a", MessageKind.COMMENT)]


def test_what_follows_any_alert_of_a_group_is_in_the_thread_of_the_group(lab):
    put(lab, *(letter(alert) for alert in "abc"))
    lab.store.outbox.group("soc", above=1)
    lab.store.outbox.sent(take(lab)[0], Receipt(thread="1700.1"))
    put(lab, letter("a", kind=MessageKind.UPDATE), letter("c", kind=MessageKind.UPDATE))

    assert [one.message.thread for one in take(lab)] == ["1700.1", "1700.1"]


def test_a_group_that_is_given_up_fails_with_all_its_alerts_and_they_are_sent_one_by_one_after_all(lab):
    put(lab, *(letter(alert) for alert in "abc"))
    lab.store.outbox.group("soc", above=1)

    lab.store.outbox.give_up(take(lab)[0], "refused with status 400")

    missed = lab.store.outbox.failed("soc", 10)
    assert [(titles([one]), one.reason) for one in missed] == [
        (["Alert c"], "refused with status 400"),
        (["Alert b"], "refused with status 400"),
        (["Alert a"], "refused with status 400"),
    ]
    with lab.store._database.reading() as connection:
        assert outbox.told(connection, ["a" * 32, "b" * 32, "c" * 32]) == {}
    assert lab.store.outbox.try_again("soc") == 3
    lab.store.outbox.group("soc", above=1)
    assert titles(take(lab)) == ["Alert a", "Alert b", "Alert c"]


def test_what_was_sent_within_the_last_minute_counts_and_the_rest_waits_for_its_end(lab):
    put(lab, letter("a"), letter("b"))
    lab.store.outbox.group("soc", above=2)
    for taken in take(lab):
        lab.store.outbox.sent(taken, Receipt())
    lab.clock.advance(timedelta(seconds=10))
    put(lab, letter("c"))
    assert not lab.store.outbox.group("soc", above=2)
    assert take(lab) == []
    lab.clock.advance(timedelta(seconds=30))
    put(lab, letter("d"), letter("e"))

    assert not lab.store.outbox.group("soc", above=2)
    held = take(lab)
    lab.clock.advance(timedelta(seconds=30))
    assert lab.store.outbox.group("soc", above=2)

    assert held == []
    assert [(one.kind, one.message.count) for one in take(lab)] == [(MessageKind.GROUP, 3)]


def test_who_knows_of_an_alert_by_a_group_is_told_what_follows(lab):
    put(lab, *(letter(alert) for alert in "abc"))
    lab.store.outbox.group("soc", above=1)

    with lab.store._database.reading() as connection:
        assert sorted(outbox.told(connection, ["c" * 32])["c" * 32]) == ["soc"]


def test_what_is_given_up_says_why(lab):
    put(lab, letter())

    lab.store.outbox.give_up(take(lab)[0], "refused with status 400")

    (kept,) = lab.store.outbox.deliveries_of("a" * 32)
    assert (kept.state, kept.reason) == (DeliveryState.FAILED, "refused with status 400")


def test_messages_within_a_minute_are_counted(lab):
    put(lab, letter("a"), letter("b"))
    for taken in take(lab):
        lab.store.outbox.sent(taken, Receipt())
        lab.clock.advance(timedelta(seconds=40))

    assert lab.store.outbox.sent_since("soc", lab.clock.now() - MINUTE) == 1


def test_nothing_is_dispatched_where_nothing_has_happened(lab):
    assert lab.store.outbox.dispatch(lambda _news: pytest.fail("asked for nothing"), 10) == 0


def test_a_silence_holds_until_it_is_ended(lab):
    silence = lab.store.outbox.silence(
        Matcher(rule="My.*"), reason="works", author="ada", starts_at=TEN, ends_at=after(60)
    )

    assert lab.store.outbox.silences() == [silence]
    lab.store.outbox.end_silence(silence.silence_id)

    assert lab.store.outbox.silences() == []
    with pytest.raises(UnknownSilence, match="no silence 1 that goes on"):
        lab.store.outbox.end_silence(silence.silence_id)


def test_a_silence_ends_by_itself(lab):
    lab.store.outbox.silence(
        Matcher(rule="My.*"), reason="works", author="ada", starts_at=TEN, ends_at=after(60)
    )

    lab.clock.advance(60 * MINUTE)

    assert lab.store.outbox.silences() == []
