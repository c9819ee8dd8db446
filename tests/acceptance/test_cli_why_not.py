"""`runner why-not`: the question as people type it."""

import json

import pytest

AT = "2026-01-15T00:00:00Z"
QUERY = "Okta Failed Logins"
SUCCESS = {
    "p_event_time": "2026-01-14T23:30:00Z",
    "eventType": "user.session.start",
    "actor": {"alternateId": "sam@example.com", "unknown": 1},
    "outcome": {"result": "SUCCESS"},
}


@pytest.fixture
def first_event(project_with_alert, here):
    """Return a row of the alert, as it is shown to people."""
    (alert,) = here("alerts", "list", "--format", "json", cwd=project_with_alert).document
    shown = here("alerts", "show", alert["alert_id"], "--format", "json", cwd=project_with_alert)
    return shown.document["events"][0]


def test_the_answer_is_a_sentence_for_people_and_fields_for_machines(project_with_alert, here):
    arguments = ("why-not", QUERY, "--row", json.dumps(SUCCESS), "--at", AT)

    text = here(*arguments, cwd=project_with_alert)
    fields = here(*arguments, "--format", "json", cwd=project_with_alert)

    assert (text.code, fields.code) == (0, 0)
    assert "filtered by the rule: rule() returned False." in text.out
    (rule,) = fields.document["rules"]
    assert (rule["rule_id"], rule["reason"]) == ("Okta.FailedLogins", "filtered by the rule")
    assert fields.document["returned"]["window_since"] == "2026-01-14T23:00:00Z"
    assert fields.document["due"]["state"] == "run by hand"


def test_a_row_out_of_an_alert_is_found_in_it(project_with_alert, here, first_event):
    file = project_with_alert / "row.json"
    file.write_text(json.dumps(first_event))

    found = here(
        "why-not", QUERY, "--result", "--row", "@row.json", "--at", AT, "--format", "json",
        cwd=project_with_alert,
    )  # fmt: skip

    (rule,) = found.document["rules"]
    assert rule["reason"] == "alerted"
    assert rule["alert_id"]


def test_a_rule_that_fails_is_an_answer_with_exit_code_1(project_with_alert, here, write_rule):
    write_rule(project_with_alert, "Broken", "def rule(event):\n    return event['nothing']\n")

    ended = here("why-not", QUERY, "--row", json.dumps(SUCCESS), "--at", AT, cwd=project_with_alert)

    assert ended.code == 1
    assert "the rule fails: rule() raised KeyError" in ended.out


@pytest.mark.parametrize(
    ("query", "row", "message"),
    [
        ("Okta Faild Logins", '{"a": 1}', "did you mean 'Okta Failed Logins'?"),
        (QUERY, "{", "--row: not JSON"),
        (QUERY, "[1]", "--row: expected a JSON object"),
        (QUERY, "{}", "--row: expected a JSON object"),
        (QUERY, '{"actor": 3}', "actor: 3 cannot be read as STRUCT"),
        (QUERY, "@missing.json", "--row: missing.json: No such file"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(project_with_alert, here, query, row, message):
    ended = here("why-not", query, "--row", row, "--at", AT, cwd=project_with_alert)

    assert ended.code == 2
    assert message in ended.err
