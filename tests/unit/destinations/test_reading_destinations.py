"""The tables of destinations: what they mean, and every fault in them at once."""

from datetime import UTC, datetime

import pytest

from runner.clock import FrozenClock
from runner.destinations.kinds import KINDS, SHARED_OPTIONS
from runner.destinations.reading import read_destinations
from runner.errors import SettingsError

CLOCK = FrozenClock(datetime(2026, 1, 15, tzinfo=UTC))
LEAST = {
    "webhook": {"url": "https://example.org/hook"},
    "slack": {"token": "xoxb-1", "channel": "C1"},
    "pagerduty": {"routing_key": "r" * 32},
    "email": {"host": "mail.example.org", "from": "runner@example.org", "to": ["soc@example.org"]},
    "file": {"path": "alerts.jsonl"},
    "stdout": {},
    "apprise": {"url": "json://localhost"},
}


def read(tmp_path, **tables):
    return read_destinations(tables, root=tmp_path, clock=CLOCK)


def faults_of(tmp_path, **tables) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, **tables)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_ready_with_what_it_must_be_told(tmp_path, kind):
    (found,) = read(tmp_path, soc={"kind": kind, **LEAST[kind]})

    assert (found.name, found.kind, found.takes_updates) == ("soc", kind, True)
    found.sender.close()


def test_filters_and_pace_are_read(tmp_path):
    (found,) = read(
        tmp_path,
        soc={
            "kind": "stdout",
            "id": "1f6f9a",
            "severities": ["HIGH", "CRITICAL"],
            "alert_types": ["SYSTEM_ERROR"],
            "log_types": ["AWS.CloudTrail"],
            "tags": ["Prod"],
            "updates": False,
            "timeout_seconds": 3,
            "per_minute": 30,
            "group_above": 10,
        },
    )

    assert found.output_id == "1f6f9a"
    assert found.subscription.severities == {"HIGH", "CRITICAL"}
    assert found.subscription.alert_types == {"SYSTEM_ERROR"}
    assert found.subscription.log_types == {"AWS.CloudTrail"}
    assert found.subscription.tags == {"Prod"}
    assert (found.pace.timeout, found.pace.per_minute, found.pace.group_above) == (3.0, 30, 10)
    assert not found.takes_updates


def test_pagerduty_groups_by_itself(tmp_path):
    (fault,) = faults_of(tmp_path, pager={"kind": "pagerduty", **LEAST["pagerduty"], "group_above": 10})

    assert fault.startswith(
        'destinations."pager".group_above: not for this kind: PagerDuty resolves incidents one by one'
    )


def test_all_faults_of_all_destinations_are_told_at_once(tmp_path):
    faults = faults_of(
        tmp_path,
        a={"kind": "webhok"},
        b={"kind": "webhook", "ulr": "https://example.org"},
        c={"kind": "email", **LEAST["email"], "to": ["nobody"], "tls": "ssl"},
        d={"kind": "stdout", "severities": ["high"]},
    )

    kinds = "webhook, slack, pagerduty, email, file, stdout, apprise"
    assert faults == [
        f'destinations."a".kind: expected one of {kinds}',
        'destinations."b".ulr: there is no such option: did you mean url?',
        'destinations."b": url is missing: Where it is posted.',
        'destinations."c".tls: expected one of starttls, implicit, none',
        'destinations."c".to: expected one or more email addresses',
        'destinations."d".severities: expected some of INFO, LOW, MEDIUM, HIGH, CRITICAL',
    ]


def test_a_wrong_value_is_not_shown_as_it_may_be_a_secret(tmp_path):
    (fault,) = faults_of(tmp_path, a={"kind": "webhook", "url": "hunter2"})

    assert "hunter2" not in fault


def test_slack_wants_a_token_or_a_webhook(tmp_path):
    assert faults_of(tmp_path, a={"kind": "slack"}) == [
        'destinations."a": expected either token and channel, or webhook_url'
    ]
    assert faults_of(tmp_path, a={"kind": "slack", "token": "xoxb-1"}) == [
        'destinations."a": expected channel beside token'
    ]


def test_two_destinations_may_not_be_called_the_same(tmp_path):
    faults = faults_of(tmp_path, soc={"kind": "stdout"}, desk={"kind": "stdout", "id": "soc"})

    assert faults == ['destinations."desk": \'soc\' already means destinations."soc"']


def test_no_option_has_two_meanings():
    shared = {option.name for option in SHARED_OPTIONS}

    assert [name for name, kind in KINDS.items() if shared & {option.name for option in kind.options}] == []
