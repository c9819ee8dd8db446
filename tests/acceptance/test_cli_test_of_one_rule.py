"""The test of one rule among many is what somebody waits for at each change: it does no work that the rule does not need."""

import json
import subprocess
import sys

import pytest

RULE = """\
AnalysisType: rule
RuleID: Rule.{number}
Enabled: true
Filename: rule_{number}.py
LogTypes: [Door.Log]
Severity: Low
Tests:
  - {{Name: Opens, ExpectedResult: true, Log: {{p_log_type: Door.Log, who: kim}}}}
"""
PYTHON = "from doors import opened\ndef rule(event):\n    return opened(event)\n"
HELPER = "AnalysisType: global\nGlobalID: doors\nFilename: doors.py\n"
MODEL = """\
AnalysisType: datamodel
DataModelID: Doors
Enabled: true
LogTypes: [Door.Log]
Mappings:
  - {Name: actor, Path: who}
"""
QUERY = """\
AnalysisType: scheduled_query
QueryName: Query
Enabled: true
Query: SELECT 1
Schedule: {RateMinutes: 10, TimeoutMinutes: 1}
"""
POLICY = """\
AnalysisType: policy
PolicyID: Policy
Enabled: true
Filename: policy.py
ResourceTypes: [A.B]
Severity: Low
"""
WATCHED = """\
import collections, json, sys
opened = collections.Counter()
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(sys.argv[1]):
        opened[arguments[0].removeprefix(sys.argv[1] + "/")] += 1
sys.addaudithook(watch)
from runner.cli.main import main
try:
    main(sys.argv[2:])
finally:
    print(json.dumps({"modules": sorted(sys.modules), "opened": opened}), file=sys.stderr)
"""
NOT_NEEDED = {
    *("alembic", "apscheduler", "croniter", "dateutil", "duckdb", "fsspec", "httpx", "jinja2", "jsonpath_ng"),
    *("jsonschema", "pyarrow", "rich", "sqlalchemy", "sqlglot", "structlog"),
    *("runner.definitions.correlation_rule", "runner.definitions.definition_files"),
    *(
        "runner.definitions.expression_file",
        "runner.definitions.lookup_table",
        "runner.definitions.policy_file",
    ),
    *(
        "runner.definitions.query_file",
        "runner.definitions.reproducibility",
        "runner.definitions.rule_functions",
    ),
    *("runner.definitions.simple_detection", "runner.detections.cache", "runner.detections.conditions"),
    *("runner.definitions.schema", "runner.cli.watching", "runner.lake", "runner.schedule", "runner.store"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Write a project of 200 rules, a helper, a data model, a query and a policy."""
    root = tmp_path_factory.mktemp("project").resolve()
    files = {
        "global_helpers/doors.yml": HELPER,
        "global_helpers/doors.py": "def opened(event):\n    return event.udm('actor') == 'kim'\n",
        "data_models/doors.yml": MODEL,
        "queries/query.yml": QUERY,
        "policies/policy.yml": POLICY,
        "policies/policy.py": "def policy(resource):\n    return True\n",
    }
    for number in range(200):
        files[f"rules/rule_{number}.yml"] = RULE.format(number=number)
        files[f"rules/rule_{number}.py"] = PYTHON
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(
    params=[
        ("rules/rule_7.yml",),
        ("--path", ".", "--filter", "RuleID=rule.7"),
        ("--rule", "Rule.7"),
    ],
    ids=["path", "filter", "rule"],
)
def of_one_rule(request, project):
    """Test one rule in a process of its own; return what it told, and what it imported and opened."""
    command = [sys.executable, "-c", WATCHED, str(project), "test", "--format", "json", *request.param]
    done = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout), json.loads(done.stderr)


def test_one_rule_among_many_is_tested_without_the_parts_that_it_does_not_need(of_one_rule):
    told, done = of_one_rule

    assert [one["id"] for one in told["detections"] if one["passed"]] == ["Rule.7"]
    assert NOT_NEEDED.isdisjoint(done["modules"])


def test_of_the_other_rules_nothing_is_opened_but_once_the_yaml(of_one_rule):
    _, done = of_one_rule

    opened = done["opened"]
    read = {name for name, times in opened.items() if times > 1}
    others = {name: times for name, times in opened.items() if name not in read}

    assert read == {"rules/rule_7.yml", "global_helpers/doors.yml", "data_models/doors.yml"}
    assert {name for name in others if name.endswith(".py")} == {"rules/rule_7.py", "global_helpers/doors.py"}
    assert len(others) == 199 + 2 + 2


def test_a_filter_by_id_reads_what_it_names_and_tells_of_nothing_else(project, here):
    faulty = project / "rules/faulty.yml"
    faulty.write_text("AnalysisType: rule\nRuleID: Faulty\n")

    try:
        of_one = here("test", "--filter", "RuleID=RULE.7", "--format", "json", cwd=project)
        of_all = here("test", "--filter", "RuleID!=Rule.8", "--format", "json", cwd=project)
    finally:
        faulty.unlink()

    assert (of_one.code, [one["id"] for one in of_one.document["detections"]]) == (0, ["Rule.7"])
    assert of_all.code == 1
    assert any("faulty.yml" in error for error in of_all.document["definition_errors"])
