"""What a compilation finds out beside the SQL: what is unknown, and what is not quite as in Snowflake."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.errors import Remark
from runner.lake.dialect.places import place_of

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(kw_only=True, slots=True)
class Findings:
    """Collects remarks while the passes run."""

    unknown: list[Remark] = field(default_factory=list)
    """Columns that no table has."""
    approximations: list[Remark] = field(default_factory=list)
    """What may answer differently from Snowflake, and why."""

    def approximate(self, message: str, node: exp.Expr) -> None:
        """Remark that a node's results may differ from Snowflake's."""
        self.approximations.append(remark(message, node))

    def miss(self, message: str, node: exp.Expr) -> None:
        """Remark that something is not there."""
        self.unknown.append(remark(message, node))


def remark(message: str, node: exp.Expr) -> Remark:
    """Return a sentence with the place of a node."""
    line, column = place_of(node) or (0, 0)
    return Remark(line=line, column=column, message=message)
