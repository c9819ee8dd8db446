"""JSON Schemas of the types of definition, for editors: written from the same keys that check definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.definitions import query_file
from runner.definitions.condition_names import CONDITIONS, CONSTANTS, LIST_CONDITIONS
from runner.definitions.correlation_keys import CorrelationRuleKeys
from runner.definitions.correlation_rule import EvaluationOrder
from runner.definitions.data_model_keys import DataModelKeys
from runner.definitions.fields import ID_FORBIDDEN
from runner.definitions.key_help import KEY_HELP
from runner.definitions.keys import (
    DerivedRuleKeys,
    GlobalHelperKeys,
    Keys,
    ScheduledRuleKeys,
    StreamRuleKeys,
)
from runner.definitions.lookup_table_keys import LookupTableKeys
from runner.definitions.match_expression import Quantifier
from runner.definitions.pack_keys import PackKeys
from runner.definitions.policy_keys import PolicyKeys
from runner.definitions.query_keys import SavedQueryKeys, ScheduledQueryKeys
from runner.definitions.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    Schema = dict[str, Any]

KEYS: Mapping[str, type[Keys]] = {
    "scheduled_query": ScheduledQueryKeys,
    "saved_query": SavedQueryKeys,
    "scheduled_rule": ScheduledRuleKeys,
    "rule": StreamRuleKeys,
    "derived": DerivedRuleKeys,
    "policy": PolicyKeys,
    "global": GlobalHelperKeys,
    "datamodel": DataModelKeys,
    "lookup_table": LookupTableKeys,
    "correlation_rule": CorrelationRuleKeys,
    "pack": PackKeys,
}
"""By `AnalysisType`; a rule with `BaseDetection` has the keys of `derived`."""
DRAFT = "https://json-schema.org/draft/2020-12/schema"

_SETS = ("Tags", "OutputIds", "SummaryAttributes", "LogTypes", "Suppressions")
_IDS = ("RuleID", "PolicyID", "GlobalID", "DataModelID", "PackID", "QueryName", "DisplayName")
_LEAST = {"TimeoutMinutes": 1, "RateMinutes": 2}
_EXACTLY_ONE = (("CronExpression", "RateMinutes"), ("Path", "Method"))
"""Keys of the parts of definitions of which one has to be there, and one only."""
_CONDITIONS = {"$ref": "#/$defs/Conditions"}
_TARGET = {"$ref": "#/$defs/Target"}
_ANY_CASE = "|".join("".join(f"[{letter}{letter.lower()}]" for letter in name) for name in Severity)
_SEVERITY = {"anyOf": [{"enum": [name.title() for name in Severity]}, {"pattern": f"^({_ANY_CASE})$"}]}
"""The five for completion; any other case is read, too."""
_SIMPLE: Mapping[str, Schema] = {
    "Detection": _CONDITIONS,
    "AlertTitle": {"type": "string"},
    "GroupBy": {"type": "array", "items": _TARGET},
    "AlertContext": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"KeyName": {"type": "string"}, "KeyValue": _TARGET},
            "required": ["KeyName", "KeyValue"],
            "additionalProperties": False,
        },
    },
    "DynamicSeverities": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"ChangeTo": _SEVERITY, "Conditions": _CONDITIONS},
            "required": ["ChangeTo", "Conditions"],
            "additionalProperties": False,
        },
    },
}
"""The keys of rules in YAML, which `keys` leaves to the reader of conditions."""


def schema_of(kind: str) -> Schema:
    """Return the JSON Schema (draft 2020-12) of one of `KEYS`. Raise KeyError for another type."""
    schema = KEYS[kind].model_json_schema(by_alias=True)
    _finish(schema)
    for part in schema.get("$defs", {}).values():
        _finish(part)
    properties: Schema = schema["properties"]
    if "InlineFilters" in properties:
        properties["InlineFilters"] |= _CONDITIONS if kind != "scheduled_rule" else {}
        properties.update({key: _described(key, dict(value)) for key, value in _SIMPLE.items()})
        schema.setdefault("$defs", {}).update(_expression_schemas())
    rules = _rules_between_keys(kind)
    if rules:
        schema["allOf"] = rules
    return {"$schema": DRAFT, **schema, "title": f"runner: {kind}"}


def schema_of_all() -> Schema:
    """Return one JSON Schema for every type, chosen by `AnalysisType`: for an editor that knows files by their ending."""
    schemas = {kind: schema_of(kind) for kind in KEYS}
    parts: Schema = {}
    for kind, schema in schemas.items():
        parts |= {name: part for name, part in schema.pop("$defs", {}).items() if name not in parts}
        parts[kind] = {key: value for key, value in schema.items() if key != "$schema"}
    return {
        "$schema": DRAFT,
        "title": "runner: a definition",
        "type": "object",
        "properties": {"AnalysisType": {"type": "string", "description": KEY_HELP["AnalysisType"]}},
        "allOf": [_chosen(kind) for kind in KEYS],
        "$defs": parts,
    }


def _chosen(kind: str) -> Schema:
    """Return the rule that files of a type have that type's keys."""
    analysis_type = "rule" if kind == "derived" else kind
    condition: Schema = {
        "properties": {"AnalysisType": {"const": analysis_type}},
        "required": ["AnalysisType"],
    }
    if kind == "derived":
        condition["required"].append("BaseDetection")
    elif kind == "rule":
        condition["not"] = {"required": ["BaseDetection"]}
    return {"if": condition, "then": {"$ref": f"#/$defs/{kind}"}}


