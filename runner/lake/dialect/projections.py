"""What the output columns of a SELECT are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect.time_operands import TimeOperand, operand_of

if TYPE_CHECKING:
    from collections.abc import Sequence


class Projections:
    """The outputs of a SELECT over a number of sources."""

    def __init__(self, outputs: Sequence[exp.Expr], sources: int) -> None:
        self._outputs = outputs
        self._stars = [output for output in outputs if output.is_star]
        self._sources = sources

    def source_of(self, column: str) -> TimeOperand | None:
        """Return what an output column (in lower case) follows in time; None if that is not certain.

        Where two outputs have one name, which of them is meant depends on their order: that is not certain.
        """
        named = [output for output in self._outputs if _may_be(output, column)]
        if self._stars:
            return self._of_star(column) if len(self._stars) == 1 and not named else None
        if len(named) != 1 or not isinstance(named[0], exp.Alias | exp.Column):
            return None
        return operand_of(named[0].unalias())

    def _of_star(self, column: str) -> TimeOperand | None:
        (star,) = self._stars
        if (
            isinstance(star, exp.Column)
            and isinstance(star.this, exp.Star)
            and not any(star.this.args.values())
        ):
            return TimeOperand(column=column, table=star.table.lower())
        plain = isinstance(star, exp.Star) and not any(star.args.values())
        return TimeOperand(column=column) if plain and self._sources == 1 else None


def _may_be(output: exp.Expr, column: str) -> bool:
    return not output.is_star and output.output_name.lower() == column
