"""Conditions on columns that a query compares with constants, put together by AND and OR."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from sqlglot import exp

from runner.lake.dialect import reproducibility
from runner.lake.dialect.time_operands import operand_of
from runner.lake.dialect.trees import nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.lake.dialect.time_operands import TimeOperand


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A column that is not below `low` and not above `high`: constants of DuckDB's SQL; None for no limit.

    What is compared may be the column cut down to a day or an hour: it is at most `slack` below the column.
    """

    operand: TimeOperand
    low: str | None = None
    high: str | None = None

    @property
    def constants(self) -> Iterator[str]:
        """The SQL of the constants."""
        return (constant for constant in (self.low, self.high) if constant is not None)

    def over(self, operand: TimeOperand) -> Comparison:
        """Return the same comparison of what its column stands for further inside."""
        return replace(self, operand=replace(operand, slack=operand.slack + self.operand.slack))


@dataclass(frozen=True, slots=True)
class AllOf:
    """Conditions that hold together; without any, it always holds."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Conditions of which one holds."""

    parts: tuple[Condition, ...]


Condition: TypeAlias = "Comparison | AllOf | AnyOf"
ALWAYS = AllOf()


def all_of(parts: Iterable[Condition]) -> Condition:
    """Return the condition that all of these hold."""
    found = [part for part in parts if part != ALWAYS]
    return found[0] if len(found) == 1 else AllOf(tuple(found))


def any_of(parts: Iterable[Condition]) -> Condition:
    """Return the condition that one of these holds; if one of them always does, so does it."""
    found = tuple(parts)
    return ALWAYS if ALWAYS in found else found[0] if len(found) == 1 else AnyOf(found)


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Yield every comparison in a condition."""
    if isinstance(condition, Comparison):
        yield condition
    else:
        for part in condition.parts:
            yield from comparisons(part)


def read(node: exp.Expr) -> Condition:
    """Read what a condition says about columns and constants; what it says besides is left out."""
    if isinstance(node, exp.Paren):
        return read(node.this)
    if isinstance(node, exp.And):
        return all_of([read(node.this), read(node.expression)])
    if isinstance(node, exp.Or):
        return any_of([read(node.this), read(node.expression)])
    return _of_operator(node)


def _of_operator(node: exp.Expr) -> Condition:
    match node:
        case exp.Between() if not node.args.get("symmetric"):
            return _between(node)
        case exp.In() if node.expressions and not node.args.get("query"):
            return any_of([_equal(node.this, value) for value in node.expressions])
        case exp.EQ():
            return all_of([_equal(node.this, node.expression), _equal(node.expression, node.this)])
        case exp.GT() | exp.GTE():
            return all_of([_at_least(node.this, node.expression), _at_most(node.expression, node.this)])
        case exp.LT() | exp.LTE():
            return all_of([_at_most(node.this, node.expression), _at_least(node.expression, node.this)])
    return ALWAYS


def _between(node: exp.Between) -> Condition:
    return all_of([_at_least(node.this, node.args["low"]), _at_most(node.this, node.args["high"])])


def _equal(column: exp.Expr, value: exp.Expr) -> Condition:
    operand = operand_of(column)
    constant = _constant(value) if operand else None
    if operand is None or constant is None:
        return ALWAYS
    return all_of([Comparison(operand=operand, low=constant), Comparison(operand=operand, high=constant)])


def _at_least(column: exp.Expr, value: exp.Expr) -> Condition:
    operand = operand_of(column)
    constant = _constant(value) if operand else None
    return Comparison(operand=operand, low=constant) if operand and constant else ALWAYS


def _at_most(column: exp.Expr, value: exp.Expr) -> Condition:
    operand = operand_of(column)
    constant = _constant(value) if operand else None
    return Comparison(operand=operand, high=constant) if operand and constant else ALWAYS


_NOT_CONSTANT = (exp.Column, exp.Query, exp.Window, exp.AggFunc, exp.Star, exp.Lambda, exp.Identifier)


def _constant(node: exp.Expr) -> str | None:
    """Return the SQL of what is the same for every row; None for all else."""
    parts = nodes(node)
    if any(isinstance(part, _NOT_CONSTANT) for part in parts):
        return None
    if any(_may_vary(part) for part in parts) and reproducibility.doubts(parts):
        return None
    return node.sql("duckdb", identify=True, copy=False)


def _may_vary(part: exp.Expr) -> bool:
    return isinstance(part, exp.Func) and not isinstance(part, exp.Cast)


def about(condition: Condition, source: str, *, named: bool = False) -> Condition:
    """Return what a condition says about one source; a column without a table may be any source's."""
    if isinstance(condition, Comparison):
        table = condition.operand.table
        return condition if table == source or (table is None and not named) else ALWAYS
    parts = [about(part, source, named=named) for part in condition.parts]
    return all_of(parts) if isinstance(condition, AllOf) else any_of(parts)


def without(condition: Condition, source: str) -> Condition:
    """Return what a condition says about all sources but one."""
    if isinstance(condition, Comparison):
        return ALWAYS if condition.operand.table in (None, source) else condition
    parts = [without(part, source) for part in condition.parts]
    return all_of(parts) if isinstance(condition, AllOf) else any_of(parts)
