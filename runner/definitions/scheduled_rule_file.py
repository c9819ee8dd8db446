"""A scheduled rule's document and Python → the ScheduledRule, or everything that is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.definitions.codes import Code
from runner.definitions.detection_file import (
    alerting_by,
    ignored_keys,
    number_notices,
    read_detection_module,
    severity_faults,
)
from runner.definitions.fields import id_faults, located_texts, read_keys, repeated_values
from runner.definitions.findings import errors_in
from runner.definitions.keys import ScheduledRuleKeys
from runner.definitions.notice import Notice
from runner.definitions.scheduled_rule import ScheduledRule
from runner.definitions.severity import Severity
from runner.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.findings import Finding
    from runner.definitions.location import Location
    from runner.definitions.python_files import PythonFiles
    from runner.definitions.python_module import PythonModule
    from runner.definitions.yaml_document import YamlDocument

RULE_SETS = ("Tags", "OutputIds", "SummaryAttributes", "LogTypes")
"""The lists of a rule that may not have a value twice."""
CONDITION_KEYS = ("DynamicSeverities", "AlertTitle", "AlertContext", "GroupBy")
"""The keys that make the alert of a rule in YAML, and mean nothing beside Python."""
_NO_FILTERS: tuple[object, ...] = ([], [{"All": []}])
_WHY = "a scheduled rule in Python"


def read_scheduled_rule(
    document: YamlDocument, files: PythonFiles
) -> tuple[ScheduledRule | None, list[Finding]]:
    """Return the rule that the document defines, or None, and all findings, those in its Python too."""
    keys, faults = read_keys(ScheduledRuleKeys, document)
    module, python_findings = _read_python(document, files)
    findings: list[Finding] = [
        *faults,
        *id_faults(document, "RuleID", "DisplayName"),
        *repeated_values(document, *RULE_SETS),
        *severity_faults(document),
        *_source_findings(document),
        *number_notices(document),
        *_ignored_keys(document),
        *python_findings,
    ]
    if keys is None or module is None or errors_in(findings):
        return None, findings
    rule = ScheduledRule(
        **alerting_by(keys, document),
        rule_id=keys.rule_id,
        enabled=keys.enabled,
        severity=Severity.parse(keys.severity),
        queries=tuple(dict.fromkeys(keys.scheduled_queries)),
        python=module.source,
        inline_filters=keys.inline_filters,
        location=document.position(),
    )
    return rule, findings


def listened_to(document: YamlDocument) -> tuple[tuple[str, Location], ...]:
    """Return the queries that a rule's document names, each with its place."""
    return located_texts(document, ("ScheduledQueries",))


def _read_python(document: YamlDocument, files: PythonFiles) -> tuple[PythonModule | None, list[Finding]]:
    if "Detection" in document.value:
        message = "scheduled rules are Python; conditions in YAML are not supported here"
        return None, [InvalidField(message, document.key_position(("Detection",)), Code.NOT_PYTHON_RULE)]
    return read_detection_module(document, files, "rule")


def _source_findings(document: YamlDocument) -> Iterator[Finding]:
    given = [key for key in ("ScheduledQueries", "LogTypes") if key in document.value]
    if len(given) != 1:
        found = "both" if given else "neither"
        message = f"a rule has exactly one of ScheduledQueries and LogTypes, found {found}"
        yield InvalidField(message, document.position(), Code.BAD_SOURCE)
    elif given == ["LogTypes"]:
        message = "a scheduled rule with `LogTypes` never runs; name queries in `ScheduledQueries`"
        yield Notice(Code.NEVER_RUN, message, document.key_position(("LogTypes",)))
    elif document.value["ScheduledQueries"] == []:
        where = document.position(("ScheduledQueries",))
        yield Notice(Code.NEVER_RUN, "`ScheduledQueries` is empty, so the rule never runs", where)


def _ignored_keys(document: YamlDocument) -> Iterator[Notice]:
    if "Filename" in document.value:
        yield from ignored_keys(document, CONDITION_KEYS, _WHY)
    if document.value.get("InlineFilters", []) not in _NO_FILTERS:
        yield from ignored_keys(document, ("InlineFilters",), _WHY)
