"""A correlation rule's document → the CorrelationRule, or everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.definitions.codes import Code
from runner.definitions.correlation_keys import CorrelationRuleKeys
from runner.definitions.correlation_rule import (
    Correlation,
    CorrelationRule,
    CorrelationTest,
    EvaluationOrder,
    Group,
    RuleOutput,
    Sequence,
    Step,
    Transition,
)
from runner.definitions.detection_file import described_by, severity_faults
from runner.definitions.fields import described, id_faults, name_of, read_keys, repeated_values, suggestion
from runner.definitions.findings import errors_in
from runner.definitions.frozen_mapping import FrozenMapping
from runner.definitions.query_file import schedule_faults, schedule_of
from runner.definitions.severity import Severity
from runner.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.correlation_keys import (
        CorrelationKeys,
        CorrelationTestKeys,
        StepKeys,
        TransitionKeys,
    )
    from runner.definitions.findings import Finding
    from runner.definitions.location import Location
    from runner.definitions.yaml_document import KeyPath, YamlDocument
    from runner.errors import DefinitionError

_KINDS = ("Sequence", "Group")
_ORDERS = [order.value for order in EvaluationOrder]


def read_correlation_rule(document: YamlDocument) -> tuple[CorrelationRule | None, list[Finding]]:
    """Return the correlation rule that the document defines, or None, and all findings."""
    keys, faults = read_keys(CorrelationRuleKeys, document)
    findings: list[Finding] = [
        *faults,
        *id_faults(document, "RuleID", "DisplayName"),
        *repeated_values(document, "Tags", "OutputIds", "SummaryAttributes"),
        *severity_faults(document),
        *_correlation_faults(document),
    ]
    if keys is None or errors_in(findings):
        return None, findings
    return _rule(keys, document), findings


def correlated(document: YamlDocument) -> tuple[tuple[str, Location], ...]:
    """Return the rules that a correlation rule's document names, each with its place."""
    return tuple(
        (step["RuleID"], document.position((*place, "RuleID")))
        for place, step in _steps(document)
        if isinstance(step.get("RuleID"), str)
    )


def _rule(keys: CorrelationRuleKeys, document: YamlDocument) -> CorrelationRule:
    return CorrelationRule(
        **described_by(keys),
        rule_id=keys.rule_id,
        enabled=keys.enabled,
        severity=Severity.parse(keys.severity),
        correlations=tuple(_correlation(one) for one in keys.detection),
        location=document.position(),
        summary_attributes=keys.summary_attributes,
        create_alert=keys.create_alert,
        tests=tuple(
            _test(test, document.position(("Tests", index))) for index, test in enumerate(keys.tests)
        ),
    )


def _correlation(keys: CorrelationKeys) -> Correlation:
    steps: Sequence | Group
    if keys.sequence:
        steps = Sequence(
            steps=tuple(_step(step) for step in keys.sequence),
            transitions=tuple(_transition(transition) for transition in keys.transitions),
        )
    else:
        steps = Group(
            steps=tuple(_step(step) for step in keys.group),
            criteria=FrozenMapping(
                {
                    name: tuple((one.group_id, one.match) for one in criteria)
                    for name, criteria in keys.match_criteria.items()
                }
            ),
            least=keys.min_match_count,
        )
    return Correlation(
        steps=steps,
        schedule=schedule_of(keys.schedule),
        lookback_minutes=keys.lookback_window_minutes,
        order=EvaluationOrder(keys.event_evaluation_order),
    )


def _step(keys: StepKeys) -> Step:
    return Step(
        step_id=keys.step_id or keys.rule_id,
        rule_id=keys.rule_id,
        least=keys.min_match_count,
        most=keys.max_match_count or None,
        absent=keys.absence,
    )


def _transition(keys: TransitionKeys) -> Transition:
    return Transition(
        before=keys.before,
        after=keys.after,
        within_minutes=keys.within_time_frame_minutes or None,
        fields=tuple((match.on or match.before, match.on or match.after) for match in keys.match),
    )


def _test(keys: CorrelationTestKeys, location: Location) -> CorrelationTest:
    return CorrelationTest(
        name=keys.name,
        expected_result=keys.expected_result,
        location=location,
        outputs=tuple(
            RuleOutput(
                step_id=output.step_id,
                matches=FrozenMapping(
                    {
                        field: FrozenMapping({str(value): times for value, times in values.items()})
                        for field, values in output.matches.items()
                    }
                ),
            )
            for output in keys.rule_outputs
        ),
    )


