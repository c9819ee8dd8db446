"""The rule of the tutorial: a failed login at Okta, told apart by the kind of account."""

import json

import pytest

from runner.definitions.severity import Severity
from runner.detections.evaluate import NOT_MATCHED, evaluate
from runner.detections.event import Event

RULE = """
from panther_base_helpers import deep_get

ADMINS = {"ann.admin@example.com"}


def rule(event):
    return deep_get(event, "outcome", "result") == "FAILURE" and event.get("eventType") == "user.session.start"


def account(event):
    return deep_get(event, "actor", "alternateId", default="unknown")


def title(event):
    return f"Okta: failed login of {account(event)}"


def severity(event):
    if account(event) in ADMINS:
        return "HIGH"
    return "low" if account(event).startswith("svc-") else "DEFAULT"


def dedup(event):
    return deep_get(event, "client", "ipAddress", default="")


def alert_context(event):
    return {"actor": event.get("actor"), "ip": dedup(event)}
"""


@pytest.fixture
def rule(detection):
    return detection(RULE, rule_id="Okta.Login.Failed", severity=Severity.MEDIUM)


def login(account="ann@example.com", result="FAILURE", address="203.0.113.7"):
    return Event(
        {
            "eventType": "user.session.start",
            "outcome": {"result": result},
            "actor": {"alternateId": account},
            "client": {"ipAddress": address},
        }
    )


def test_a_login_that_succeeds_is_no_match(rule):
    assert evaluate(rule, login(result="SUCCESS")) is NOT_MATCHED


@pytest.mark.parametrize(
    ("account", "severity"),
    [
        ("ann.admin@example.com", Severity.HIGH),
        ("svc-backup@example.com", Severity.LOW),
        ("bob@example.com", Severity.MEDIUM),
    ],
)
def test_the_severity_depends_on_the_kind_of_account(rule, account, severity):
    result = evaluate(rule, login(account=account))

    assert result.severity is severity
    assert result.title == f"Okta: failed login of {account}"


def test_logins_from_one_address_share_an_alert(rule):
    results = [evaluate(rule, login(account=account)) for account in ("ann@example.com", "bob@example.com")]

    assert {result.dedup for result in results} == {"203.0.113.7"}


def test_without_an_address_the_default_dedup_string_stands_in(rule):
    for address in ("", None):
        assert evaluate(rule, login(address=address)).dedup == "defaultDedupString:Okta.Login.Failed"


def test_the_context_holds_the_actor(rule):
    result = evaluate(rule, login())

    assert json.loads(result.context) == {"actor": {"alternateId": "ann@example.com"}, "ip": "203.0.113.7"}
    assert result.function_errors == {}
