"""Routing's order of precedence, and the traps in it."""

from datetime import UTC, datetime

import pytest

from runner.destinations.destination import Destination, Pace, Subscription
from runner.destinations.message import Notice
from runner.destinations.routing import route

MOMENT = datetime(2026, 1, 15, tzinfo=UTC)


def notice(**changes) -> Notice:
    given = {
        "alert_id": "a" * 32,
        "rule_id": "My.Rule",
        "name": "",
        "type": "SCHEDULED_RULE",
        "title": "Something",
        "severity": "HIGH",
        "status": "OPEN",
        "created_at": MOMENT,
        "first_match_at": MOMENT,
        "last_match_at": MOMENT,
        "match_count": 1,
    }
    return Notice(**{**given, **changes})


def destination(name: str, output_id: str = "", **wanted) -> Destination:
    return Destination(
        name=name,
        kind="stdout",
        output_id=output_id,
        subscription=Subscription(**{key: frozenset(values) for key, values in wanted.items()}),
        pace=Pace(timeout=1.0),
        takes_updates=True,
        sender=None,
    )


def names(found) -> list[str]:
    return [one.name for one in found]


def routed(known, *, chosen=None, output_ids=(), **changes) -> list[str]:
    return names(route(notice(**changes), known, chosen=chosen, output_ids=output_ids))


SOC = destination("soc", "id-soc", severities=["HIGH", "CRITICAL"])
DESK = destination("desk", "id-desk", severities=["LOW"])
ERRORS = destination("errors", alert_types=["SCHEDULED_RULE_ERROR", "SYSTEM_ERROR"])


def test_an_alert_goes_to_who_subscribes_to_its_severity():
    assert routed([SOC, DESK]) == ["soc"]
    assert routed([SOC, DESK], severity="LOW") == ["desk"]
    assert routed([SOC, DESK], severity="MEDIUM") == []


def test_what_the_rule_chooses_goes_over_its_output_ids_and_over_subscriptions():
    assert routed([SOC, DESK], chosen=["desk"], output_ids=["id-soc"]) == ["desk"]


def test_output_ids_go_over_subscriptions():
    assert routed([SOC, DESK], output_ids=["id-desk"]) == ["desk"]


@pytest.mark.parametrize("called", ["desk", "id-desk"])
def test_a_destination_may_be_called_by_its_name_or_its_id(called):
    assert routed([SOC, DESK], chosen=[called]) == ["desk"]


@pytest.mark.parametrize("chosen", [[], ["SKIP"], ["soc", "SKIP"]])
def test_a_rule_that_suppresses_is_told_to_nobody_whatever_else_is_set(chosen):
    assert routed([SOC, DESK], chosen=chosen, output_ids=["id-soc"]) == []


def test_where_no_chosen_destination_is_known_the_next_step_decides():
    assert routed([SOC, DESK], chosen=["gone"], output_ids=["id-desk"]) == ["desk"]
    assert routed([SOC, DESK], chosen=["gone"], output_ids=["gone too"]) == ["soc"]


def test_unknown_names_among_known_ones_are_passed_over():
    assert routed([SOC, DESK], chosen=["gone", "desk"]) == ["desk"]


def test_alert_types_filter_subscriptions_only():
    rules_only = destination("rules", alert_types=["RULE"])

    assert routed([rules_only]) == []
    assert routed([rules_only], chosen=["rules"]) == ["rules"]
    assert routed([rules_only], output_ids=["rules"]) == ["rules"]


def test_errors_are_routed_by_their_type():
    everything = destination("everything", severities=["INFO"])

    assert routed([everything, ERRORS], type="SYSTEM_ERROR", severity="CRITICAL") == ["errors"]
    assert routed([everything, ERRORS], type="SCHEDULED_RULE_ERROR") == ["errors"]


def test_log_types_filter_alerts_that_have_some():
    okta = destination("okta", log_types=["Okta.SystemLog"])

    assert routed([okta], log_types=("AWS.CloudTrail", "Okta.SystemLog")) == ["okta"]
    assert routed([okta], log_types=("AWS.CloudTrail",)) == []
    assert routed([okta], log_types=("okta_systemlog",)) == ["okta"]  # as the table is called
    assert routed([okta]) == ["okta"]


def test_tags_filter_by_any_of_them():
    cloud = destination("cloud", tags=["AWS", "GCP"])

    assert routed([cloud], tags=("AWS", "Prod")) == ["cloud"]
    assert routed([cloud], tags=("Okta",)) == []


def test_nobody_is_told_twice():
    assert routed([SOC], chosen=["soc", "id-soc"]) == ["soc"]
