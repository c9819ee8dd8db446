"""Compiled queries kept by content: the same text over the same columns for the same time is compiled once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from runner.lake.dialect.compiler import CompiledQuery, Schema, SchemaOf
    from runner.lake.table import TableName

_KEPT = 256


@dataclass(frozen=True, slots=True)
class QueryContent:
    """All that the compiled form of a query depends on, but for the columns of its tables."""

    text: str
    dialect: str
    reference: datetime
    library: tuple[tuple[str, str], ...]
    known: frozenset[TableName]

    @classmethod
    def of(
        cls,
        text: str,
        dialect: str,
        reference: datetime,
        library: Mapping[str, str] | None,
        known: frozenset[TableName],
    ) -> QueryContent:
        """Bring the parts of a query into a form that can be compared."""
        return cls(text, dialect, reference, tuple(sorted((library or {}).items())), known)


class CompiledQueries:
    """The last queries that were compiled; those whose tables have other columns by now are compiled anew."""

    def __init__(self) -> None:
        self._kept: OrderedDict[QueryContent, tuple[CompiledQuery, Schema]] = OrderedDict()

    def get(
        self, content: QueryContent, schema_of: SchemaOf, compile_: Callable[[SchemaOf], CompiledQuery]
    ) -> CompiledQuery:
        """Return the compiled query, from memory if it is there; what `compile_` raises is not kept."""
        kept = self._kept.get(content)
        if kept is not None and schema_of(kept[0].tables) == kept[1]:
            self._kept.move_to_end(content)
            return kept[0]
        query = compile_(schema_of)
        self._kept[content] = query, schema_of(query.tables)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return query
