"""What holds for every type of definition alike: its keys are known, needed and typed."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.definitions.catalogue import read_catalogue
from runner.definitions.codes import Code
from runner.definitions.findings import errors_in
from runner.definitions.python_files import PythonFiles
from runner.definitions.reader import read_content
from runner.definitions.schema import KEYS
from runner.definitions.yaml_document import YamlDocument

if TYPE_CHECKING:
    from pydantic import BaseModel

FOLDER = Path(__file__).parents[2] / "data" / "valid" / "every-type"
SAMPLES = {
    "scheduled_query": "queries/failed_logins.yml",
    "saved_query": "queries/macros.yml",
    "scheduled_rule": "rules/scheduled.yml",
    "rule": "rules/root_login.yml",
    "derived": "rules/root_login_abroad.yml",
    "policy": "policies/bucket.yml",
    "global": "global_helpers/office_networks.yml",
    "datamodel": "data_models/cloudtrail.yml",
    "lookup_table": "lookup_tables/offices.yml",
    "correlation_rule": "correlation_rules/sequence.yml",
    "pack": "packs/logins.yml",
}
TAKES_ANYTHING = {"Detection", "DynamicSeverities", "AlertTitle", "AlertContext", "GroupBy", "Indicators"}
TAKES_ANYTHING |= {"Validations", "AutoRemediationParameters"}
KEY_CASES = [
    pytest.param(kind, field.alias, id=f"{kind}.{field.alias}")
    for kind, model in KEYS.items()
    for field in model.model_fields.values()
    if field.alias != "AnalysisType"
]
REQUIRED_CASES = [
    pytest.param(kind, field.alias, id=f"{kind}.{field.alias}")
    for kind, model in KEYS.items()
    for field in model.model_fields.values()
    if field.is_required() and field.alias not in ("AnalysisType", "BaseDetection")
]


@pytest.fixture(scope="module")
def errors_with():
    """Change the sample of a type, and return the errors that its file by itself shows."""
    files = PythonFiles(FOLDER)

    def read(kind, change):
        path = Path(SAMPLES[kind])
        value = YamlDocument((FOLDER / path).read_text(), path).value
        change(value)
        reading = read_content(json.dumps(value, indent=1).encode(), path, files)
        return errors_in(reading.findings)

    return read


def test_every_type_has_a_sample():
    assert set(SAMPLES) == set(KEYS)


@pytest.mark.parametrize(("kind", "key"), KEY_CASES)
def test_a_misspelt_key_is_refused_with_the_right_one(errors_with, kind, key):
    errors = errors_with(kind, lambda value: value.update({f"{key}z": value.pop(key, None)}))

    unknown = [error for error in errors if error.code == Code.UNKNOWN_KEY]
    assert [error.message for error in unknown] == [f"unknown key `{key}z`; did you mean `{key}`?"]


@pytest.mark.parametrize(("kind", "key"), REQUIRED_CASES)
def test_a_key_that_is_needed_is_missed_by_its_name(errors_with, kind, key):
    errors = errors_with(kind, lambda value: value.pop(key))

    assert [error.message for error in errors if error.code == Code.MISSING_KEY] == [
        f"the key `{key}` is missing"
    ]


@pytest.mark.parametrize(
    ("kind", "key"), [case for case in KEY_CASES if case.values[1] not in TAKES_ANYTHING]
)
@pytest.mark.parametrize("wrong", [None, 1.5], ids=["nothing", "a fraction"])
def test_a_key_of_the_wrong_type_is_told_by_its_name(errors_with, kind, key, wrong):
    errors = errors_with(kind, lambda value: value.update({key: wrong}))

    told = [error.message for error in errors if error.code == Code.WRONG_TYPE]
    assert [message.partition(": ")[0] for message in told] == [f"`{key}`"]


@pytest.mark.parametrize("kind", KEYS)
def test_keys_are_spelt_as_panther_spells_them(kind):
    model: type[BaseModel] = KEYS[kind]

    assert all(field.alias and field.alias[0].isupper() for field in model.model_fields.values())


def test_reading_leaves_pythons_search_for_cycles_as_it_was():
    before = gc.isenabled()

    read_catalogue(FOLDER)

    assert gc.isenabled() is before
