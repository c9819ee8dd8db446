"""`runner check` for pull requests, code scanning and Panther's strictness; `runner schema` for editors."""

from __future__ import annotations

import json

import jsonschema
import pytest

MAIL = """
[destinations.desk]
kind = "email"
host = "127.0.0.1"
from = "runner@example.org"
to = ["desk@example.org"]
"""
PLACE = {"type": "integer", "minimum": 1}
SARIF = {  # what SARIF 2.1.0 asks of a log, as far as ours goes
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "originalUriBaseIds": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "properties": {"uri": {"type": "string", "pattern": "^file:///.*/$"}},
                        },
                    },
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "additionalProperties": False,
                                "properties": {
                                    "name": {"type": "string"},
                                    "semanticVersion": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "name": {"type": "string"},
                                                "shortDescription": {"$ref": "#/$defs/message"},
                                                "help": {"$ref": "#/$defs/message"},
                                                "defaultConfiguration": {
                                                    "properties": {"level": {"$ref": "#/$defs/level"}},
                                                },
                                            },
                                        },
                                    },
                                },
                            },
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": -1},
                                "level": {"$ref": "#/$defs/level"},
                                "message": {"$ref": "#/$defs/message"},
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "type": "object",
                                                "required": ["artifactLocation"],
                                                "additionalProperties": False,
                                                "properties": {
                                                    "artifactLocation": {
                                                        "properties": {
                                                            "uri": {
                                                                "type": "string",
                                                                "pattern": "^[^ <>%]*(%[0-9A-F]{2}[^ <>%]*)*$",
                                                            },
                                                            "uriBaseId": {"type": "string"},
                                                        },
                                                    },
                                                    "region": {
                                                        "type": "object",
                                                        "additionalProperties": False,
                                                        "properties": {
                                                            "startLine": PLACE,
                                                            "startColumn": PLACE,
                                                        },
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
    "$defs": {
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": {
            "type": "object",
            "required": ["text"],
            "additionalProperties": False,
            "properties": {"text": {"type": "string", "minLength": 1}},
        },
    },
}


@pytest.fixture
def faulty(project):
    """Return a project with one error and one warning, in files whose names need care."""
    rule = (
        "AnalysisType: rule\nRuleID: A\nEnabled: yes\nSeverity: Low\nLogTypes: [B.C]\nFilename: a%1, b.py\n"
    )
    (project / "scheduled_rules" / "a%1, b.yml").write_text(rule)
    python = "def rule(event):\n    return True\n\n\ndef dedup_key(event):\n    return ''\n"
    (project / "scheduled_rules" / "a%1, b.py").write_text(python)
    return project


def test_findings_for_github_are_workflow_commands_with_paths_from_the_current_folder(faulty, here):
    ended = here("check", "project", "--no-lake", "--format", "github", cwd=faulty.parent)

    assert ended.code == 1
    assert ended.out.splitlines() == [
        (
            "::error file=project/scheduled_rules/a%251%2C b.yml,line=3,col=10,title=E103 wrong-type::`Enabled`: expected "
            "true or false, found the text 'yes'; in YAML 1.2, yes is a text: write true"
        ),
        (
            "::warning file=project/scheduled_rules/a%251%2C b.py,line=5,col=1,title=W401 lookalike-function::nothing calls "
            "the function `dedup_key`; did you mean `dedup`?"
        ),
    ]


def test_findings_for_code_scanning_are_a_sarif_log(faulty, here):
    ended = here("check", "--no-lake", "--format", "sarif", cwd=faulty)

    jsonschema.Draft202012Validator(SARIF).validate(ended.document)
    (run,) = ended.document["runs"]
    assert ended.code == 1
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("E103", "error"),
        ("W401", "warning"),
    ]
    assert [run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] for one in run["results"]] == [
        "E103",
        "W401",
    ]
    assert run["results"][0]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "scheduled_rules/a%251%2C%20b.yml", "uriBaseId": "PROJECT"},
                "region": {"startLine": 3, "startColumn": 10},
            }
        }
    ]
    assert run["originalUriBaseIds"] == {"PROJECT": {"uri": f"{faulty.as_uri()}/"}}


def test_a_sound_project_gives_an_empty_sarif_log_and_no_annotations(project, here):
    sarif = here("check", "--format", "sarif", cwd=project)
    github = here("check", "--format", "github", cwd=project)

    jsonschema.Draft202012Validator(SARIF).validate(sarif.document)
    assert (sarif.code, sarif.document["runs"][0]["results"]) == (0, [])
    assert (github.code, github.out) == (0, "")


def test_what_panthers_own_tool_refuses_is_an_error_of_a_strict_check_only(project, here, write_query):
    write_query(project, "Short", "SELECT p_row_id FROM okta_systemlog")
    rule = project / "scheduled_rules" / "okta_failed_logins.yml"
    rule.write_text(rule.read_text().replace("Severity: Medium", "Severity: MEDIUM"))

    plain = here("check", "--no-lake", cwd=project)
    strict = here("check", "--no-lake", "--strict", cwd=project)
    allowed = here("check", "--no-lake", "--strict", "--valid-table-name", "okta_*", cwd=project)

    assert (plain.code, strict.code, allowed.code) == (0, 1, 1)
    assert [line.split()[2] for line in strict.out.splitlines() if line.startswith("error")] == [
        "E403",
        "E402",
    ]
    assert "E403" not in allowed.out


