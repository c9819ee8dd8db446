"""Conditions in a document → match expressions, or everything that is wrong with them."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from runner.definitions.codes import Code
from runner.definitions.condition_names import CONDITIONS, CONSTANTS, LIST_CONDITIONS, WITHOUT_VALUE
from runner.definitions.fields import described, name_of, suggestion
from runner.definitions.match_expression import (
    Combination,
    Comparison,
    Condition,
    Constant,
    EnrichmentTarget,
    Expression,
    KeyComparison,
    KeyTarget,
    ListComparison,
    Operator,
    Quantifier,
    Step,
    Target,
)
from runner.errors import DefinitionError, InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.definitions.yaml_document import KeyPath, YamlDocument

_QUANTIFIERS = {quantifier.value: quantifier for quantifier in Quantifier}
_SPECIFIERS = ("Key", "DeepKey", "KeyPath", "Enrichment")
_KEYS = (*_SPECIFIERS, "Condition", "Value", "Values", "Expressions")
_PART = re.compile(r'"(?P<quoted>[^"]+)"|(?P<name>[^."\[\]]+)|\[(?P<index>-?\d{1,9}|\*)\]')
_ORDERED = (Operator.GREATER, Operator.AT_LEAST, Operator.LESS, Operator.AT_MOST)


class ExpressionReader:
    """Reads the match expressions of one document, and collects what is wrong with them in `errors`."""

    def __init__(self, document: YamlDocument, specifiers: tuple[str, ...] = _SPECIFIERS) -> None:
        """Read expressions that may name values by the `specifiers`; inline filters know fewer than rules do."""
        self._document = document
        self._specifiers = specifiers
        self.errors: list[DefinitionError] = []

    def combination(self, place: KeyPath, quantifier: Quantifier = Quantifier.ALL) -> Combination:
        """Return the list of expressions at a place of the document; what is wrong is left out of it."""
        found = self._value(place)
        if not isinstance(found, list):
            self._wrong(place, f"expected a list of conditions, found {described(found)}")
            found = []
        members = [self._expression((*place, index)) for index in range(len(found))]
        return Combination(
            quantifier=quantifier,
            members=tuple(member for member in members if member is not None),
            location=self._document.position(place),
        )

    def target(self, place: KeyPath) -> Target | None:
        """Return what a mapping with one key specifier names; None, and an error, if it does not."""
        found = self._value(place)
        if not isinstance(found, dict):
            self._wrong(place, f"expected a mapping with one of {_listed(self._specifiers)}")
            return None
        self._refuse_keys(place, found, self._specifiers)
        return self._target(place, found)

    def _expression(self, place: KeyPath) -> Expression | None:
        found = self._value(place)
        if not isinstance(found, dict):
            self._wrong(place, f"expected a condition, which is a mapping, found {described(found)}")
            return None
        combinators = [key for key in found if key in _QUANTIFIERS]
        if combinators:
            return self._combinator(place, found, str(combinators[0]))
        self._refuse_keys(place, found, (*_KEYS, *_QUANTIFIERS))
        return self._condition(place, found)

    def _combinator(self, place: KeyPath, found: Mapping[Any, Any], name: str) -> Expression:
        if len(found) > 1:
            self._wrong(place, f"`{name}` has to stand alone in its mapping")
        return self.combination((*place, name), _QUANTIFIERS[name])

    def _condition(self, place: KeyPath, found: Mapping[Any, Any]) -> Expression | None:
        name = found.get("Condition")
        if not isinstance(name, str):
            self._wrong(place, "a condition needs `Condition`, or one of All, Any, OnlyOne and None")
            return None
        if name in CONSTANTS:
            return Constant(value=CONSTANTS[name], location=self._document.position(place))
        if name in LIST_CONDITIONS:
            return self._list_comparison(place, found, LIST_CONDITIONS[name])
        if name in CONDITIONS:
            return self._comparison(place, found, CONDITIONS[name])
        known = (*CONDITIONS, *LIST_CONDITIONS, *CONSTANTS)
        self._wrong((*place, "Condition"), f"there is no condition '{name}'{suggestion(name, known)}")
        return None

    def _list_comparison(
        self, place: KeyPath, found: Mapping[Any, Any], quantifier: Quantifier
    ) -> Expression | None:
        if "Expressions" not in found:
            self._wrong(place, f"`{found['Condition']}` needs `Expressions`")
            return None
        expression = self.combination((*place, "Expressions"))
        target = self._target(place, found)
        if target is None:
            return None
        return ListComparison(
            target=target,
            quantifier=quantifier,
            expression=expression,
            location=self._document.position(place),
        )

    def _comparison(
        self, place: KeyPath, found: Mapping[Any, Any], condition: Condition
    ) -> Expression | None:
        values = found.get("Values")
        if condition.operator is not Operator.IS_IN and isinstance(values, list):
            return self._key_comparison(place, values, condition)
        target = self._target(place, found)
        value = self._operand(place, found, condition)
        if target is None:
            return None
        return Comparison(
            target=target, condition=condition, value=value, location=self._document.position(place)
        )

    def _key_comparison(self, place: KeyPath, values: list[Any], condition: Condition) -> Expression | None:
        if len(values) != 2:  # noqa: PLR2004  two sides of a comparison
            self._wrong((*place, "Values"), f"expected two keys to compare, found {len(values)}")
            return None
        left, right = (self.target((*place, "Values", index)) for index in range(2))
        if left is None or right is None:
            return None
        return KeyComparison(
            left=left, right=right, condition=condition, location=self._document.position(place)
        )

    def _operand(self, place: KeyPath, found: Mapping[Any, Any], condition: Condition) -> Any:
        """Return the written value that a condition compares with, and check that it fits."""
        if condition.operator in WITHOUT_VALUE:
            return None
        key = "Values" if condition.operator is Operator.IS_IN else "Value"
        if key not in found:
            self._wrong(place, f"`{found['Condition']}` needs `{key}`")
            return None
        value = found[key]
        fault = _operand_fault(value, condition.operator)
        if fault:
            self._wrong((*place, key), f"{fault}, found {described(value)}")
            return None
        return tuple(value) if condition.operator is Operator.IS_IN else value

    def _target(self, place: KeyPath, found: Mapping[Any, Any]) -> Target | None:
        given = [key for key in _SPECIFIERS if key in found]
        if not given:
            if self._is_in_list(place):
                return KeyTarget(steps=())
            self._wrong(place, f"expected one of {_listed(self._specifiers)}")
            return None
        if len(given) > 1:
            self._wrong(place, f"expected one of {_listed(self._specifiers)}, found {_listed(given, 'and')}")
            return None
        if given[0] not in self._specifiers:
            message = f"`{given[0]}` is not known here; write {_listed(self._specifiers)}"
            self._wrong((*place, given[0]), message)
            return None
        return self._specified((*place, given[0]), given[0], found[given[0]])

    def _is_in_list(self, place: KeyPath) -> bool:
        """Whether a place is inside a list's `Expressions`, where a condition may look at the element itself."""
        return "Expressions" in place

    def _specified(self, place: KeyPath, specifier: str, value: Any) -> Target | None:
        if specifier == "Enrichment":
            return self._enrichment(place, value)
        steps = _steps(specifier, value)
        if steps is None:
            form = "a list of keys" if specifier == "DeepKey" else "a key" if specifier == "Key" else "a path"
            self._wrong(place, f"expected {form}, found {described(value)}")
            return None
        return KeyTarget(steps=steps)

    def _enrichment(self, place: KeyPath, value: Any) -> Target | None:
        names = ("Table", "Selector", "FieldPath")
        if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in names):
            self._wrong(place, f"expected a mapping with {_listed(names, 'and')}")
            return None
        self._refuse_keys(place, value, names)
        steps = _steps("KeyPath", value["FieldPath"])
        if steps is None:
            self._wrong((*place, "FieldPath"), f"expected a path, found {described(value['FieldPath'])}")
            return None
        return EnrichmentTarget(table=value["Table"], selector=value["Selector"], field_path=steps)

    def _refuse_keys(self, place: KeyPath, found: Mapping[Any, Any], known: Iterable[str]) -> None:
        allowed = [key for key in known if key not in _SPECIFIERS or key in self._specifiers]
        for key in found:
            if key not in allowed and key not in _SPECIFIERS:
                message = f"unknown key {name_of((*place, key))}{suggestion(str(key), allowed)}"
                where = self._document.key_position((*place, key))
                self.errors.append(InvalidField(message, where, Code.UNKNOWN_KEY))

    def _value(self, place: KeyPath) -> Any:
        value = self._document.value
        for step in place:
            value = value[step]
        return value

    def _wrong(self, place: KeyPath, message: str) -> None:
        where = self._document.position(place)
        self.errors.append(InvalidField(f"{name_of(place)}: {message}", where, Code.BAD_CONDITION))


