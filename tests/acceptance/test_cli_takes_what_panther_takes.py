"""What Panther's own tool takes, `runner test` takes: all of it in one repository, which passes as a whole."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "AnalysisType: rule\nRuleID: {id}\nFilename: {id}.py\nEnabled: true\nLogTypes: [Custom.Log]\nSeverity: Low\n"
TEST = "Tests: [{Name: a test, ExpectedResult: true, Log: {a: 1}}]\n"
MATCHES = "def rule(event):\n    return True\n"

RULES = {
    # id: (what is added to the YAML, the Python)
    "key_twice_in_a_log": (
        'Tests: [{Name: a test, ExpectedResult: true, Log: {"a": 1, "b": 2, "a": 3}}]\n',
        "def rule(event):\n    return event['a'] == 3\n",
    ),
    "key_twice_in_a_test": (
        "Tests:\n- {Name: a test, ExpectedResult: false, Log: {}, ExpectedResult: true}\n",
        MATCHES,
    ),
    "key_twice": ("Severity: High\nDescription: one\nDescription: two\n" + TEST, MATCHES),
    "leading_zero": (
        "Tests: [{Name: a test, ExpectedResult: true, Log: {octal: 0127, account: 012345678901, part: -.5}}]\n",
        "def rule(event):\n    return [*event.values()] == [127, '012345678901', '-.5']\n",
    ),
    "fraction_by_sixties": (
        "Tests: [{Name: a test, ExpectedResult: true, Log: {a: 1:30.5, b: -1:30.5, c: 1:30}}]\n",
        "def rule(event):\n    return [*event.values()] == [90.5, -90.5, '1:30']\n",
    ),
    "anchors": (
        (
            "Tests:\n- Name: one\n  ExpectedResult: true\n  Log: &log {a: 1, b: {c: [1]}}\n"
            "- Name: two\n  ExpectedResult: true\n  Log: {<<: *log, a: 2}\n"
        ),
        "def rule(event):\n    return event.deep_get('b', 'c')[0] == 1\n",
    ),
    "tabs": ('Tests:\n- Name: a test\n  ExpectedResult:\ttrue\n  Log: {"a":\t1,\n\t"b": 2}\n', MATCHES),
    "negative_threshold": ("Threshold: -1\nDedupPeriodMinutes: -5\n" + TEST, MATCHES),
    "large_threshold": ("Threshold: 10000000000\n" + TEST, MATCHES),
    "blank_display_name": ("DisplayName: ' '\n" + TEST, MATCHES),
    "any_log_type": (
        "SummaryAttributes: ['a:b', c.d]\n" + TEST.replace("a: 1", "p_log_type: No.Such"),
        MATCHES,
    ),
    "mocked_builtin": (
        TEST.replace("}}]", "}, Mocks: [{objectName: open, returnValue: mocked}]}]"),
        "def rule(event):\n    return open('anything') == 'mocked'\n",
    ),
    "helper_by_name": (
        TEST,
        (
            "import importlib\nfrom importlib import import_module\n"
            "one = importlib.import_module('office_helper')\ntwo = import_module('office_helper')\n"
            "def rule(event):\n    return one is two and importlib.import_module('json').loads('1') == one.ONE\n"
        ),
    ),
    "windows_lines": (TEST, MATCHES),
    "other_encoding": (
        TEST,
        "# -*- coding: latin-1 -*-\nNAME = 'é'\ndef rule(event):\n    return NAME == chr(233)\n",
    ),
    "tagged_values": (
        (
            "Tests: [{Name: a test, ExpectedResult: true, Log: {set: !!set {x, y}, day: !!timestamp 2024-01-02, "
            "raw: !!binary aGVsbG8=, pairs: !!pairs [a: 1, a: 2], sorted: !!omap [b: 3]}}]\n"
        ),
        (
            "def rule(event):\n    pairs = [*event['pairs'], *event['sorted']]\n"
            "    return pairs == [('a', 1), ('a', 2), ('b', 3)] and [event[key] for key in ('set', 'day', 'raw')] == [\n"
            "        {'x', 'y'}, '2024-01-02', b'hello']\n"
        ),
    ),
    "helper_in_sys_modules": (
        TEST,
        (
            "import sys\nimport office_helper\ndef rule(event):\n"
            "    there = sys.modules\n    return there['office_helper'].ONE == 1 and 'json' in there\n"
        ),
    ),
    "inner_modules": (
        TEST,
        (
            "import panther_core.rule\nfrom panther_core.detection import DetectionResult\n"
            "from panther_core.rule import MAX_DEDUP_STRING_SIZE, SEVERITY_TYPES\n"
            "def rule(event):\n    return MAX_DEDUP_STRING_SIZE == 1000 and 'HIGH' in SEVERITY_TYPES\n"
        ),
    ),
    "unreadable_table": (TEST.replace("a: 1", "p_log_type: Custom.Log, ip: a"), MATCHES),
}
"""Rules with tests, all of which pass."""

QUERY = "AnalysisType: scheduled_query\nQueryName: {id}\nEnabled: true\nQuery: SELECT 1\n{extra}\n"
CORRELATION = """\
AnalysisType: correlation_rule
RuleID: {id}
Enabled: true
Severity: Low
Detection:
- Group: [{{RuleID: key_twice}}, {{RuleID: key_twice}}]
  Schedule: {schedule}
{more}
"""
LOOKUP = """\
AnalysisType: lookup_table
LookupName: {id}
Enabled: true
Schema: Custom.Table
LogTypeMap: {{PrimaryKey: ip, AssociatedLogTypes: [{{LogType: Custom.Log, Selectors: [ip]}}]}}
Filename: {file}
"""
MODEL = """\
AnalysisType: datamodel
DataModelID: {id}
Enabled: {enabled}
LogTypes: [Custom.Log]
Mappings: [{{Name: one, Path: 'a['}}, {{Name: two, Method: get_two}}]
{extra}
"""
OTHERS = {
    "queries/names.yml": QUERY.format(
        id="names", extra="Schedule: {CronExpression: 0 0 * * MON, TimeoutMinutes: 5}"
    ),
    "queries/no_time.yml": QUERY.format(id="no_time", extra="Schedule: {RateMinutes: 60, TimeoutMinutes: 0}"),
    "queries/empty.yml": QUERY.format(
        id="empty", extra="Schedule: {RateMinutes: 60, TimeoutMinutes: 5}"
    ).replace("SELECT 1", "''"),
    "queries/elsewhere.yml": QUERY.format(
        id="elsewhere", extra="Schedule: {RateMinutes: 60, TimeoutMinutes: 5}"
    ).replace("Query: SELECT", "DatabricksQuery: SELECT"),
    "correlation_rules/names.yml": CORRELATION.format(
        id="names_rule",
        schedule="{RateMinutes: 5, TimeoutMinutes: 15}",
        more="  MatchCriteria: {who: [{GroupID: nobody, Match: user}]}",
    ),
    "correlation_rules/both.yml": CORRELATION.format(
        id="both_rule",
        schedule="{RateMinutes: 60, CronExpression: 0 1 * * *, TimeoutMinutes: 1}",
        more="Tests: [{Name: t, ExpectedResult: true, RuleOutputs: [{ID: a, Matches: {u: {5: [1.5]}}}]}]",
    ),
    "lookup_tables/gone.yml": LOOKUP.format(id="gone", file="not_here.csv"),
    "lookup_tables/ragged.yml": LOOKUP.format(id="ragged", file="ragged.csv"),
    "lookup_tables/ragged.csv": "ip,name\na\n",
    "global_helpers/office_helper.yml": "AnalysisType: global\nGlobalID: office_helper\nFilename: other.py\n",
    "global_helpers/other.py": "ONE = 1\n",
    "global_helpers/broken_helper.yml": "AnalysisType: global\nGlobalID: broken_helper\nFilename: broken.py\n",
    "global_helpers/broken.py": "def nobody_imports_this(:\n",
    "data_models/disabled.yml": MODEL.format(id="disabled", enabled="false", extra="Filename: not_here.py"),
}
"""What stands beside them, and concerns no test."""

NOT_JUDGED = {
    "rules/no_base.yml": "AnalysisType: rule\nRuleID: no_base\nBaseDetection: Managed.Elsewhere\n",
    "rules/condition.yml": HEAD.format(id="condition").replace("Filename: condition.py\n", "")
    + "Detection: [{Key: a, Condition: SoundsLike, Value: b}]\n",
    "rules/scheduled.yml": "AnalysisType: scheduled_rule\nRuleID: scheduled\nEnabled: true\nSeverity: Low\n"
    "ScheduledQueries: [names]\nDetection: [{Key: a, Condition: Equals, Value: b}]\n",
}
"""Detections that Panther's tool passes without a look, and that cannot be judged here."""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def tested(tmp_path_factory, cli):
    folder = tmp_path_factory.mktemp("repository")
    write(folder, {f"rules/{name}.yml": HEAD.format(id=name) + extra for name, (extra, _) in RULES.items()})
    write(folder, {f"rules/{name}.py": python for name, (_, python) in RULES.items()})
    for ending in ("yml", "py"):
        lines = folder / f"rules/windows_lines.{ending}"
        lines.write_bytes(lines.read_bytes().replace(b"\n", b"\r\n"))
    encoded = folder / "rules/other_encoding.py"
    encoded.write_text(encoded.read_text(), encoding="latin-1")
    write(folder, OTHERS | NOT_JUDGED)
    write(
        folder,
        {"rules/absolute.yml": HEAD.format(id="absolute").replace("absolute.py", f"{folder}/far.py") + TEST},
    )
    write(folder, {"far.py": MATCHES})
    return cli("test", "--format", "json", "--workers", "1", cwd=folder)


