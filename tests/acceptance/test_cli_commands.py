"""Every command does what its help says, in words and in JSON."""

from __future__ import annotations

import gzip
import json
import re

import pytest

AT = "2026-01-15T00:00:00Z"


@pytest.fixture
def alert_id(project_with_alert, here):
    (alert,) = here("alerts", "list", "--format", "json", cwd=project_with_alert).document
    return alert["alert_id"]


def test_init_makes_a_project_and_says_what_to_try(tmp_path, here):
    ended = here("init", "mine", cwd=tmp_path)

    assert ended.code == 0
    assert ended.out.splitlines()[-1].strip() == f"runner once --all --at {AT}"
    assert (tmp_path / "mine/.gitignore").is_file()


def test_init_never_overwrites(project, here):
    before = (project / "runner.toml").read_text()
    (project / "runner.toml").write_text(before + "# mine\n")

    ended = here("init", ".", cwd=project)

    assert ended.code == 2
    assert "nothing was written" in ended.err
    assert (project / "runner.toml").read_text().endswith("# mine\n")


def test_check_of_a_sound_project_counts_its_definitions(project, here):
    text = here("check", cwd=project)
    document = here("check", "--format", "json", cwd=project).document

    assert (text.code, text.err) == (0, "")
    assert text.out == (
        "Checked 1 scheduled_query, 1 scheduled_rule.\n"
        "Queries: 1 exact, 0 approximate, 0 refused.\n"
        "0 errors, 0 warnings.\n"
    )
    assert document == {
        "counts": {"scheduled_query": 1, "scheduled_rule": 1},
        "errors": [],
        "warnings": [],
        "queries": [{"query": "Okta Failed Logins", "verdict": "exact", "reasons": []}],
    }


def test_check_of_a_folder_knows_the_rest_of_its_project(project, here):
    ended = here("check", "scheduled_rules", cwd=project)

    assert (ended.code, ended.out) == (0, "Checked 1 scheduled_rule.\n0 errors, 0 warnings.\n")


def test_warnings_fail_a_check_only_if_asked_to(project, here, write_query):
    write_query(project, "Any Three", "SELECT p_row_id FROM panther_logs.public.okta_systemlog LIMIT 3")

    plain = here("check", cwd=project)
    strict = here("check", "--fail-on-warnings", "--no-lake", cwd=project)

    assert (plain.code, strict.code) == (0, 1)
    assert re.search(r"^warning queries/Any Three.yml:\d+:\d+: W506 ", plain.out, re.MULTILINE)
    assert "W305" in strict.out
    assert "W506" not in strict.out


def test_test_runs_the_tests_of_the_rules(project, here):
    text = here("test", cwd=project)
    document = here("test", "--rule", "Okta.FailedLogins", "--format", "json", cwd=project).document

    (rule,) = document["detections"]
    assert text.code == 0
    assert text.out.splitlines()[0] == "Okta.FailedLogins"
    assert text.out.splitlines()[-2] == "1 detection, 2 tests: 2 passed, 0 failed."
    assert [(test["name"], test["passed"]) for test in rule["tests"]] == [
        ("Refused login", True),
        ("Successful login", True),
    ]


def test_a_failing_test_is_shown_and_fails_the_command(project, here):
    file = project / "scheduled_rules/okta_failed_logins.yml"
    file.write_text(file.read_text().replace("ExpectedResult: false", "ExpectedResult: true"))

    ended = here("test", "--show-failures-only", cwd=project)

    assert ended.code == 1
    assert "[FAIL] Successful login" in ended.out
    assert "[PASS] Refused login" not in ended.out
    assert "To mend (1): Okta.FailedLogins" in ended.out


def test_alerts_are_listed_in_words(project_with_alert, alert_id, here):
    ended = here("alerts", "list", "--severity", "medium", "--status", "open", cwd=project_with_alert)
    none = here("alerts", "list", "--rule", "Another.Rule", cwd=project_with_alert)

    assert re.search(
        rf"MEDIUM +{alert_id[:10]} +3 +OPEN +{AT} +Failed logins of sam@example.com\n", ended.out
    )
    assert none.out == "No alerts.\n"


