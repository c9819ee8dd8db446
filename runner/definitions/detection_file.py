"""What the documents of rules and policies have in common, read and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.definitions.codes import Code
from runner.definitions.fields import described, suggestion
from runner.definitions.frozen_mapping import FrozenMapping
from runner.definitions.notice import Notice
from runner.definitions.rule import DEFAULT_DEDUP_MINUTES, LEAST_DEDUP_MINUTES
from runner.definitions.severity import Severity
from runner.definitions.unit_test import Mock, UnitTest
from runner.errors import DefinitionError, InvalidField

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.definitions.findings import Finding
    from runner.definitions.keys import AlertingKeys, DetectionKeys, UnitTestKeys
    from runner.definitions.policy_keys import PolicyTestKeys
    from runner.definitions.python_files import PythonFiles
    from runner.definitions.python_module import PythonModule
    from runner.definitions.yaml_document import YamlDocument

_GREATEST = 1_000_000_000


def described_by(keys: DetectionKeys) -> dict[str, Any]:
    """Return the fields that describe a rule or policy, for its dataclass."""
    return {
        "description": keys.description,
        "display_name": keys.display_name,
        "runbook": keys.runbook,
        "reference": keys.reference,
        "tags": keys.tags,
        "reports": FrozenMapping(keys.reports),
        "output_ids": keys.output_ids,
        "status": keys.status,
    }


def alerting_by(keys: AlertingKeys, document: YamlDocument) -> dict[str, Any]:
    """Return what all rules have besides their ids and logic, for the dataclass `Rule`."""
    return {
        **described_by(keys),
        "created_by": keys.created_by,
        "dedup_period_minutes": _dedup_minutes(keys.dedup_period_minutes),
        "threshold": _threshold(keys.threshold),
        "summary_attributes": keys.summary_attributes,
        "create_alert": keys.create_alert,
        "log_types": keys.log_types,
        "tests": tuple(unit_test(test, test.log, index, document) for index, test in enumerate(keys.tests)),
    }


def unit_test(test: UnitTestKeys | PolicyTestKeys, log: Any, index: int, document: YamlDocument) -> UnitTest:
    """Return the `index`-th test of a document, with its event or resource."""
    expects_destinations = "expected_destinations" in test.model_fields_set
    return UnitTest(
        name=test.name,
        expected_result=test.expected_result,
        log=log,
        location=document.position(("Tests", index)),
        mocks=tuple(
            Mock(object_name=mock.object_name, return_value=mock.return_value) for mock in test.mocks
        ),
        expected_destinations=test.expected_destinations if expects_destinations else None,
    )


def read_detection_module(
    document: YamlDocument, files: PythonFiles, function: str
) -> tuple[PythonModule | None, list[Finding]]:
    """Return the Python of a rule or policy, which has to define `function`, or None; and what is notable in it."""
    if "Filename" not in document.value:
        return None, [InvalidField("the key `Filename` is missing", document.position(), Code.MISSING_KEY)]
    module, findings = read_module(document, files, examined=files.examines)
    if module is not None and files.examines:
        from runner.definitions.rule_functions import function_notices, missing_function  # noqa: PLC0415  see below

        findings += [*missing_function(module, function), *function_notices(module, function)]
    return module, findings


def read_module(
    document: YamlDocument, files: PythonFiles, *, examined: bool = True
) -> tuple[PythonModule | None, list[Finding]]:
    """Return the Python that a document's `Filename` names, or None, and what is notable about it, if it is examined."""
    filename = document.value.get("Filename")
    if not isinstance(filename, str):
        return None, []
    try:
        module = files.named(filename, document.path, document.position(("Filename",)))
    except DefinitionError as error:
        return None, [error]
    if not examined:
        return module, []
    # who does not examine Python does not wait for what does
    from runner.definitions.reproducibility import reproducibility_notices  # noqa: PLC0415

    try:
        return module, [*reproducibility_notices(module)]
    except DefinitionError as error:
        return None, [error]


def severity_faults(document: YamlDocument) -> Iterator[DefinitionError]:
    """Yield an error if the document's severity is none of the five."""
    severity = document.value.get("Severity")
    if isinstance(severity, str) and severity.upper() not in Severity.__members__:
        names = [name.title() for name in Severity]
        message = f"`Severity` is one of {', '.join(names)}, found {described(severity)}{suggestion(severity, names)}"
        yield InvalidField(message, document.position(("Severity",)), Code.UNKNOWN_SEVERITY)


def number_notices(document: YamlDocument) -> Iterator[Notice]:
    """Yield a warning if a rule's dedup period or threshold is not taken as it is written.

    Panther's tool takes any whole number, so none is refused; a threshold of 0 is documented to mean 1.
    """
    yield from adjusted_number(document, "DedupPeriodMinutes", _dedup_minutes, Code.ADJUSTED_DEDUP)
    if document.value.get("Threshold") != 0:
        yield from adjusted_number(document, "Threshold", _threshold)


def adjusted_number(
    document: YamlDocument, key: str, used: Callable[[int], int], code: Code = Code.ADJUSTED_NUMBER
) -> Iterator[Notice]:
    """Yield a warning if the number under a key is another than the one that is used for it."""
    number = document.value.get(key)
    if isinstance(number, int) and not isinstance(number, bool) and used(number) != number:
        yield Notice(code, f"`{key}: {number}` is taken as {used(number)}", document.position((key,)))


def _dedup_minutes(written: int) -> int:
    return min(max(written or DEFAULT_DEDUP_MINUTES, LEAST_DEDUP_MINUTES), _GREATEST)


def _threshold(written: int) -> int:
    return min(max(written, 1), _GREATEST)


def ignored_keys(document: YamlDocument, names: tuple[str, ...], why: str) -> Iterator[Notice]:
    """Yield a warning for each of the keys that the document has, though they have no effect there."""
    for key in names:
        if key in document.value:
            yield Notice(Code.IGNORED_KEY, f"`{key}` has no effect on {why}", document.key_position((key,)))