@pytest.mark.parametrize("name", [*RULES, "absolute"])
def test_a_rule_that_panthers_tool_takes_passes_its_tests(tested, name):
    (found,) = (one for one in tested.document["detections"] if one["id"] == name)

    assert (found["faults"], [test["failures"] for test in found["tests"] if not test["passed"]]) == ([], [])
    assert found["tests"] != []


def test_what_stands_beside_the_detections_and_concerns_no_test_does_not_fail_them(tested):
    assert tested.document["definition_errors"] == []
    assert tested.code == 0


def test_detections_that_cannot_be_judged_are_named_with_the_reason(tested):
    skipped = [line for line in tested.document["skipped"] if "correlation rule" not in line]

    assert [(line.partition(":")[0], line.partition("(")[2][:4]) for line in skipped] == [
        ("rules/condition.yml", "E119"),
        ("rules/no_base.yml", "E203"),
        ("rules/scheduled.yml", "E115"),
    ]


def test_a_check_tells_all_of_it(tested, tmp_path, here):
    write(tmp_path, OTHERS | NOT_JUDGED)

    ended = here("check", "--format", "json", cwd=tmp_path)

    assert ended.code == 1
    found = {(error["file"], error["code"]) for error in ended.document["errors"]}
    assert {file for file, _ in found} >= (OTHERS.keys() | NOT_JUDGED.keys()) - {
        "global_helpers/broken_helper.yml",
        "global_helpers/office_helper.yml",
        "global_helpers/other.py",
        "lookup_tables/ragged.yml",
    }


def test_a_helper_that_is_imported_by_a_name_told_at_run_time_is_missed_by_that_name(tmp_path, here):
    python = textwrap.dedent(
        """\
        import importlib
        importlib.import_module("office_helpr")
        def rule(event):
            return True
        """
    )
    write(tmp_path, {**OTHERS, "rules/a.yml": HEAD.format(id="a") + TEST, "rules/a.py": python})

    ended = here("test", "--workers", "1", cwd=tmp_path)

    assert ended.code == 1
    assert "did you mean 'office_helper'?" in ended.out
