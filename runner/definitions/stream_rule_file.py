"""A rule's document, with its Python or its YAML conditions → the StreamRule, or everything that is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runner.definitions.codes import Code
from runner.definitions.detection_file import (
    alerting_by,
    ignored_keys,
    number_notices,
    read_detection_module,
    severity_faults,
)
from runner.definitions.fields import id_faults, read_keys, repeated_values
from runner.definitions.findings import errors_in
from runner.definitions.keys import StreamRuleKeys
from runner.definitions.notice import Notice
from runner.definitions.scheduled_rule_file import CONDITION_KEYS, RULE_SETS
from runner.definitions.severity import Severity
from runner.definitions.stream_rule import StreamRule
from runner.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.findings import Finding
    from runner.definitions.match_expression import Expression
    from runner.definitions.python_files import PythonFiles
    from runner.definitions.python_source import PythonSource
    from runner.definitions.simple_detection import SimpleDetection
    from runner.definitions.yaml_document import YamlDocument
    from runner.errors import DefinitionError

_FILTER_SPECIFIERS = ("KeyPath", "Enrichment")


class _Logic(NamedTuple):
    """What decides about events: exactly one of the two, unless it is faulty."""

    python: PythonSource | None = None
    simple: SimpleDetection | None = None


def read_stream_rule(document: YamlDocument, files: PythonFiles) -> tuple[StreamRule | None, list[Finding]]:
    """Return the rule that the document defines, or None, and all findings, those in its Python too."""
    keys, faults = read_keys(StreamRuleKeys, document)
    logic, logic_findings = _read_logic(document, files)
    filters, filter_errors = read_filters(document)
    findings: list[Finding] = [
        *faults,
        *id_faults(document, "RuleID", "DisplayName"),
        *repeated_values(document, *RULE_SETS),
        *severity_faults(document),
        *_source_findings(document),
        *number_notices(document),
        *filter_errors,
        *logic_findings,
    ]
    if keys is None or errors_in(findings):
        return None, findings
    rule = StreamRule(
        **alerting_by(keys, document),
        rule_id=keys.rule_id,
        enabled=keys.enabled,
        severity=Severity.parse(keys.severity),
        python=logic.python,
        simple=logic.simple,
        inline_filters=filters,
        location=document.position(),
    )
    return rule, findings


def read_filters(document: YamlDocument) -> tuple[tuple[Expression, ...], list[DefinitionError]]:
    """Return a rule's inline filters, and what is wrong with them."""
    if not isinstance(document.value.get("InlineFilters"), list):
        return (), []
    from runner.definitions.expression_file import ExpressionReader  # noqa: PLC0415  few rules have filters

    reader = ExpressionReader(document, _FILTER_SPECIFIERS)
    return reader.combination(("InlineFilters",)).members, reader.errors


def _read_logic(document: YamlDocument, files: PythonFiles) -> tuple[_Logic, list[Finding]]:
    given = [key for key in ("Filename", "Detection") if key in document.value]
    if given == ["Filename"]:
        module, findings = read_detection_module(document, files, "rule")
        findings += ignored_keys(document, CONDITION_KEYS, "a rule in Python")
        return _Logic(python=module.source if module else None), findings
    if given == ["Detection"]:
        from runner.definitions.simple_detection_file import read_simple_detection  # noqa: PLC0415  few have them

        simple, errors = read_simple_detection(document)
        return _Logic(simple=simple), [*errors]
    found = "both" if given else "neither"
    message = f"a rule has exactly one of Filename and Detection, found {found}"
    return _Logic(), [InvalidField(message, document.position(), Code.BAD_LOGIC)]


def _source_findings(document: YamlDocument) -> Iterator[Finding]:
    given = [key for key in ("LogTypes", "ScheduledQueries") if key in document.value]
    if len(given) != 1:
        found = "both" if given else "neither"
        message = f"a rule has exactly one of LogTypes and ScheduledQueries, found {found}"
        yield InvalidField(message, document.position(), Code.BAD_SOURCE)
    elif given == ["ScheduledQueries"]:
        message = "a rule with `ScheduledQueries` never runs; make it a scheduled_rule, or name `LogTypes`"
        yield Notice(Code.NEVER_RUN, message, document.key_position(("ScheduledQueries",)))
