"""A row of the table of Snowflake's functions: what one takes, what it gives, and how DuckDB says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.lake.dialect.coercion import as_json, as_list, as_variant, as_variant_list, coerce
from runner.lake.dialect.sql_types import UNKNOWN, Kind, SqlType
from runner.lake.dialect.trees import filled, put, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlglot import exp

    Fit = Callable[[exp.Expr], exp.Expr]
    """Makes an argument what the function takes."""
    Write = Callable[[list[exp.Expr]], exp.Expr]
    """Builds DuckDB's form of a call from its fitted arguments."""
    Result = Callable[[Sequence[SqlType]], SqlType]
    """Tells the type of a result from those of the fitted arguments."""


def text(node: exp.Expr) -> exp.Expr:
    """Take an argument as text."""
    return coerce(node, Kind.TEXT)


def number(node: exp.Expr) -> exp.Expr:
    """Take an argument as a number."""
    return coerce(node, Kind.NUMBER)


def boolean(node: exp.Expr) -> exp.Expr:
    """Take an argument as true or false."""
    return coerce(node, Kind.BOOLEAN)


def moment(node: exp.Expr) -> exp.Expr:
    """Take an argument as a time."""
    return coerce(node, Kind.TIMESTAMP)


def raw(node: exp.Expr) -> exp.Expr:
    """Take an argument as it is."""
    return node


variant, json, array, variants = as_variant, as_json, as_list, as_variant_list


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """How a function of Snowflake's is said in DuckDB's SQL.

    `write` is DuckDB's expression with `_1`, `_2`, … for the arguments, or what builds it; several, by the number of
    arguments. `takes` fits the arguments in order, the last one those that follow too. `result` is the type.
    """

    takes: tuple[Fit, ...]
    write: str | Write | dict[int, str]
    result: SqlType | Result = UNKNOWN
    least: int = 1
    most: int | None = None
    """The greatest number of arguments; None for as many as `takes` has, -1 for any."""
    approximate: str = ""
    """Why the result may differ from Snowflake's."""

    def accepts(self, count: int) -> bool:
        """Tell whether the function may be called with so many arguments."""
        if isinstance(self.write, dict):
            return count in self.write
        most = len(self.takes) if self.most is None else self.most
        return count >= self.least and (most < 0 or count <= most)

    def fitted(self, arguments: Sequence[exp.Expr]) -> list[exp.Expr]:
        """Return the arguments as the function takes them."""
        fits = [*self.takes, *[self.takes[-1]] * len(arguments)] if self.takes else []
        return [put(argument, fit) for argument, fit in zip(arguments, fits, strict=False)]

    def written(self, arguments: list[exp.Expr]) -> exp.Expr:
        """Return DuckDB's expression for fitted arguments."""
        if isinstance(self.write, dict):
            return filled(self.write[len(arguments)], arguments)
        if isinstance(self.write, str):
            return filled(self.write, arguments)
        return self.write(arguments)

    def result_for(self, arguments: Sequence[exp.Expr]) -> SqlType:
        """Return the type of the result."""
        if isinstance(self.result, SqlType):
            return self.result
        return self.result([type_of(argument) for argument in arguments])
