"""A policy's document and Python → the Policy, or everything that is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.definitions.detection_file import (
    adjusted_number,
    described_by,
    read_detection_module,
    severity_faults,
    unit_test,
)
from runner.definitions.fields import id_faults, read_keys, repeated_values
from runner.definitions.findings import errors_in
from runner.definitions.policy import Policy
from runner.definitions.policy_keys import PolicyKeys
from runner.definitions.severity import Severity

if TYPE_CHECKING:
    from runner.definitions.findings import Finding
    from runner.definitions.python_files import PythonFiles
    from runner.definitions.python_source import PythonSource
    from runner.definitions.yaml_document import YamlDocument

_SETS = ("Tags", "OutputIds", "Suppressions")


def read_policy(document: YamlDocument, files: PythonFiles) -> tuple[Policy | None, list[Finding]]:
    """Return the policy that the document defines, or None, and all findings, those in its Python too."""
    keys, faults = read_keys(PolicyKeys, document)
    module, python_findings = read_detection_module(document, files, "policy")
    findings: list[Finding] = [
        *faults,
        *id_faults(document, "PolicyID", "DisplayName"),
        *repeated_values(document, *_SETS),
        *severity_faults(document),
        *adjusted_number(document, "ActionDelaySeconds", _delay_seconds),
        *python_findings,
    ]
    if keys is None or module is None or errors_in(findings):
        return None, findings
    return _policy(keys, module.source, document), findings


def _policy(keys: PolicyKeys, python: PythonSource, document: YamlDocument) -> Policy:
    tests = enumerate(keys.tests)
    return Policy(
        **described_by(keys),
        policy_id=keys.policy_id,
        enabled=keys.enabled,
        severity=Severity.parse(keys.severity),
        python=python,
        location=document.position(),
        created_by=keys.created_by,
        resource_types=keys.resource_types,
        suppressions=keys.suppressions,
        action_delay_seconds=_delay_seconds(keys.action_delay_seconds),
        auto_remediation_id=keys.auto_remediation_id,
        auto_remediation_parameters=keys.auto_remediation_parameters,
        tests=tuple(unit_test(test, test.resource, index, document) for index, test in tests),
    )


def _delay_seconds(written: int) -> int:
    return max(written, 0)