def _finish(schema: Schema) -> None:
    """Describe the keys of a schema, and add what pydantic's models do not say."""
    for key, value in schema.get("properties", {}).items():
        value.pop("title", None)
        value.pop("default", None)
        _described(key, value)
        if key in _SETS:
            value["uniqueItems"] = True
        if key in _IDS:
            value["pattern"] = f"^[^{''.join(sorted(ID_FORBIDDEN))}]+$"
        if key == "Severity":
            value.update(_SEVERITY)
        if key == "EventEvaluationOrder":
            value["enum"] = [order.value for order in EvaluationOrder]
        if key in _LEAST:
            value["minimum"] = _LEAST[key]
    for keys in _EXACTLY_ONE:
        if all(key in schema.get("properties", {}) for key in keys):
            schema.update(_one_of(*keys))


def _described(key: str, schema: Schema) -> Schema:
    schema["description"] = KEY_HELP[key]
    return schema


def _rules_between_keys(kind: str) -> list[Schema]:
    """Return what holds between the keys of a type."""
    rules: list[Schema] = []
    if kind in ("scheduled_query", "saved_query"):
        rules.append({"anyOf": [{"required": [key]} for key, used in query_file.QUERY_KEYS.items() if used]})
    if kind == "rule":
        rules.append(_one_of("Filename", "Detection"))
    if kind in ("rule", "scheduled_rule"):
        rules.append(_one_of("LogTypes", "ScheduledQueries"))
    if kind == "scheduled_rule":
        rules.append({"required": ["Filename"], "not": {"required": ["Detection"]}})
    return rules


def _one_of(*keys: str) -> Schema:
    return {"oneOf": [{"required": [key]} for key in keys]}


def _expression_schemas() -> Schema:
    """Return the schemas of conditions and of what they look at."""
    path = {"type": "string", "minLength": 1}
    specifiers = {
        "Key": path,
        "DeepKey": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "KeyPath": path,
        "Enrichment": {
            "type": "object",
            "properties": {"Table": path, "Selector": path, "FieldPath": path},
            "required": ["Table", "Selector", "FieldPath"],
            "additionalProperties": False,
        },
    }
    names = [*CONDITIONS, *LIST_CONDITIONS, *CONSTANTS]
    comparison = {
        "type": "object",
        "properties": {
            **specifiers,
            "Condition": {"enum": names},
            "Value": True,
            "Values": {"type": "array"},
            "Expressions": _CONDITIONS,
        },
        "required": ["Condition"],
        "additionalProperties": False,
    }
    combinators = [
        {
            "type": "object",
            "properties": {quantifier.value: _CONDITIONS},
            "required": [quantifier.value],
            "additionalProperties": False,
        }
        for quantifier in Quantifier
    ]
    return {
        "Target": {
            "type": "object",
            "properties": specifiers,
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        },
        "Conditions": {"type": "array", "items": {"anyOf": [comparison, *combinators]}},
    }
