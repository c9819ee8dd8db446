"""Which columns an expression can see, and of what type: the sources of its SELECT, and those around it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.lake.dialect.sql_types import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlglot import exp

    from runner.lake.dialect.sql_types import SqlType


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What stands in FROM under one name: its columns in order, each under its own spelling; None if unknown."""

    columns: Mapping[str, SqlType] | None

    def find(self, name: str) -> SqlType | None:
        """Return the type of a column in any case; None if it is not there."""
        if self.columns is None:
            return None
        if name in self.columns:
            return self.columns[name]
        lowered = name.lower()
        return next((type_ for known, type_ in self.columns.items() if known.lower() == lowered), None)


@dataclass(kw_only=True, slots=True)
class Scope:
    """What one SELECT sees. `outer` is the SELECT around it, for correlated subqueries and laterals."""

    outer: Scope | None = None
    sources: dict[str, Source] = field(default_factory=dict)
    aliases: dict[str, SqlType] = field(default_factory=dict)
    """The outputs of this SELECT that have a name: another expression of it may use them."""
    variables: dict[str, SqlType] = field(default_factory=dict)
    """The parameters of the lambda that is being read."""

    def add(self, name: str, source: Source) -> None:
        """Let a source be seen under a name."""
        self.sources[name.lower()] = source

    def around(self) -> Iterator[Scope]:
        """Yield this scope and those around it, from the inside out."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def find(self, column: exp.Column) -> SqlType | None:
        """Return the type of a column; None if no source and no output has it, though all are known."""
        if column.table:
            return self._in_table(column.table.lower(), column.name)
        if column.name.lower() in self.variables:
            return self.variables[column.name.lower()]
        return self._in_any(column.name)

    def has_source(self, name: str) -> bool:
        """Tell whether a name before a dot is that of a source."""
        return any(name.lower() in scope.sources for scope in self.around())

    def owner(self, name: str) -> str | None:
        """Return the name of the source in this scope that has a column."""
        return next((owner for owner, source in self.sources.items() if source.find(name) is not None), None)

    def suggestion(self, name: str) -> str:
        """Return a hint at a column with almost that name, or nothing."""
        names = {
            column.lower(): column
            for scope in self.around()
            for source in scope.sources.values()
            for column in source.columns or ()
        }
        near = difflib.get_close_matches(name.lower(), names, n=1)
        return f": did you mean {names[near[0]]}?" if near else ""

    def _in_table(self, table: str, name: str) -> SqlType | None:
        for scope in self.around():
            source = scope.sources.get(table)
            if source is not None:
                return UNKNOWN if source.columns is None else source.find(name)
        return None

    def _in_any(self, name: str) -> SqlType | None:
        for scope in self.around():
            found = scope.own(name)
            if found is not None:
                return found
        known = all(
            source.columns is not None for scope in self.around() for source in scope.sources.values()
        )
        return None if known else UNKNOWN

    def own(self, name: str) -> SqlType | None:
        """Return the type of a column or output of this scope alone."""
        for source in self.sources.values():
            found = source.find(name)
            if found is not None:
                return found
        if any(source.columns is None for source in self.sources.values()):
            return self.aliases.get(name.lower(), UNKNOWN)
        return self.aliases.get(name.lower())
