"""What is wrong in a project is told in clear words, each with its place, and hurts only itself."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import pytest

AT = "2026-01-15T00:00:00Z"
LOGS = "panther_logs.public.okta_systemlog"
RULE_HEAD = "AnalysisType: scheduled_rule\nRuleID: {id}\nEnabled: true\nSeverity: Low\n"
QUERY_HEAD = "AnalysisType: scheduled_query\nQueryName: {id}\nEnabled: true\nQuery: SELECT 1 AS one\n"
HOURLY = "Schedule: {RateMinutes: 60, TimeoutMinutes: 1}\n"

DEFINITIONS = {
    # file: (text, the place and code, what the sentence says)
    "not_yaml": ("AnalysisType: [scheduled_query\n", "2:1: E003", "YAML"),
    "several": ("AnalysisType: global\n---\nAnalysisType: global\n", "2:1: E004", "a file of its own"),
    "unknown_key": (
        QUERY_HEAD.format(id="B") + HOURLY + "Descripton: x\n",
        "6:1: E101",
        "did you mean `Description`?",
    ),
    "missing_key": (QUERY_HEAD.format(id="C"), "1:1: E102", "the key `Schedule` is missing"),
    "wrong_type": (
        QUERY_HEAD.format(id="D").replace("true", "yes") + HOURLY,
        "3:10: E103",
        "expected true or false",
    ),
    "unknown_kind": ("AnalysisType: scheduled_rules\n", "1:15: E104", "did you mean `scheduled_rule`?"),
    "bad_severity": (
        RULE_HEAD.format(id="S").replace("Low", "Terrible") + "ScheduledQueries: [Okta Failed Logins]\n"
        "Filename: okta_failed_logins.py\n",
        "4:11: E106",
        "Terrible",
    ),
    "bad_cron": (
        QUERY_HEAD.format(id="E") + "Schedule: {CronExpression: '0 0 31 2 *', TimeoutMinutes: 1}\n",
        "5:28: E111",
        "never comes",
    ),
    "duplicate": (QUERY_HEAD.format(id="Okta Failed Logins") + HOURLY, "E201", "Okta Failed Logins"),
    "unknown_query": (
        RULE_HEAD.format(id="R") + "Filename: okta_failed_logins.py\nScheduledQueries: [Okta Faild Logins]\n",
        "6:20: E202",
        "did you mean `Okta Failed Logins`?",
    ),
    "missing_file": (
        RULE_HEAD.format(id="T") + "Filename: gone.py\nScheduledQueries: [Okta Failed Logins]\n",
        "5:11: E117",
        "gone.py",
    ),
}


def write(folder, name, text):
    (folder / "scheduled_rules" / f"{name}.yml").write_text(text)


@pytest.fixture(scope="module")
def copy(tmp_path_factory, new_project):
    return lambda: Path(shutil.copytree(new_project, tmp_path_factory.mktemp("bad") / "project"))


@pytest.fixture(scope="module")
def checked(copy, here):
    """Return the lines of one check of all the bad definitions together."""
    project = copy()
    for name, (text, _, _) in DEFINITIONS.items():
        write(project, name, text)
    ended = here("check", cwd=project)
    assert ended.code == 1
    return ended.out.splitlines()


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_bad_definition_is_told_with_its_place_in_one_check(name, checked):
    _, place, words = DEFINITIONS[name]

    found = [line for line in checked if line.startswith("error") and place in line and words in line]

    assert len(found) == 1, "\n".join(checked)


QUERIES = {
    # name: (SQL, the code that check gives, the kind of fault of a run, what both say)
    "not sql": ("SELEC 1", "E301", "RefusedQuery", "not SQL"),
    "half a select": ("SELECT FROM WHERE", "E301", "RefusedQuery", "not SQL"),
    "two statements": ("SELECT 1 AS one; SELECT 2 AS two", "E301", "RefusedQuery", "2 statements"),
    "writes": (f"INSERT INTO {LOGS} VALUES (1)", "E301", "RefusedQuery", "INSERT"),
    "drops": (f"DROP TABLE {LOGS}", "E301", "RefusedQuery", "DROP"),
    "attaches": ("ATTACH 'other.db'", "E301", "RefusedQuery", ""),
    "installs": ("INSTALL httpfs", "E301", "RefusedQuery", "one SELECT"),
    "reads a file": ("SELECT * FROM read_text('/etc/passwd')", "E301", "RefusedQuery", "not allowed"),
    "reads a path": ("SELECT * FROM '/etc/passwd'", "E3", "", "/etc/passwd"),
    "unknown table": (
        "SELECT 1 AS one FROM panther_logs.public.okta_systemlogs",
        "E302",
        "UnknownLogType",
        "did you mean panther_logs.public.okta_systemlog?",
    ),
    "unknown column": (f"SELECT nobody FROM {LOGS}", "E303", "UnknownColumn", "nobody"),
}


@pytest.fixture(scope="module")
def bad_queries(copy, here, write_query):
    project = copy()
    for name, (sql, _, _, _) in QUERIES.items():
        write_query(project, name, sql)
    return (
        here("check", "--format", "json", cwd=project),
        here("once", "--all", "--at", AT, "--format", "json", cwd=project),
    )


@pytest.mark.parametrize("name", QUERIES)
def test_every_bad_query_is_refused_by_check(name, bad_queries):
    _, code, _, words = QUERIES[name]
    checked, _ = bad_queries

    found = [
        (error["code"], error["message"])
        for error in checked.document["errors"]
        if error["file"] == f"queries/{name}.yml"
    ]

    assert checked.code == 1
    assert len(found) == 1
    assert found[0][0].startswith(code)
    assert words in found[0][1]


@pytest.mark.parametrize("name", QUERIES)
def test_a_run_of_every_bad_query_fails_and_says_why(name, bad_queries):
    _, _, kind, words = QUERIES[name]
    _, ran = bad_queries

    (run,) = [run for run in ran.document["runs"] if run["query"] == name]

    assert ran.code == 1
    assert run["state"] == "failed"
    assert kind in run["fault"]["kind"]
    assert words in run["fault"]["message"]


def test_the_good_query_beside_bad_ones_still_alerts(bad_queries):
    _, ran = bad_queries

    (run,) = [run for run in ran.document["runs"] if run["query"] == "Okta Failed Logins"]

    assert (run["state"], run["alert_count"]) == ("succeeded", 1)


RULES = {
    # id: (Python, the kind of error, what is said of it)
    "Raises.On.Import": ("raise ValueError('no key')\ndef rule(event): ...", "ValueError", "no key"),
    "Returns.One": ("def rule(event):\n    return 1", "FunctionReturnTypeError", "expected bool"),
    "Raises": ("def rule(event):\n    return event['nothing']", "KeyError", "nothing"),
    "Exits": ("import sys\ndef rule(event):\n    sys.exit(3)", "SystemExit", "3"),
    "Ends.The.Process": ("import os\ndef rule(event):\n    os._exit(3)", "WorkerDied", "exit code 3"),
    "Loops": (  # over one of the rows: each costs the whole limit
        "def rule(event):\n    while event.get('p_event_time') == '2026-01-14 23:20:00.000':\n        pass\n    return False",
        "EvaluationTimeout",
        "evaluation_seconds",
    ),
    "Eats.Memory": (
        "def rule(event):\n    kept = []\n    while True:\n        kept.append(bytes(100_000_000))",
        "MemoryError",
        "MemoryError",
    ),
}
LEFT_OUT = {
    "Not.Python": ("def rule(event)\n    return True", "E006"),
    "No.Rule": ("def rules(event):\n    return True", "E118"),
}


@pytest.fixture(scope="module")
def bad_rules(copy, cli, write_rule):
    project = copy()
    for rule_id, (python, *_) in {**RULES, **LEFT_OUT}.items():
        write_rule(project, rule_id, textwrap.dedent(python) + "\n")
    limits = {"RUNNER_LIMITS_EVALUATION_SECONDS": "0.5", "RUNNER_WORKERS_MEMORY": "1GiB"}
    return cli("once", "--all", "--at", AT, "--format", "json", cwd=project, **limits)


@pytest.mark.parametrize("rule_id", RULES)
def test_every_bad_rule_becomes_a_rule_error_alert(rule_id, bad_rules):
    _, kind, words = RULES[rule_id]
    (run,) = bad_rules.document["runs"]

    errors = [
        (error["kind"], error["message"]) for error in run["rule_errors"] if error["rule_id"] == rule_id
    ]
    alerts = [(alert["type"], alert["dedup"]) for alert in run["alerts"] if alert["rule_id"] == rule_id]

    assert bad_rules.code == 1
    assert [kind for kind, _ in errors] == [kind]
    assert words in errors[0][1]
    assert alerts == [("SCHEDULED_RULE_ERROR", kind)]


@pytest.mark.parametrize("rule_id", LEFT_OUT)
def test_a_rule_that_cannot_be_loaded_is_a_definition_error(rule_id, bad_rules):
    _, code = LEFT_OUT[rule_id]

    found = [error for error in bad_rules.document["definition_errors"] if f"{rule_id}.py" in error]

    assert len(found) == 1
    assert code in found[0]


def test_the_good_rule_beside_bad_ones_still_alerts(bad_rules):
    (run,) = bad_rules.document["runs"]

    found = [alert["match_count"] for alert in run["alerts"] if alert["rule_id"] == "Okta.FailedLogins"]

    assert (run["state"], found) == ("succeeded", [3])
