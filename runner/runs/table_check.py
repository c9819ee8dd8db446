"""Whether queries name their tables as Panther's own tool wants them: database, `public`, table."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from sqlglot import exp

from runner.definitions.codes import Code
from runner.definitions.scheduled_query import Dialect
from runner.errors import DefinitionError, RefusedQuery
from runner.lake.dialect import parsing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runner.definitions.saved_query import SavedQuery
    from runner.definitions.scheduled_query import ScheduledQuery

_PARTS = 3


def unqualified_tables(
    queries: Iterable[ScheduledQuery | SavedQuery], allowed: Sequence[str]
) -> Iterator[DefinitionError]:
    """Yield an error for each table name of a Snowflake query that Panther's tool refuses.

    `allowed` are patterns of further names that will do. Queries that cannot be read are passed over, as there.
    """
    for query in queries:
        if query.sql.dialect is not Dialect.SNOWFLAKE:
            continue
        try:
            tree = parsing.parse(query.sql.text, query.sql.dialect.value)
        except (RefusedQuery, RecursionError):
            continue
        for name in dict.fromkeys(_names(tree)):
            if not _is_qualified(name) and not any(fnmatchcase(name, pattern) for pattern in allowed):
                message = f"Panther's tool wants database.public.table, found {name}"
                yield DefinitionError(message, query.sql.location, Code.UNQUALIFIED_TABLE)


def _names(tree: exp.Query) -> Iterator[str]:
    """Yield the names of the tables that a query reads, without those of its own common table expressions."""
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        is_named = isinstance(table.this, exp.Identifier)
        if is_named and not (not table.db and table.name.lower() in own):
            yield ".".join(part.name for part in table.parts).lower()


def _is_qualified(name: str) -> bool:
    parts = name.split(".")
    in_snowflake = parts[:2] == ["snowflake", "account_usage"]
    return len(parts) == _PARTS and (parts[1] == "public" or in_snowflake)
