"""Which letters follow from what has happened to alerts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runner.alerts.alert import Alert, AlertKey, AlertStatus, AlertType
from runner.alerts.system_fault import SystemFaultKind
from runner.delivery.dispatch import Discretion, Dispatcher, RuleFacts
from runner.destinations.destination import Destination, Pace, Subscription
from runner.destinations.message import MessageKind
from runner.destinations.silence import Matcher, Silence
from runner.store.announcements import Announcement
from runner.store.outbox_store import News

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
A, B = "a" * 32, "b" * 32


def destination(name, *, takes_updates=True, **wanted) -> Destination:
    return Destination(
        name=name,
        kind="stdout",
        output_id="",
        subscription=Subscription(**{key: frozenset(values) for key, values in wanted.items()}),
        pace=Pace(timeout=1.0),
        takes_updates=takes_updates,
        sender=None,
    )


def alert(alert_id=A, **changes) -> Alert:
    given = {
        "alert_id": alert_id,
        "key": AlertKey(rule_id="My.Rule", kind="match", dedup="ada"),
        "type": AlertType.SCHEDULED_RULE,
        "title": "Something",
        "severity": "HIGH",
        "status": AlertStatus.OPEN,
        "created_at": NOON,
        "first_match_at": NOON,
        "last_match_at": NOON,
        "match_count": 1,
        "description": "",
        "runbook": "",
        "reference": "",
        "context": {},
        "destinations": None,
        "run_id": "r",
    }
    return Alert(**{**given, **changes})


def dispatcher(*destinations, facts=None, alerts_per_hour=1000) -> Dispatcher:
    return Dispatcher(
        destinations=destinations or (destination("soc"),),
        facts_of=lambda _rule_id: facts or RuleFacts(),
        discretion=Discretion(page_max_age=HOUR, alerts_per_hour=alerts_per_hour),
        link="https://example.org/alerts/{alert_id}",
    )


def news(*happened, alerts=None, told=None, silenced=None, recent=None, silences=(), now=NOON) -> News:
    return News(
        announced=[
            Announcement(alert_id=alert_id, kind=kind, at=NOON, actor="ada", comment="seen")
            for alert_id, kind in happened
        ],
        alerts={one.alert_id: one for one in (alerts or [alert()])},
        told=told or {},
        silenced=silenced or {},
        recent=recent or {},
        silences=silences,
        now=now,
    )


NEW, UPDATE, STATUS = MessageKind.NEW, MessageKind.UPDATE, MessageKind.STATUS


def silence(**pattern) -> Silence:
    return Silence(
        silence_id=1,
        matcher=Matcher(**pattern),
        reason="works",
        author="ada",
        starts_at=NOON - HOUR,
        ends_at=NOON + HOUR,
    )


def test_a_new_alert_is_told_with_what_its_rule_says():
    facts = RuleFacts(name="My rule", tags=("Okta",))

    (letter,) = dispatcher(facts=facts).decide(news((A, NEW))).letters

    assert (letter.destination, letter.kind, letter.held_because) == ("soc", NEW, "")
    assert (letter.notice.name, letter.notice.tags) == ("My rule", ("Okta",))
    assert letter.notice.link == f"https://example.org/alerts/{A}"


def test_an_alert_is_told_with_the_most_frequent_values_of_its_matches():
    summary = {"ip": [{"value": "203.0.113.7", "count": 2}]}

    (letter,) = dispatcher().decide(replace(news((A, NEW)), summaries={A: summary, B: {}})).letters

    assert letter.notice.summary == summary


def test_what_happened_since_goes_into_the_first_letter():
    grown = alert(match_count=5, status=AlertStatus.TRIAGED)

    letters = dispatcher().decide(news((A, NEW), (A, UPDATE), (A, STATUS), alerts=[grown])).letters

    assert [(one.kind, one.notice.match_count, one.notice.status) for one in letters] == [(NEW, 5, "TRIAGED")]


def test_what_happens_later_is_told_to_those_who_know_and_take_updates():
    parts = dispatcher(destination("soc"), destination("desk"), destination("log", takes_updates=False))

    letters = parts.decide(news((A, STATUS), told={A: {"desk": None, "log": None}})).letters

    assert [(one.destination, one.kind, one.actor, one.comment) for one in letters] == [
        ("desk", STATUS, "ada", "seen")
    ]


def test_an_alert_that_is_gone_is_passed_over():
    assert dispatcher().decide(news((B, NEW), (B, UPDATE))).letters == []


def test_a_silenced_alert_is_held_and_says_by_whom():
    (letter,) = dispatcher().decide(news((A, NEW), silences=[silence(rule="My.*")])).letters

    assert (letter.held_because, letter.is_silenced) == ("silence 1 by ada: works", True)


def test_in_a_maintenance_window_an_alert_is_held_and_its_growth_is_not_told():
    asked = []
    office = dispatcher()
    office.windows = lambda now: asked.append(now) or [replace(silence(rule="My.*"), window="patching")]

    (letter,) = office.decide(news((A, NEW))).letters
    grown = office.decide(news((A, UPDATE), told={A: {"soc": None}})).letters

    assert letter.held_because == "maintenance window patching: works"
    assert grown == []
    assert asked == [NOON, NOON]


def test_a_silence_over_others_changes_nothing():
    (letter,) = dispatcher().decide(news((A, NEW), silences=[silence(rule="Your.*")])).letters

    assert letter.held_because == ""


def test_a_silence_keeps_growth_back_and_lets_a_resolution_through():
    parts = news((A, UPDATE), (A, STATUS), told={A: {"soc": None}}, silences=[silence(severity="HIGH")])

    assert [one.kind for one in dispatcher().decide(parts).letters] == [STATUS]


def test_whom_a_silence_kept_an_alert_from_is_told_once_when_it_grows_after_the_silence():
    parts = dispatcher(destination("soc"), destination("desk", takes_updates=False), destination("pager"))

    letters = parts.decide(
        news((A, UPDATE), (A, UPDATE), silenced={A: {"soc", "desk"}}, alerts=[alert(match_count=9)])
    ).letters

    assert [(one.destination, one.kind, one.notice.match_count, one.held_because) for one in letters] == [
        ("soc", NEW, 9, ""),
        ("desk", NEW, 9, ""),
    ]


@pytest.mark.parametrize(
    ("happened", "changes", "options"),
    [
        (UPDATE, {}, {"silences": [silence(rule="My.*")]}),
        (STATUS, {}, {}),
        (UPDATE, {"status": AlertStatus.RESOLVED}, {}),
        (UPDATE, {"status": AlertStatus.CLOSED}, {}),
        (UPDATE, {"merged_into": B}, {}),
        (UPDATE, {"match_count": 0}, {}),
        (UPDATE, {"last_match_at": NOON - 2 * HOUR}, {}),
        (UPDATE, {}, {"recent": {"My.Rule": 1000}}),
    ],
    ids=["silenced still", "no growth", "resolved", "closed", "merged", "empty", "late", "too many"],
)
def test_a_silenced_alert_is_not_told_after_all(happened, changes, options):
    parts = news((A, happened), silenced={A: {"soc"}}, alerts=[alert(**changes)], **options)

    assert dispatcher().decide(parts).letters == []


def test_an_alert_of_severity_info_is_resolved_from_the_start_and_told_after_its_silence():
    info = alert(severity="INFO", status=AlertStatus.RESOLVED)

    letters = dispatcher().decide(news((A, UPDATE), silenced={A: {"soc"}}, alerts=[info])).letters

    assert [one.kind for one in letters] == [NEW]


def test_a_silenced_alert_that_began_long_ago_and_grows_now_is_told():
    old = alert(created_at=NOON - 20 * HOUR)

    letters = dispatcher().decide(news((A, UPDATE), silenced={A: {"soc"}}, alerts=[old])).letters

    assert [one.kind for one in letters] == [NEW]


def test_an_alert_that_was_found_too_late_wakes_nobody():
    late = NOON + HOUR + timedelta(seconds=1)

    (in_time,) = dispatcher().decide(news((A, NEW), now=NOON + HOUR)).letters
    (held,) = dispatcher().decide(news((A, NEW), now=late)).letters

    assert in_time.held_because == ""
    assert held.held_because == "it was found too late: its run was for a time more than 1:00:00 ago"


def test_beyond_its_limit_a_rule_is_told_of_as_a_system_error():
    parts = news((A, NEW), (B, NEW), alerts=[alert(A), alert(B)], recent={"My.Rule": 9})

    decision = dispatcher(alerts_per_hour=10).decide(parts)

    assert [bool(one.held_because) for one in decision.letters] == [False, True]
    assert decision.counted == {A, B}
    assert [(one.kind, one.subject) for one in decision.faults] == [(SystemFaultKind.ALERT_LIMIT, "My.Rule")]
    assert decision.mended == []


def test_a_rule_below_its_limit_is_well_again():
    decision = dispatcher(alerts_per_hour=10).decide(news((A, NEW)))

    assert decision.mended == [(SystemFaultKind.ALERT_LIMIT, "My.Rule")]


def test_that_a_destination_fails_is_told_to_the_others():
    failing = alert(type=AlertType.SYSTEM_ERROR, context={"destination": "soc"})

    letters = (
        dispatcher(destination("soc"), destination("desk")).decide(news((A, NEW), alerts=[failing])).letters
    )

    assert [one.destination for one in letters] == ["desk"]


def test_what_the_rule_chose_is_heeded():
    chosen = alert(destinations=("desk",))

    parts = dispatcher(destination("soc"), destination("desk"), facts=RuleFacts(output_ids=("soc",)))

    assert [one.destination for one in parts.decide(news((A, NEW), alerts=[chosen])).letters] == ["desk"]
