"""A derived detection's document → the DerivedRule, or everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.definitions.derived_rule import DerivedRule
from runner.definitions.detection_file import alerting_by, ignored_keys, number_notices, severity_faults
from runner.definitions.fields import id_faults, read_keys, repeated_values
from runner.definitions.findings import errors_in
from runner.definitions.frozen_mapping import FrozenMapping
from runner.definitions.keys import DerivedRuleKeys
from runner.definitions.scheduled_rule_file import CONDITION_KEYS, RULE_SETS
from runner.definitions.severity import Severity
from runner.definitions.stream_rule_file import read_filters

if TYPE_CHECKING:
    from runner.definitions.findings import Finding
    from runner.definitions.match_expression import Expression
    from runner.definitions.yaml_document import YamlDocument

_FROM_THE_BASE = ("Filename", "Detection", "LogTypes", "ScheduledQueries", *CONDITION_KEYS)
_NOT_OVERRIDDEN = {"log_types"}


def read_derived_rule(document: YamlDocument) -> tuple[DerivedRule | None, list[Finding]]:
    """Return the derived detection that the document defines, or None, and all findings."""
    keys, faults = read_keys(DerivedRuleKeys, document)
    filters, filter_errors = read_filters(document)
    findings: list[Finding] = [
        *faults,
        *id_faults(document, "RuleID", "DisplayName"),
        *repeated_values(document, *RULE_SETS),
        *severity_faults(document),
        *number_notices(document),
        *filter_errors,
        *ignored_keys(document, _FROM_THE_BASE, "a derived detection: the base's counts"),
    ]
    if keys is None or errors_in(findings):
        return None, findings
    derived = DerivedRule(
        rule_id=keys.rule_id,
        base_id=keys.base_detection,
        base_named_at=document.position(("BaseDetection",)),
        overrides=_overrides(keys, filters, document),
        location=document.position(),
    )
    return derived, findings


def _overrides(
    keys: DerivedRuleKeys, filters: tuple[Expression, ...], document: YamlDocument
) -> FrozenMapping[str, Any]:
    """Return the fields that the document gives, and none of those that only have a default."""
    given = keys.model_fields_set
    fields = {**alerting_by(keys, document), "enabled": keys.enabled, "inline_filters": filters}
    if "severity" in given:
        fields["severity"] = Severity.parse(keys.severity)
    return FrozenMapping(
        {name: value for name, value in fields.items() if name in given and name not in _NOT_OVERRIDDEN}
    )
