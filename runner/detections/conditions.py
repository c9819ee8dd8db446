"""Conditions written in YAML, of simple detections and inline filters → a function of the event."""

from __future__ import annotations

import functools
import ipaddress
import operator
from typing import TYPE_CHECKING, Any, Final

from runner.definitions.match_expression import (
    Combination,
    Comparison,
    Constant,
    KeyComparison,
    KeyTarget,
    ListComparison,
    Operator,
    Quantifier,
)
from runner.detections.event import unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from runner.definitions.match_expression import Condition, Expression, Step, Target

    Predicate = Callable[[Any], bool]
    """Tells whether an event (or, within a list expression, an element) fulfils a condition."""

ABSENT: Final = object()
"""Stands for a value that an event does not have. Null is there."""
_IP: Final = ipaddress.ip_address


def predicate_of(expression: Expression) -> Predicate:
    """Return the function that an expression stands for.

    It raises `ValueError` or `TypeError` of an event whose values cannot be compared as the expression wants: an
    address that is none, or an order between a text and a number.
    """
    if isinstance(expression, Combination):
        members = [predicate_of(member) for member in expression.members]
        return functools.partial(_combined, expression.quantifier, members)
    if isinstance(expression, Comparison):
        return functools.partial(_compared, expression.target, expression.condition, expression.value)
    if isinstance(expression, KeyComparison):
        return functools.partial(_keys_compared, expression)
    if isinstance(expression, ListComparison):
        return functools.partial(_elements_compared, expression, predicate_of(expression.expression))
    return functools.partial(_constant, expression)


def value_of(target: Target, event: Any) -> Any:
    """Return what a key of a condition stands for in an event, plain; `ABSENT` if there is nothing."""
    if isinstance(target, KeyTarget):
        return _followed(unwrapped(event), target.steps)
    return _followed(unwrapped(event), ("p_enrichment", target.table, target.selector, *target.field_path))


def _followed(value: Any, steps: Sequence[Step]) -> Any:
    for place, step in enumerate(steps):
        if step is None:
            return _each(value, steps[place + 1 :])
        if isinstance(step, int) and isinstance(value, list):
            value = value[step] if -len(value) <= step < len(value) else ABSENT
        elif isinstance(value, dict):
            value = value.get(step, ABSENT)
        else:
            return ABSENT
    return value


def _each(value: Any, steps: Sequence[Step]) -> Any:
    """Return what lies at the end of a path from each element of a list; `ABSENT` if there is no list."""
    if not isinstance(value, list):
        return ABSENT
    found = [_followed(element, steps) for element in value]
    return [one for one in found if one is not ABSENT]


def _combined(quantifier: Quantifier, members: Sequence[Predicate], event: Any) -> bool:
    return _enough(quantifier, (member(event) for member in members))


def _elements_compared(expression: ListComparison, predicate: Predicate, event: Any) -> bool:
    """Ask the elements of a list. Where there is no list, none of them fulfils anything: only `NONE` is true."""
    value = value_of(expression.target, event)
    if not isinstance(value, list):
        return expression.quantifier is Quantifier.NONE
    return _enough(expression.quantifier, (predicate(element) for element in value))


def _enough(quantifier: Quantifier, answers: Iterable[bool]) -> bool:
    if quantifier is Quantifier.ALL:
        return all(answers)
    if quantifier is Quantifier.ANY:
        return any(answers)
    if quantifier is Quantifier.NONE:
        return not any(answers)
    return sum(answers) == 1


def _constant(expression: Constant, _: Any) -> bool:
    return expression.value


def _compared(target: Target, condition: Condition, written: Any, event: Any) -> bool:
    return holds(condition, value_of(target, event), written)


def _keys_compared(expression: KeyComparison, event: Any) -> bool:
    left, right = value_of(expression.left, event), value_of(expression.right, event)
    if ABSENT in (left, right):
        return expression.condition.negated
    return holds(expression.condition, left, right)


def holds(condition: Condition, value: Any, written: Any) -> bool:
    """Tell whether a value of an event fulfils a condition.

    A value that is not there fulfils none but the negated ones, and those that ask for nothing else. An order is
    never fulfilled by what is not there, negated or not.
    """
    kind = condition.operator
    if kind in _OF_PRESENCE:
        return _OF_PRESENCE[kind](value) is not condition.negated
    if value is ABSENT or (value is None and kind is not Operator.EQUALS and kind is not Operator.IS_IN):
        return condition.negated and kind not in _ORDERS
    if condition.ignore_case:
        value, written = _lowered(value), _lowered(written)
    return _OPERATORS[kind](value, written) is not condition.negated


def _lowered(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, (list, tuple)):
        return [_lowered(one) for one in value]
    return value


def _equals(value: Any, written: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    return isinstance(value, bool) is isinstance(written, bool) and bool(value == written)


def _starts(value: Any, written: Any) -> bool:
    return isinstance(value, str) and value.startswith(str(written))


def _ends(value: Any, written: Any) -> bool:
    return isinstance(value, str) and value.endswith(str(written))


def _contains(value: Any, written: Any) -> bool:
    if isinstance(value, str):
        return str(written) in value
    return written in value if isinstance(value, (list, dict)) else False


def _is_in(value: Any, written: Any) -> bool:
    return any(_equals(value, one) for one in written)


def _in_cidr(value: Any, written: Any) -> bool:
    """Tell whether an address lies in one of the networks; of several addresses, whether one does."""
    networks = [ipaddress.ip_network(one, strict=False) for one in _listed(written)]
    return any(_IP(address) in network for address in _listed(value) for network in networks)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def _is_ip(value: Any, version: int | None = None) -> bool:
    try:
        address = _IP(value) if isinstance(value, str) else None
    except ValueError:
        return False
    return address is not None and version in (None, address.version)


def _is_empty(value: Any) -> bool:
    return isinstance(value, (str, list, dict)) and not value


_OF_PRESENCE: Final[Mapping[Operator, Callable[[Any], bool]]] = {
    Operator.EXISTS: lambda value: value is not ABSENT,
    Operator.IS_NULL: lambda value: value is ABSENT or value is None,
    Operator.IS_EMPTY: lambda value: value is ABSENT or value is None or _is_empty(value),
    Operator.IS_NULL_OR_EMPTY: lambda value: value is ABSENT or value is None or _is_empty(value),
}
"""Operators that a value which is not there fulfils, or fails, by that alone."""
_ORDERS: Final = frozenset({Operator.GREATER, Operator.AT_LEAST, Operator.LESS, Operator.AT_MOST})
_OPERATORS: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQUALS: _equals,
    Operator.STARTS_WITH: _starts,
    Operator.ENDS_WITH: _ends,
    Operator.CONTAINS: _contains,
    Operator.GREATER: operator.gt,
    Operator.AT_LEAST: operator.ge,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.IS_IN: _is_in,
    Operator.IN_CIDR: _in_cidr,
    Operator.IS_IP: lambda value, _: _is_ip(value),
    Operator.IS_IPV4: lambda value, _: _is_ip(value, 4),
    Operator.IS_IPV6: lambda value, _: _is_ip(value, 6),
    Operator.IS_PUBLIC_IP: lambda value, _: _IP(value).is_global,
    Operator.IS_PRIVATE_IP: lambda value, _: _IP(value).is_private,
}
