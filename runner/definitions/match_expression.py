"""Conditions written in YAML: what an event has to be like. Used by simple detections and by inline filters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from runner.definitions.location import Location

Step: TypeAlias = str | int | None
"""Into a mapping by key, into a list by index, or, if None, into every element of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTarget:
    """A value within the event (or, inside a list expression, within the element); no steps mean the whole of it."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentTarget:
    """A field of the row that a lookup table has for one of the event's fields."""

    table: str
    selector: str
    field_path: tuple[Step, ...]


Target: TypeAlias = KeyTarget | EnrichmentTarget


class Operator(StrEnum):
    """How a value is compared; Panther's many names for conditions come down to these, negated or not."""

    EQUALS = "equals"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    CONTAINS = "contains"
    GREATER = "greater"
    AT_LEAST = "at_least"
    LESS = "less"
    AT_MOST = "at_most"
    IS_IN = "is_in"
    IN_CIDR = "in_cidr"
    IS_IP = "is_ip"
    IS_IPV4 = "is_ipv4"
    IS_IPV6 = "is_ipv6"
    IS_PUBLIC_IP = "is_public_ip"
    IS_PRIVATE_IP = "is_private_ip"
    EXISTS = "exists"
    IS_NULL = "is_null"
    IS_EMPTY = "is_empty"
    IS_NULL_OR_EMPTY = "is_null_or_empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """An operator with what its name adds: negation, and whether case counts."""

    operator: Operator
    negated: bool = False
    ignore_case: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A value of the event, compared with a written value (`IS_IN`: with a tuple of them; existence: with None)."""

    target: Target
    condition: Condition
    value: Any
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyComparison:
    """Two values of the event, compared with each other."""

    left: Target
    right: Target
    condition: Condition
    location: Location


class Quantifier(StrEnum):
    """How many of several things have to be true."""

    ALL = "All"
    ANY = "Any"
    ONLY_ONE = "OnlyOne"
    NONE = "None"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListComparison:
    """The elements of a list in the event, of which as many as `quantifier` says have to fulfil an expression."""

    target: Target
    quantifier: Quantifier
    expression: Combination
    """Its targets start at the element."""
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """Always true, or always false."""

    value: bool
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """Several expressions, of which as many as `quantifier` says have to be true."""

    quantifier: Quantifier
    members: tuple[Expression, ...]
    location: Location


Expression: TypeAlias = Comparison | KeyComparison | ListComparison | Constant | Combination