def test_an_alert_is_shown_with_its_rows_and_its_history(project_with_alert, alert_id, here):
    here("alerts", "resolve", alert_id[:8], "--comment", "It was Sam", "--by", "kim", cwd=project_with_alert)

    text = here("alerts", "show", alert_id[:6], "--events", "1", cwd=project_with_alert)
    document = here("alerts", "show", alert_id, "--format", "json", cwd=project_with_alert).document

    assert text.out.splitlines()[0] == "MEDIUM Failed logins of sam@example.com"
    assert re.search(r"Matches +3, at 2026-01-15T00:00:00Z\n", text.out)
    assert "Event 1 of 3" in text.out
    assert "Event 2 of 3" not in text.out
    assert text.out.endswith("kim: RESOLVED It was Sam\n")
    assert len(document["events"]) == 3
    assert [(entry["actor"], entry["status"]) for entry in document["history"]] == [("kim", "RESOLVED")]


@pytest.mark.parametrize(
    ("verb", "status"),
    [("resolve", "RESOLVED"), ("close", "CLOSED"), ("triage", "TRIAGED"), ("reopen", "OPEN")],
)
def test_every_status_can_be_given(project_with_alert, alert_id, here, verb, status):
    here("alerts", "close" if verb != "close" else "triage", alert_id, cwd=project_with_alert)

    ended = here("alerts", verb, alert_id, cwd=project_with_alert)

    (alert,) = here("alerts", "list", "--format", "json", cwd=project_with_alert).document
    assert ended.out == f"1 alert now {status}.\n"
    assert alert["status"] == status


def test_an_alert_that_is_not_there_is_wrong_usage(project_with_alert, here):
    ended = here("alerts", "show", "ffffff", cwd=project_with_alert)

    assert (ended.code, ended.err) == (2, "Error: there is no alert whose id begins with 'ffffff'\n")


def test_runs_lists_what_ran(project_with_alert, here):
    text = here("runs", cwd=project_with_alert)
    (run,) = here("runs", "--format", "json", cwd=project_with_alert).document

    assert re.search(rf"manual 0 +{AT} +succeeded +6 +4 +Okta Failed Logins\n", text.out)
    assert (run["query"], run["state"], run["rows"], run["matches"]) == (
        "Okta Failed Logins",
        "succeeded",
        6,
        4,
    )
    assert list(run["rule_hashes"]) == ["Okta.FailedLogins"]


def test_no_runs_are_told_as_such(project, here):
    ended = here("runs", cwd=project)

    assert (ended.code, ended.out) == (0, "No runs.\n")


def test_ingest_takes_a_file_once_and_keeps_bad_lines_aside(project, here):
    record = {"uuid": "1", "published": "2026-01-14T23:30:00Z", "eventType": "user.session.start"}
    with gzip.open(project / "more.jsonl.gz", "wt") as file:
        file.write(json.dumps(record) + "\nno JSON\n")

    first = here("ingest", "Okta.SystemLog", "more.jsonl.gz", cwd=project)
    again = here("ingest", "Okta.SystemLog", "more.jsonl.gz", "--format", "json", cwd=project)

    assert first.code == 1
    assert first.out == f"1 row from 1 file into {project}/datalake/panther_logs/okta_systemlog\n"
    assert first.err.startswith("1 line could not be read and are kept in ")
    assert (again.document["rows"], again.document["already_there"]) == (0, 1)


def test_ingested_rows_reach_the_rules(project, here):
    record = {
        "uuid": "1",
        "published": "2026-01-14T23:21:30Z",
        "eventType": "user.session.start",
        "actor": {"alternateId": "sam@example.com"},
        "client": {"ipAddress": "203.0.113.7"},
        "outcome": {"result": "FAILURE"},
    }
    (project / "more.json").write_text(json.dumps([record]))

    here("ingest", "Okta.SystemLog", "more.json", cwd=project)
    ended = here("once", "--all", "--at", AT, "--format", "json", cwd=project)

    (run,) = ended.document["runs"]
    assert (run["rows"], run["alerts"][0]["match_count"]) == (7, 4)
