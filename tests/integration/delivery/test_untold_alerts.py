"""Alerts that are stored and not told: beyond the limit of their rule, or within a silence."""

from datetime import timedelta

import pytest
from alert_office import NEW, TEN, UPDATE, Office

from runner.alerts.alert import AlertStatus
from runner.alerts.system_fault import SystemFaultKind
from runner.destinations.delivery import DeliveryState
from runner.destinations.silence import Matcher
from runner.store.alert_book import AlertFilter

MINUTE = timedelta(minutes=1)


@pytest.fixture
def offices():
    made = []

    def make(**options):
        made.append(Office(**options))
        return made[-1]

    yield make
    for office in made:
        office.store.close()


def run_for(office, minute, *people):
    """Run for a due time that finds each of some people once."""
    for number, person in enumerate(people):
        office.run(minute + number, f"{person} {minute}", dedup=person)


def limit_errors(office):
    return [
        one.status
        for one in office.store.list_alerts(AlertFilter(), 99)
        if one.key.rule_id == SystemFaultKind.ALERT_LIMIT
    ]


def told_of(office):
    """Return the titles of new alerts that are told, but for those of system errors."""
    return [title for kind, title, _ in office.tell() if kind is NEW and not title.startswith("The rule")]


def test_what_is_caught_up_with_within_an_hour_counts_together_whatever_its_times_are(offices):
    office = offices(alerts_per_hour=2)

    run_for(office, -600, "ada", "bob", "cyd")
    first = told_of(office)
    office.clock.advance(10 * MINUTE)
    run_for(office, -400, "dan")
    second = told_of(office)
    office.clock.advance(10 * MINUTE)
    run_for(office, -200, "eve", "fay")
    third = told_of(office)

    assert (first, second, third) == (["ada -600", "bob -600"], [], [])
    assert limit_errors(office) == [AlertStatus.OPEN]


def test_an_hour_after_the_last_one_a_rule_is_told_of_again_and_is_well(offices):
    office = offices(alerts_per_hour=1)
    run_for(office, -600, "ada", "bob")
    told_of(office)
    office.clock.advance(59 * MINUTE)
    run_for(office, 0, "cyd")
    still = told_of(office)

    office.clock.advance(61 * MINUTE)
    run_for(office, 60, "dan")
    later = told_of(office)

    assert (still, later) == ([], ["dan 60"])
    assert limit_errors(office) == [AlertStatus.RESOLVED]


def test_alerts_that_were_found_too_late_do_not_use_up_the_limit(offices):
    office = offices(alerts_per_hour=1)
    run_for(office, -2000, "ada", "bob", "cyd")
    late = told_of(office)

    run_for(office, 0, "dan")

    assert (late, told_of(office)) == ([], ["dan 0"])


def test_an_alert_that_began_in_a_silence_is_told_as_new_when_it_grows_after_it_and_then_as_ever(offices):
    office = offices()
    works = office.store.outbox.silence(
        Matcher(rule="My.*"), reason="works", author="ada", starts_at=TEN, ends_at=TEN + 5 * MINUTE
    )
    office.run(0, "a")
    office.run(1, "b")
    silent = office.tell()
    office.clock.advance(5 * MINUTE)
    quiet = office.tell()

    office.run(10, "c")
    after = office.tell()
    office.run(11, "d")

    assert (silent, quiet) == ([], [])
    assert after == [(NEW, "a", 3)]
    assert office.tell() == [(UPDATE, "a", 4)]
    assert office.tell("archive") == [(NEW, "a", 3)]
    (alert,) = office.store.list_alerts(AlertFilter(), 9)
    deliveries = [
        one for one in office.store.outbox.deliveries_of(alert.alert_id) if one.destination == "soc"
    ]
    assert [(one.state, one.reason) for one in deliveries] == [
        (DeliveryState.SILENCED, str(works)),
        (DeliveryState.SENT, ""),
        (DeliveryState.SENT, ""),
    ]
