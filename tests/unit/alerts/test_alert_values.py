"""What an alert is called, and how it begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runner.alerts.alert import AlertKey, AlertStatus, alert_id, first_status
from runner.alerts.match import MatchKind

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
KEY = AlertKey(rule_id="Okta.FailedLogins", kind=MatchKind.MATCH, dedup="alice")


def test_an_alert_id_is_32_hexadecimal_digits():
    identity = alert_id(KEY, TEN)

    assert len(identity) == 32
    assert set(identity) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "other",
    [
        alert_id(replace(KEY, rule_id="Okta.Other"), TEN),
        alert_id(replace(KEY, kind=MatchKind.ERROR), TEN),
        alert_id(replace(KEY, dedup="bob"), TEN),
        alert_id(KEY, TEN + timedelta(minutes=1)),
        alert_id(KEY, TEN, turn=1),
    ],
    ids=["rule", "kind", "dedup", "window", "turn"],
)
def test_an_alert_id_depends_on_each_of_its_parts(other):
    assert other != alert_id(KEY, TEN)


def test_an_alert_id_is_the_same_in_every_process():
    assert alert_id(KEY, TEN) == "691d6247b2e166c44fdf139d617be188"


def test_an_alert_id_can_be_made_of_text_that_is_not_unicode():
    identity = alert_id(replace(KEY, dedup="\ud800"), TEN)

    assert len(identity) == 32


@pytest.mark.parametrize(
    ("severity", "status"),
    [("INFO", AlertStatus.RESOLVED), ("LOW", AlertStatus.OPEN), ("CRITICAL", AlertStatus.OPEN)],
)
def test_an_alert_begins_open_unless_it_is_for_information_only(severity, status):
    assert first_status(severity) == status
