"""DriverInsert: many rows into a table, as plain tuples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy.engine import Connection


class DriverInsert:
    """An INSERT whose rows go to the driver as they are: a dict for each would take half of the time.

    A row has one value for each of `columns`, which are in the order of the table's own. Those of `times` are moments, and of `documents` what is to
    be JSON; all others have to be what the driver takes: numbers, text, bytes, None.
    """

    def __init__(
        self,
        connection: Connection,
        table: sa.Table,
        columns: Sequence[str],
        *,
        times: Iterable[str] = (),
        documents: Iterable[str] = (),
    ) -> None:
        self._connection = connection
        dialect = connection.dialect
        style = "qmark" if dialect.paramstyle == "qmark" else "format"
        positional = type(dialect)(paramstyle=style)  # type: ignore[call-arg]  # every dialect takes it
        # The library puts the columns into the table's order, whatever is asked for.
        in_order = [column.name for column in table.columns if column.name in columns]
        if in_order != list(columns):
            raise ValueError(f"the rows of {table.name} have to be in the order of {in_order}")
        self._statement = str(sa.insert(table).compile(dialect=positional, column_keys=in_order))
        places = {name: place for place, name in enumerate(columns)}
        self._times = [(places[name], _conversion(connection, table.c[name])) for name in times]
        self._documents = [(places[name], _conversion(connection, table.c[name])) for name in documents]

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows; none is fine."""
        if not rows:
            return
        if self._times or self._documents:
            rows = self._converted(rows)
        self._connection.exec_driver_sql(self._statement, list(rows))

    def _converted(self, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for place, convert in self._times:
            known = {moment: convert(moment) for moment in set(columns[place])}  # they are few
            columns[place] = [known[moment] for moment in columns[place]]
        for place, convert in self._documents:
            columns[place] = [convert(value) for value in columns[place]]
        return list(zip(*columns, strict=True))


def _conversion(connection: Connection, column: sa.Column[Any]) -> Callable[[Any], Any]:
    """Return what the library does to a value of a column on its way to the driver."""
    dialect = connection.dialect
    return column.type.dialect_impl(dialect).bind_processor(dialect) or (lambda value: value)
