"""A row that somebody asks about, as a Parquet file: with the columns of a table of the lake, or with its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import orjson

from runner.errors import UnusableRow
from runner.lake import parquet
from runner.lake.plain_types import children_of, identifier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from duckdb.sqltypes import DuckDBPyType

_NESTED = frozenset({"struct", "list", "array", "map"})


def write_row(row: Mapping[str, Any], columns: Mapping[str, str], file: Path) -> list[str]:
    """Write a row with the columns of a table (name → type in DuckDB's words), found in any case.

    What the row does not have is NULL. Returns the fields that the table has no column for.
    Raises `UnusableRow`, naming every field that is not of its column's type.
    """
    given = {name.lower(): value for name, value in row.items()}
    faults: list[str] = []
    with duckdb.connect(":memory:") as connection:
        parts = [
            _part(connection, name, type_, given.get(name.lower()), faults) for name, type_ in columns.items()
        ]
        if faults:
            raise UnusableRow("; ".join(faults))
        _write(connection, parts, file)
    known = {name.lower() for name in columns}
    return [name for name in row if name.lower() not in known]


def write_result(row: Mapping[str, Any], file: Path) -> None:
    """Write a row as a query would return it: each value of the type that it has in JSON."""
    with duckdb.connect(":memory:") as connection:
        parts = [(name, _type_of(value), _bound(value)) for name, value in row.items()]
        _write(connection, parts, file)


def time_of(row: Mapping[str, Any], column: str | None) -> datetime | None:
    """Return the moment of a row (aware, UTC) by its table's time column; None if it has none, or says none."""
    given = {name.lower(): value for name, value in row.items()}
    value = given.get(column.lower()) if column else None
    return _moment(value) if isinstance(value, str) else None


_Part = tuple[str, str, Any]
"""A column: its name, its type, and the value that is cast to it."""


def _part(
    connection: duckdb.DuckDBPyConnection, name: str, type_: str, value: Any, faults: list[str]
) -> _Part:
    try:
        part = (name, type_, _fitting(value, duckdb.sqltype(type_)))
        connection.execute(f"SELECT {_sql(part)}", [part[2]]).fetchall()
    except (duckdb.Error, ValueError, OverflowError):
        faults.append(f"{name}: {orjson.dumps(value, default=str).decode()} cannot be read as {type_}")
        return name, type_, None
    return part


def _fitting(value: Any, type_: DuckDBPyType) -> Any:
    """Return what is bound for a value: moments in UTC, and what has a structure as JSON without unknown fields."""
    kind = str(type_.id)
    if kind.startswith("timestamp") and isinstance(value, str):
        moment = _moment(value)
        if moment is None:
            raise ValueError(value)
        return moment.replace(tzinfo=None)
    return _bound(_pruned(value, type_) if kind in _NESTED else value)


def _pruned(value: Any, type_: DuckDBPyType) -> Any:
    """Return a value with just the fields of its type, in any case; DuckDB would refuse others, and miss some."""
    kind = str(type_.id)
    if kind == "struct" and isinstance(value, dict):
        given = {name.lower(): inner for name, inner in value.items()}
        return {name: _pruned(given.get(name.lower()), child) for name, child in children_of(type_)}
    if kind in ("list", "array") and isinstance(value, list):
        ((_, child), *_) = children_of(type_)
        return [_pruned(one, child) for one in value]
    return value


def _bound(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def _sql(part: _Part) -> str:
    name, type_, value = part
    is_nested = str(duckdb.sqltype(type_).id) in _NESTED and value is not None
    return f"CAST({'CAST(? AS JSON)' if is_nested else '?'} AS {type_}) AS {identifier(name)}"


def _write(connection: duckdb.DuckDBPyConnection, parts: list[_Part], file: Path) -> None:
    chosen = ", ".join(map(_sql, parts))
    values = [value for _, _, value in parts]
    connection.execute(f"CREATE TABLE rows AS SELECT {chosen}", values)
    connection.execute(f"COPY rows TO {parquet.literal(str(file))} (FORMAT parquet)")


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "BIGINT" if abs(value) < 2**63 else "VARCHAR"
    if isinstance(value, float):
        return "DOUBLE"
    return "JSON" if isinstance(value, dict | list) else "VARCHAR"


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
