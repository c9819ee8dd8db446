"""A scheduled rule's document and Python → the ScheduledRule, or everything that is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.definitions.codes import Code
from runner.definitions.fields import described, id_faults, read_keys, repeated_values, suggestion
from runner.definitions.findings import errors_in
from runner.definitions.frozen_mapping import FrozenMapping
from runner.definitions.keys import ScheduledRuleKeys
from runner.definitions.notice import Notice
from runner.definitions.reproducibility import reproducibility_notices
from runner.definitions.rule_functions import function_notices, missing_rule
from runner.definitions.scheduled_rule import (
    DEFAULT_DEDUP_MINUTES,
    LEAST_DEDUP_MINUTES,
    Mock,
    ScheduledRule,
    UnitTest,
)
from runner.definitions.severity import Severity
from runner.errors import DefinitionError, InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.findings import Finding
    from runner.definitions.keys import UnitTestKeys
    from runner.definitions.location import Location
    from runner.definitions.python_files import PythonFiles
    from runner.definitions.python_module import PythonModule
    from runner.definitions.yaml_document import YamlDocument

_SETS = ("Tags", "OutputIds", "SummaryAttributes", "LogTypes")
_CONDITION_KEYS = ("DynamicSeverities", "AlertTitle", "AlertContext", "GroupBy")
_GREATEST = 1_000_000_000
_NO_FILTERS: tuple[object, ...] = ([], [{"All": []}])


def read_rule(document: YamlDocument, files: PythonFiles) -> tuple[ScheduledRule | None, list[Finding]]:
    """Return the rule that the document defines, or None, and all findings, those in its Python too."""
    keys, faults = read_keys(ScheduledRuleKeys, document)
    module, python_findings = _read_python(document, files)
    findings: list[Finding] = [
        *faults,
        *id_faults(document, "RuleID", "DisplayName"),
        *repeated_values(document, *_SETS),
        *_severity_faults(document),
        *_source_findings(document),
        *_number_findings(document),
        *_ignored_keys(document),
        *python_findings,
    ]
    if keys is None or module is None or errors_in(findings):
        return None, findings
    return _rule(keys, module, document), findings


def listened_to(document: YamlDocument) -> tuple[tuple[str, Location], ...]:
    """Return the queries that a rule's document names, each with its place."""
    names = document.value.get("ScheduledQueries")
    return tuple(
        (name, document.position(("ScheduledQueries", index)))
        for index, name in enumerate(names if isinstance(names, list) else ())
        if isinstance(name, str)
    )


def _rule(keys: ScheduledRuleKeys, module: PythonModule, document: YamlDocument) -> ScheduledRule:
    return ScheduledRule(
        rule_id=keys.rule_id,
        enabled=keys.enabled,
        queries=tuple(dict.fromkeys(keys.scheduled_queries)),
        severity=Severity.parse(keys.severity),
        python=module.source,
        location=document.position(),
        description=keys.description,
        display_name=keys.display_name,
        runbook=keys.runbook,
        reference=keys.reference,
        tags=keys.tags,
        reports=FrozenMapping(keys.reports),
        dedup_period_minutes=max(keys.dedup_period_minutes or DEFAULT_DEDUP_MINUTES, LEAST_DEDUP_MINUTES),
        threshold=max(keys.threshold, 1),
        summary_attributes=keys.summary_attributes,
        output_ids=keys.output_ids,
        create_alert=keys.create_alert,
        status=keys.status,
        created_by=keys.created_by,
        inline_filters=keys.inline_filters,
        log_types=keys.log_types,
        tests=tuple(_unit_test(test, index, document) for index, test in enumerate(keys.tests)),
    )


def _unit_test(test: UnitTestKeys, index: int, document: YamlDocument) -> UnitTest:
    expects_destinations = "expected_destinations" in test.model_fields_set
    return UnitTest(
        name=test.name,
        expected_result=test.expected_result,
        log=test.log,
        location=document.position(("Tests", index)),
        mocks=tuple(
            Mock(object_name=mock.object_name, return_value=mock.return_value) for mock in test.mocks
        ),
        expected_destinations=test.expected_destinations if expects_destinations else None,
    )


def _read_python(document: YamlDocument, files: PythonFiles) -> tuple[PythonModule | None, list[Finding]]:
    if "Detection" in document.value:
        message = "scheduled rules are Python; conditions in YAML are not supported here"
        return None, [InvalidField(message, document.key_position(("Detection",)), Code.NOT_PYTHON_RULE)]
    if "Filename" not in document.value:
        return None, [InvalidField("the key `Filename` is missing", document.position(), Code.MISSING_KEY)]
    module, findings = read_module(document, files)
    if module is not None:
        findings += [*missing_rule(module), *function_notices(module)]
    return module, findings


def read_module(document: YamlDocument, files: PythonFiles) -> tuple[PythonModule | None, list[Finding]]:
    """Return the Python that a document's `Filename` names, or None, and what is notable about it."""
    filename = document.value.get("Filename")
    if not isinstance(filename, str):
        return None, []
    try:
        module = files.named(filename, document.path, document.position(("Filename",)))
    except DefinitionError as error:
        return None, [error]
    return module, [*reproducibility_notices(module)]


def _severity_faults(document: YamlDocument) -> Iterator[DefinitionError]:
    severity = document.value.get("Severity")
    if isinstance(severity, str) and severity.upper() not in Severity.__members__:
        names = [name.title() for name in Severity]
        message = f"`Severity` is one of {', '.join(names)}, found {described(severity)}{suggestion(severity, names)}"
        yield InvalidField(message, document.position(("Severity",)), Code.UNKNOWN_SEVERITY)


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


def _number_findings(document: YamlDocument) -> Iterator[Finding]:
    for key in ("DedupPeriodMinutes", "Threshold"):
        number = document.value.get(key)
        if isinstance(number, int) and not 0 <= number <= _GREATEST:
            message = f"`{key}` is between 0 and {_GREATEST:,}, found {number}"
            yield InvalidField(message, document.position((key,)), Code.BAD_NUMBER)
    minutes: Any = document.value.get("DedupPeriodMinutes")
    if minutes in range(LEAST_DEDUP_MINUTES) and not isinstance(minutes, bool):
        taken = LEAST_DEDUP_MINUTES if minutes else DEFAULT_DEDUP_MINUTES
        message = f"`DedupPeriodMinutes: {minutes}` is taken as {taken}"
        yield Notice(Code.ADJUSTED_DEDUP, message, document.position(("DedupPeriodMinutes",)))


def _ignored_keys(document: YamlDocument) -> Iterator[Notice]:
    filters = document.value.get("InlineFilters", [])
    ignored = [key for key in _CONDITION_KEYS if key in document.value and "Filename" in document.value]
    ignored += ["InlineFilters"] if filters not in _NO_FILTERS else []
    for key in ignored:
        message = f"`{key}` has no effect on a scheduled rule in Python"
        yield Notice(Code.IGNORED_KEY, message, document.key_position((key,)))