def test_rows_of_a_lookup_table_are_read_to_their_end(project, here):
    table = (
        "AnalysisType: lookup_table\nLookupName: offices\nEnabled: true\nSchema: Custom.Offices\nFilename: offices.csv\n"
        "LogTypeMap: {PrimaryKey: network}\n"
    )
    (project / "offices.yml").write_text(table)
    (project / "offices.csv").write_text("network,city\n192.0.2.0/24,Vienna\n198.51.100.0/24\n")

    ended = here("check", "--no-lake", cwd=project)

    assert ended.out.splitlines()[0] == (
        "error   offices.csv:3:1: E122 expected 2 columns as in the heading, found 1"
    )


def test_a_destination_that_nobody_set_up_is_a_warning_once_some_are_known(project, here):
    rule = project / "scheduled_rules" / "okta_failed_logins.yml"
    rule.write_text(rule.read_text() + "OutputIds: [pager, chat]\n")
    unknown = here("check", "--no-lake", cwd=project)
    settings = project / "runner.toml"

    settings.write_text(settings.read_text() + '\n[definitions]\ndestinations = ["pagers", "chat"]\n')
    known = here("check", "--no-lake", cwd=project)

    assert "W309" not in unknown.out
    assert "W309 there is no destination 'pager'; did you mean `pagers`?" in known.out
    assert "'chat'" not in known.out


@pytest.mark.parametrize(
    ("recipients", "settings", "warning"),
    [
        ("[soc@example.org]", "", "there is no destination of kind email that could mail the rows"),
        ("[soc]", MAIL, "no email address: 'soc'"),
        ("[]", MAIL, "EmailConfig has no Recipients"),
        ("[soc@example.org]", MAIL, None),
    ],
)
def test_rows_that_are_to_be_mailed_and_cannot_be_are_a_warning(project, here, recipients, settings, warning):
    query = project / "queries" / "okta_failed_logins.yml"
    query.write_text(f"{query.read_text()}EmailConfig:\n  Recipients: {recipients}\n")
    with (project / "runner.toml").open("a") as file:
        file.write(settings)

    checked = here("check", "--no-lake", cwd=project)

    found = [line for line in checked.out.splitlines() if "W311" in line]
    assert checked.code == 0
    assert [warning in line for line in found] == ([True] if warning else [])


def test_a_report_is_mailed_by_a_destination_for_mail_only(project, here):
    with (project / "runner.toml").open("a") as file:
        file.write(f"{MAIL}[reports]\ndestination = 'pager'\n")

    checked = here("check", "--no-lake", cwd=project)

    assert checked.code == 2
    assert "reports.destination: 'pager' is no destination of kind email (those: desk)" in checked.err


def test_templates_are_no_part_of_the_project_and_are_checked_on_their_own(project, here):
    (project / "templates").mkdir()
    (project / "templates" / "query.yml").write_text("AnalysisType: scheduled_query\nQueryName: Template\n")

    whole = here("check", "--no-lake", cwd=project)
    alone = here("check", "templates", "--no-lake", cwd=project)

    assert (whole.code, alone.code) == (0, 1)
    assert "Checked 1 scheduled_query, 1 scheduled_rule." in whole.out
    assert "Checked 1 scheduled_query." in alone.out
    assert "templates/query.yml:1:1: E102" in alone.out


def test_a_project_in_which_nothing_is_found_is_told_where_was_looked(tmp_path, here):
    (tmp_path / "detections").mkdir()
    (tmp_path / "detections" / "a.yml").write_text("AnalysisType: rule\n")
    (tmp_path / "runner.toml").touch()

    ended = here("check", "--no-lake", cwd=tmp_path)

    assert ended.code == 0
    assert ended.out == "Checked no definitions.\n0 errors, 0 warnings.\n"
    assert ended.err.startswith("note: definitions are looked for in *data_models*, */global_helpers,")


def test_a_folder_that_nobody_made_a_project_is_read_whole_if_its_folders_have_names_of_their_own(
    tmp_path, here
):
    (tmp_path / "okta").mkdir()
    (tmp_path / "okta" / "a.yml").write_text("AnalysisType: saved_query\nQueryName: A\nQuery: SELECT 1\n")
    own_names = here("check", "--no-lake", cwd=tmp_path)
    (tmp_path / "rules").mkdir()

    panthers_names = here("check", "--no-lake", cwd=tmp_path)

    assert own_names.out.startswith("Checked 1 saved_query.")
    assert panthers_names.out.startswith("Checked no definitions.")


def test_schemas_are_printed_for_editors(project, here):
    one = here("schema", "rule", cwd=project)
    all_of_them = here("schema", cwd=project)
    unknown = here("schema", "rules", cwd=project)

    jsonschema.Draft202012Validator.check_schema(json.loads(one.out))
    jsonschema.Draft202012Validator.check_schema(json.loads(all_of_them.out))
    assert (one.code, all_of_them.code, unknown.code) == (0, 0, 2)
    assert one.document["required"] == ["AnalysisType", "RuleID", "Enabled", "Severity"]
