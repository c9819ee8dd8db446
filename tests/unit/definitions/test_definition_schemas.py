from pathlib import Path

import jsonschema
import pytest

from runner.definitions.catalogue import read_catalogue
from runner.definitions.codes import Code
from runner.definitions.key_help import KEY_HELP
from runner.definitions.schema import KEYS, schema_of, schema_of_all
from runner.definitions.yaml_document import YamlDocument

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"
OWN = [ROOT / name for name in ("queries", "scheduled_rules", "global_helpers", "data_models")]
SOUND = sorted(
    path
    for folder in [DATA / "valid", ROOT / "runner" / "project_template", *OWN]
    for path in folder.rglob("*.y*ml")
    if "almost" not in str(path)
)
SHOWN_BY_A_SCHEMA = {
    Code.UNKNOWN_KEY,
    Code.MISSING_KEY,
    Code.WRONG_TYPE,
    Code.UNKNOWN_SEVERITY,
    Code.BAD_SCHEDULE,
    Code.BAD_TIMEOUT,
    Code.BAD_SOURCE,
    Code.BAD_LOGIC,
    Code.NOT_PYTHON_RULE,
}
EVERYTHING = jsonschema.Draft202012Validator(schema_of_all())


def document(path):
    return YamlDocument(path.read_text(), path).value


def type_of(value):
    return "derived" if value.get("BaseDetection") else value["AnalysisType"]


def named(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("kind", KEYS)
def test_a_schema_is_one_of_draft_2020_12(kind):
    jsonschema.Draft202012Validator.check_schema(schema_of(kind))

    assert schema_of(kind)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_schema_of_all_types_is_one_of_draft_2020_12():
    jsonschema.Draft202012Validator.check_schema(schema_of_all())


@pytest.mark.parametrize("path", SOUND, ids=named)
def test_the_schemas_accept_every_sound_definition(path):
    value = document(path)
    kind = type_of(value)

    faults = [fault.message for fault in EVERYTHING.iter_errors(value)]
    if kind in KEYS:
        faults += [
            fault.message for fault in jsonschema.Draft202012Validator(schema_of(kind)).iter_errors(value)
        ]

    assert faults == []


def refusable():
    """Return every wrong definition with an error that lies in its keys and their values."""
    found = {
        folder / error.location.path
        for folder in (DATA / "invalid").iterdir()
        for error in read_catalogue(folder).errors
        if error.code in SHOWN_BY_A_SCHEMA and error.location.path.suffix == ".yml"
    }
    return sorted(found)


@pytest.mark.parametrize("path", refusable(), ids=named)
def test_the_schemas_refuse_what_is_wrong_with_keys_and_values(path):
    value = document(path)

    assert not EVERYTHING.is_valid(value)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("rule", {"Detection": [{"Key": "a", "Condition": "Equal", "Value": 1}]}),
        ("rule", {"Detection": [{"Ky": "a", "Condition": "Equals", "Value": 1}]}),
        ("rule", {"Detection": [{"All": [], "Any": []}]}),
        ("rule", {"GroupBy": [{"Key": "a", "KeyPath": "b"}], "Detection": []}),
        ("rule", {"Detection": [], "RuleID": "a<b"}),
        ("rule", {"Detection": [], "Tags": ["a", "a"]}),
    ],
)
def test_a_schema_knows_conditions_ids_and_sets(kind, change):
    sound = {"AnalysisType": "rule", "RuleID": "A", "Enabled": True, "Severity": "Low", "LogTypes": ["B.C"]}
    validator = jsonschema.Draft202012Validator(schema_of(kind))

    assert validator.is_valid({**sound, "Detection": [{"Key": "a", "Condition": "Equals", "Value": 1}]})
    assert not validator.is_valid({**sound, **change})


def test_every_key_in_a_schema_says_what_it_is_for():
    described = {
        key: part.get("description")
        for schema in map(schema_of, KEYS)
        for part_of in [schema, *schema.get("$defs", {}).values()]
        for key, part in part_of.get("properties", {}).items()
        if key in KEY_HELP
    }

    assert [key for key, text in described.items() if not text] == []
    assert set(described) == set(KEY_HELP)
