"""Panther's names for conditions, and what each of them comes down to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.definitions.match_expression import Condition, Operator, Quantifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIST_CONDITIONS: Mapping[str, Quantifier] = {
    "AllElements": Quantifier.ALL,
    "AnyElement": Quantifier.ANY,
    "OnlyOneElement": Quantifier.ONLY_ONE,
    "NoElement": Quantifier.NONE,
}
CONSTANTS: Mapping[str, bool] = {"AlwaysTrue": True, "AlwaysFalse": False}
WITHOUT_VALUE = frozenset(
    {
        Operator.EXISTS,
        Operator.IS_NULL,
        Operator.IS_EMPTY,
        Operator.IS_NULL_OR_EMPTY,
        Operator.IS_IP,
        Operator.IS_IPV4,
        Operator.IS_IPV6,
        Operator.IS_PUBLIC_IP,
        Operator.IS_PRIVATE_IP,
    }
)
"""The operators that look at one value and compare it with nothing."""
_OF_TEXT = {
    "Equal": Operator.EQUALS,
    "StartWith": Operator.STARTS_WITH,
    "EndWith": Operator.ENDS_WITH,
    "Contain": Operator.CONTAINS,
}
_OF_ORDER = {
    "IsGreaterThan": Operator.GREATER,
    "IsLessThan": Operator.LESS,
}
_OR_EQUAL = {Operator.GREATER: Operator.AT_LEAST, Operator.LESS: Operator.AT_MOST}
_IS = {
    "In": Operator.IS_IN,
    "Null": Operator.IS_NULL,
    "Empty": Operator.IS_EMPTY,
    "NullOrEmpty": Operator.IS_NULL_OR_EMPTY,
    "IPAddress": Operator.IS_IP,
    "IPv4Address": Operator.IS_IPV4,
    "IPv6Address": Operator.IS_IPV6,
    "IPAddressPublic": Operator.IS_PUBLIC_IP,
    "IPAddressPrivate": Operator.IS_PRIVATE_IP,
    "IPAddressInCIDR": Operator.IN_CIDR,
}


def _third_person(verb: str) -> str:
    """Return `StartsWith` for `StartWith`, and `Equals` for `Equal`."""
    return verb.replace("With", "sWith") if "With" in verb else verb + "s"


def _text_conditions() -> Iterator[tuple[str, Condition]]:
    for verb, operator in _OF_TEXT.items():
        for mark, ignore_case in (("", False), ("I", True)):
            yield f"{mark}{_third_person(verb)}", Condition(operator=operator, ignore_case=ignore_case)
        yield f"DoesNot{verb}", Condition(operator=operator, negated=True)
        for name in (f"DoesNotI{verb}", f"IDoesNot{verb}"):
            yield name, Condition(operator=operator, negated=True, ignore_case=True)


def _order_conditions() -> Iterator[tuple[str, Condition]]:
    for name, operator in _OF_ORDER.items():
        yield name, Condition(operator=operator)
        for ending in ("OrEqual", "OrEquals", "OrEqualTo", "OrEqualsTo"):
            yield name + ending, Condition(operator=_OR_EQUAL[operator])


def _is_conditions() -> Iterator[tuple[str, Condition]]:
    for noun, operator in _IS.items():
        yield f"Is{noun}", Condition(operator=operator)
        yield f"IsNot{noun}", Condition(operator=operator, negated=True)
    yield "IsIPAddressNotInCIDR", Condition(operator=Operator.IN_CIDR, negated=True)
    yield "Exists", Condition(operator=Operator.EXISTS)
    yield "DoesNotExist", Condition(operator=Operator.EXISTS, negated=True)


CONDITIONS: Mapping[str, Condition] = dict((*_text_conditions(), *_order_conditions(), *_is_conditions()))
"""Every condition that compares values, by name. Panther spells some of them in several ways."""