def _blocks(document: YamlDocument) -> Iterator[tuple[KeyPath, dict[Any, Any]]]:
    """Yield each mapping in `Detection`, with its place."""
    yield from _mappings(document, ("Detection",))


def _steps(document: YamlDocument) -> Iterator[tuple[KeyPath, dict[Any, Any]]]:
    """Yield each step of each sequence or group, with its place."""
    for place, _ in _blocks(document):
        for kind in _KINDS:
            yield from _mappings(document, (*place, kind))


def _mappings(document: YamlDocument, place: KeyPath) -> Iterator[tuple[KeyPath, dict[Any, Any]]]:
    found = document.find(place)
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield (*place, index), item


def _correlation_faults(document: YamlDocument) -> Iterator[DefinitionError]:
    if document.value.get("Detection") == []:
        yield _wrong(document, ("Detection",), "expected a Sequence or a Group, found an empty list")
    for place, block in _blocks(document):
        given = [kind for kind in _KINDS if kind in block]
        if len(given) != 1:
            found = "both" if given else "neither"
            yield _wrong(document, place, f"expected exactly one of Sequence and Group, found {found}")
        yield from schedule_faults(document, (*place, "Schedule"))
        yield from _order_faults(document, place, block)
        yield from _name_faults(document, place, block)
        yield from _match_faults(document, place)
        yield from _count_faults(document, place, block)


def _order_faults(document: YamlDocument, place: KeyPath, block: dict[Any, Any]) -> Iterator[DefinitionError]:
    order = block.get("EventEvaluationOrder", _ORDERS[0])
    if isinstance(order, str) and order not in _ORDERS:
        message = f"expected {' or '.join(_ORDERS)}, found {described(order)}{suggestion(order, _ORDERS)}"
        yield _wrong(document, (*place, "EventEvaluationOrder"), message)


def _count_faults(document: YamlDocument, place: KeyPath, block: dict[Any, Any]) -> Iterator[DefinitionError]:
    steps = [step for kind in _KINDS for step in _mappings(document, (*place, kind))]
    for where, mapping in [(place, block), *steps]:
        for key in ("MinMatchCount", "MaxMatchCount", "LookbackWindowMinutes"):
            number = mapping.get(key)
            if isinstance(number, int) and number < 0:
                yield _wrong(document, (*where, key), f"expected 0 or more, found {number}")


def _name_faults(document: YamlDocument, place: KeyPath, block: dict[Any, Any]) -> Iterator[DefinitionError]:
    """Yield an error for each step that has another's name, and for each name that no step has."""
    names: list[str] = []
    for kind in _KINDS:
        for where, step in _mappings(document, (*place, kind)):
            name = step.get("ID") or step.get("RuleID")
            if isinstance(name, str) and name in names:
                yield _wrong(document, where, f"the id '{name}' is here for the second time")
            names.append(str(name))
    for where, name in _names_used(document, place, block):
        if name not in names:
            yield _wrong(document, where, f"there is no step '{name}'{suggestion(name, names)}")


def _names_used(
    document: YamlDocument, place: KeyPath, block: dict[Any, Any]
) -> Iterator[tuple[KeyPath, str]]:
    criteria = block.get("MatchCriteria")
    places = [(*place, "MatchCriteria", name) for name in criteria] if isinstance(criteria, dict) else []
    uses = [
        (where, mapping, keys)
        for keys, lists in ((("From", "To"), [(*place, "Transitions")]), (("GroupID",), places))
        for one in lists
        for where, mapping in _mappings(document, one)
    ]
    for where, mapping, keys in uses:
        for key in keys:
            if isinstance(mapping.get(key), str):
                yield (*where, key), mapping[key]


def _match_faults(document: YamlDocument, place: KeyPath) -> Iterator[DefinitionError]:
    for where, _ in _mappings(document, (*place, "Transitions")):
        for match_place, match in _mappings(document, (*where, "Match")):
            given = {key for key in ("On", "From", "To") if key in match}
            if given not in ({"On"}, {"From", "To"}):
                yield _wrong(document, match_place, "expected `On`, or `From` and `To`")


def _wrong(document: YamlDocument, place: KeyPath, message: str) -> DefinitionError:
    return InvalidField(f"{name_of(place)}: {message}", document.position(place), Code.BAD_CORRELATION)