def _listed(names: Iterable[str], last_word: str = "or") -> str:
    *others, last = names
    return f"{', '.join(others)} {last_word} {last}" if others else last


def _steps(specifier: str, value: Any) -> tuple[Step, ...] | None:
    """Return the steps that a specifier's value names, or None if it is not of its form."""
    if specifier == "DeepKey":
        fits = isinstance(value, list) and value and all(isinstance(key, str) for key in value)
        return tuple(value) if fits else None
    if not isinstance(value, str) or not value:
        return None
    return (value,) if specifier == "Key" else path_steps(value)


def path_steps(path: str) -> tuple[Step, ...] | None:
    """Return the steps of a path such as `actor.roles[0]."first.name"` or `ips[*]`, or None if it is not one."""
    steps: list[Step] = []
    place = 0
    while place < len(path):
        dotted = bool(steps) and path[place] == "."
        part = _PART.match(path, place + dotted)
        if part is None or (steps and dotted == (part["index"] is not None)):
            return None  # a name comes after a dot, an index does not
        steps.append(_step(part))
        place = part.end()
    return tuple(steps) or None


def _step(part: re.Match[str]) -> Step:
    if part["index"] is None:
        return part["quoted"] or part["name"]
    return None if part["index"] == "*" else int(part["index"])


def _operand_fault(value: Any, operator: Operator) -> str | None:
    """Return what an operator would have needed instead of `value`, or None if the value fits."""
    if operator is Operator.IS_IN:
        return None if isinstance(value, list) else "expected a list of values"
    if operator in _ORDERED:
        fits = isinstance(value, (int, float, str)) and not isinstance(value, bool)
        return None if fits else "expected a number or a text"
    if operator is Operator.IN_CIDR:
        return (
            None if isinstance(value, str) and _is_network(value) else "expected a network such as 10.0.0.0/8"
        )
    if operator in (Operator.STARTS_WITH, Operator.ENDS_WITH):
        return None if isinstance(value, str) else "expected a text"
    return None


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
