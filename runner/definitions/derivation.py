"""Makes rules of derived detections, once the rules that they derive from are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.definitions.codes import Code
from runner.definitions.derived_rule import DerivedRule
from runner.definitions.fields import suggestion
from runner.definitions.stream_rule import StreamRule
from runner.errors import UnknownReference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.definitions.reading import Reading
    from runner.errors import DefinitionError


def with_derived(readings: Iterable[Reading]) -> tuple[list[Reading], list[DefinitionError]]:
    """Return the readings with each derived detection made a rule, and an error for each that has no base.

    One whose base is there and faulty is left out without a word: the base has one already.
    """
    readings = list(readings)
    by_id = {reading.definition_id: reading for reading in readings if reading.definition_id}
    errors: list[DefinitionError] = []
    made: list[Reading] = []
    for reading in readings:
        derived = reading.definition
        if not isinstance(derived, DerivedRule):
            made.append(reading)
            continue
        base = by_id.get(derived.base_id)
        fault = _base_fault(derived.base_id, base, by_id)
        if fault:
            errors.append(UnknownReference(fault, derived.base_named_at, Code.UNKNOWN_BASE))
        made.append(_made(reading, derived, base))
    return made, errors


def _made(reading: Reading, derived: DerivedRule, base: Reading | None) -> Reading:
    if base is None or not isinstance(base.definition, StreamRule):
        return replace(reading, definition=None)
    rule = derived.derived_from(base.definition)
    return replace(reading, definition=rule, text=f"{reading.text}\0{base.text}")


def _base_fault(base_id: str, base: Reading | None, by_id: Mapping[str, Reading]) -> str | None:
    if base is None:
        return f"there is no rule '{base_id}' to derive from{suggestion(base_id, by_id)}"
    if isinstance(base.definition, DerivedRule):
        return f"the rule '{base_id}' is derived itself; name the rule it derives from"
    if base.definition is not None and not isinstance(base.definition, StreamRule):
        return f"'{base_id}' is no rule over log types, so nothing can derive from it"
    return None
