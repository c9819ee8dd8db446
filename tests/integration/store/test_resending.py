"""What is sent after all when it was given up: it says how things are now, and does not have the last word."""

from datetime import timedelta

from state_lab import TEN, match

from runner.alerts.alert import AlertStatus
from runner.destinations.delivery import Letter
from runner.destinations.destination import Receipt
from runner.destinations.message import MessageKind, Notice
from runner.destinations.pagerduty import event_of
from runner.store import outbox

MINUTE = timedelta(minutes=1)


def raise_alert(lab):
    """Have a run raise an alert."""
    lab.run(0, match(title="Failed logins"))
    (alert,) = lab.alerts()
    return alert


def put(lab, alert, kind, *, destination="soc", **changes):
    """Write a letter as it was written when the alert was like this."""
    given = {
        "alert_id": alert.alert_id,
        "rule_id": alert.key.rule_id,
        "name": "Logins",
        "type": alert.type.value,
        "title": alert.title,
        "severity": alert.severity,
        "status": "OPEN",
        "created_at": TEN,
        "first_match_at": TEN,
        "last_match_at": TEN,
        "match_count": 1,
        "tags": ("Okta",),
        "link": "https://example.org/a",
    }
    letter = Letter(destination=destination, kind=kind, notice=Notice(**{**given, **changes}))
    with lab.store._database.transaction() as connection:
        outbox.put(connection, [letter], lab.clock.now())


def take(lab):
    return lab.store.outbox.take("soc", owner="me", lease=MINUTE, limit=10)


def lose(lab):
    for one in take(lab):
        lab.store.outbox.give_up(one, "refused with status 400")


def send(lab):
    """Send everything, one after the other, and return the messages."""
    messages = []
    while taken := take(lab):
        for one in taken:
            lab.store.outbox.sent(one, Receipt())
            messages.append(one.message)
    return messages


def resolve(lab, alert):
    lab.store.change_status([alert], AlertStatus.RESOLVED, actor="ada", comment="")


def test_what_was_lost_says_how_the_alert_is_now_under_the_same_key(lab):
    alert = raise_alert(lab)
    put(lab, alert, MessageKind.NEW)
    lose(lab)
    (lost,) = lab.store.outbox.failed("soc", 10)
    lab.run(10, match(event="another"))

    assert lab.store.outbox.try_again("soc") == 1
    (message,) = send(lab)

    assert (message.key, message.kind) == (lost.message.key, MessageKind.NEW)
    assert (lost.message.notice.match_count, message.notice.match_count) == (1, 2)
    assert message.notice.heading == f"[Re-sent]: {lost.message.notice.title}"
    assert (message.notice.name, message.notice.tags, message.notice.link) == (
        "Logins",
        ("Okta",),
        "https://example.org/a",
    )


def test_an_alert_that_was_resolved_meanwhile_is_told_as_resolved_at_the_end(lab):
    alert = raise_alert(lab)
    put(lab, alert, MessageKind.NEW)
    lose(lab)
    put(lab, alert, MessageKind.STATUS, status="RESOLVED")
    resolve(lab, alert)
    send(lab)

    lab.store.outbox.try_again("soc")
    messages = send(lab)

    assert [(one.kind, one.notice.status) for one in messages] == [
        (MessageKind.NEW, "RESOLVED"),
        (MessageKind.STATUS, "RESOLVED"),
    ]
    events = [event_of(message) for message in messages]
    assert [event["event_action"] for event in events if event] == ["resolve"]


def test_where_nothing_later_was_taken_the_lost_messages_come_in_their_order_and_no_other(lab):
    alert = raise_alert(lab)
    put(lab, alert, MessageKind.NEW)
    put(lab, alert, MessageKind.STATUS, status="RESOLVED")
    resolve(lab, alert)
    lose(lab)
    lose(lab)

    assert lab.store.outbox.try_again("soc") == 2

    assert [one.kind for one in send(lab)] == [MessageKind.NEW, MessageKind.STATUS]


def test_an_alert_that_is_open_needs_no_last_word(lab):
    alert = raise_alert(lab)
    put(lab, alert, MessageKind.NEW)
    lose(lab)
    put(lab, alert, MessageKind.UPDATE, match_count=2)
    send(lab)

    lab.store.outbox.try_again("soc")

    assert [one.kind for one in send(lab)] == [MessageKind.NEW]


def test_what_another_destination_was_told_since_does_not_count(lab):
    alert = raise_alert(lab)
    put(lab, alert, MessageKind.NEW)
    lose(lab)
    put(lab, alert, MessageKind.STATUS, destination="desk", status="RESOLVED")
    resolve(lab, alert)
    for one in lab.store.outbox.take("desk", owner="me", lease=MINUTE, limit=10):
        lab.store.outbox.sent(one, Receipt())

    lab.store.outbox.try_again("soc")

    assert [one.kind for one in send(lab)] == [MessageKind.NEW]


def test_an_alert_that_was_removed_since_is_told_as_it_was(lab):
    alert = raise_alert(lab)
    put(lab, alert, MessageKind.NEW)
    lose(lab)
    with lab.store._database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM alerts WHERE title = 'Failed logins'")

    lab.store.outbox.try_again("soc")

    (message,) = send(lab)
    assert message.notice.title == "Failed logins"


def test_where_nothing_was_given_up_nothing_is_sent_again(lab):
    put(lab, raise_alert(lab), MessageKind.NEW)

    assert lab.store.outbox.try_again("soc") == 0
    assert len(send(lab)) == 1
