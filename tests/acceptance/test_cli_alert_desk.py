"""What people do with alerts: in bulk, by name, and asking why."""

import pytest

AT = "2026-01-15T00:00:00Z"


@pytest.fixture
def alert_id(project_with_alert, here):
    (alert,) = here("alerts", "list", "--format", "json", cwd=project_with_alert).document
    return alert["alert_id"]


def test_alerts_are_resolved_by_what_they_have_in_common(project_with_alert, here, alert_id):
    none = here("alerts", "resolve", "--severity", "LOW", cwd=project_with_alert)
    all_ = here("alerts", "resolve", "--status", "OPEN", "--by", "ada", cwd=project_with_alert)

    assert (none.code, none.out) == (0, "0 alerts now RESOLVED.\n")
    assert (all_.code, all_.out) == (0, "1 alert now RESOLVED.\n")
    assert here("alerts", "list", "--status", "OPEN", cwd=project_with_alert).out == "No alerts.\n"


def test_a_status_that_an_alert_has_is_not_set_again(project_with_alert, here, alert_id):
    here("alerts", "close", alert_id, cwd=project_with_alert)
    again = here("alerts", "close", alert_id, cwd=project_with_alert)
    shown = here("alerts", "show", alert_id, "--format", "json", cwd=project_with_alert)

    assert again.out == "0 alerts now CLOSED. 1 alert had that status before.\n"
    assert len(shown.document["history"]) == 1


@pytest.mark.parametrize("arguments", [[], ["aaaa", "--severity", "HIGH"]])
def test_which_alerts_are_meant_is_said_in_one_way(project_with_alert, here, arguments):
    ended = here("alerts", "resolve", *arguments, cwd=project_with_alert)

    assert ended.code == 2
    assert "name alerts by their ids, or say which ones are meant by options" in ended.err


def test_an_alert_is_somebodys_until_it_is_anothers(project_with_alert, here, alert_id):
    given = here("alerts", "assign", alert_id, "--to", "ada", "--by", "bob", cwd=project_with_alert)
    of_ada = here("alerts", "list", "--assignee", "ada", "--format", "json", cwd=project_with_alert)
    here("alerts", "assign", "--assignee", "ada", "--to", "", cwd=project_with_alert)
    shown = here("alerts", "show", alert_id, "--format", "json", cwd=project_with_alert).document

    assert given.out == "1 alert assigned to ada.\n"
    assert [one["assignee"] for one in of_ada.document] == ["ada"]
    assert shown["assignee"] is None
    assert [entry["comment"] for entry in shown["history"]] == ["assigned to ada", "assigned to nobody"]
    assert [entry["status"] for entry in shown["history"]] == ["OPEN", "OPEN"]


def test_an_alert_is_shown_with_the_most_frequent_values_of_its_matches(project_with_alert, here):
    (rule,) = project_with_alert.glob("scheduled_rules/*.yml")
    rule.write_text(rule.read_text() + "SummaryAttributes: [actor:alternateId, client:ipAddress]\n")
    (project_with_alert / ".runner" / "state.db").unlink()
    here("once", "--all", "--at", AT, cwd=project_with_alert)
    (alert,) = here("alerts", "list", "--format", "json", cwd=project_with_alert).document
    alert_id = alert["alert_id"]

    summary = here("alerts", "show", alert_id, "--format", "json", cwd=project_with_alert).document["summary"]
    text = here("alerts", "show", alert_id, cwd=project_with_alert).out

    assert sorted(summary) == ["actor:alternateId", "client:ipAddress"]
    assert text.count("actor:alternateId: ") == 1
    for values in summary.values():
        assert [value["count"] for value in values] == sorted((v["count"] for v in values), reverse=True)
        assert f"{values[0]['value']} ({values[0]['count']})" in text


def test_a_comment_is_kept_with_who_made_it(project_with_alert, here, alert_id):
    here("alerts", "comment", alert_id, "asked the owner", "--by", "ada", cwd=project_with_alert)

    (entry,) = here("alerts", "show", alert_id, "--format", "json", cwd=project_with_alert).document[
        "history"
    ]
    assert (entry["actor"], entry["status"], entry["comment"]) == ("ada", "OPEN", "asked the owner")


def test_why_names_the_runs_the_definitions_and_who_was_told(project_with_alert, here, alert_id):
    shown = here("alerts", "show", alert_id, "--why", "--format", "json", cwd=project_with_alert).document

    (run,) = shown["why"]["runs"]
    assert (run["query"], run["scheduled_for"], run["matches"]) == (
        "Okta Failed Logins",
        AT,
        shown["match_count"],
    )
    assert len(run["query_hash"]) == len(run["rule_hash"]) == 64
    assert shown["why"]["deliveries"] == []
    assert (shown["why"]["dedup"]["string"], shown["why"]["dedup"]["given_by"]) == (shown["dedup"], "dedup")
    assert [table["count"] for table in run["tables"]] == [1]
    sql = next(one for one in shown["why"]["definitions"] if one["digest"] == run["query_hash"])
    assert "okta_systemlog" in sql["text"]
    assert shown["why"]["dedup"]["first_match"]["row"] == shown["events"][0]


def test_why_in_words_says_that_nobody_was_told(project_with_alert, here, alert_id):
    shown = here("alerts", "show", alert_id, "--why", cwd=project_with_alert)

    assert "Rests on" in shown.out
    assert "Okta Failed Logins" in shown.out
    assert "panther_logs.public.okta_systemlog from " in shown.out
    assert "panther_logs/okta_systemlog/" in shown.out
    assert "The threshold of 3 was reached at 2026-01-15T00:00:00Z." in shown.out
    assert shown.out.endswith("Told\nNobody.\n")
