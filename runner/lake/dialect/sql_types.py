"""What kind of value an expression has: Snowflake's kinds, as far as they decide how a value is compared or read.

A lake stores documents as STRUCT, MAP, LIST, JSON or VARIANT; to Snowflake all of them are VARIANT. So a type here
also says how the value lies in DuckDB, and whether it came out of a document (`loose`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterable


class Kind(StrEnum):
    """How values behave. The last six are documents: Snowflake's VARIANT, OBJECT and ARRAY."""

    UNKNOWN = "unknown"
    NULL = "null"
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    DATE = "date"
    TIME = "time"
    INTERVAL = "interval"
    BINARY = "binary"
    STRUCT = "struct"
    MAP = "map"
    LIST = "list"
    JSON = "json"
    VARIANT = "variant"


SCALARS = frozenset(
    {Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN, Kind.TIMESTAMP, Kind.DATE, Kind.TIME, Kind.INTERVAL, Kind.BINARY}
)
DOCUMENTS = frozenset({Kind.STRUCT, Kind.MAP, Kind.LIST, Kind.JSON, Kind.VARIANT})
MOMENTS = frozenset({Kind.TIMESTAMP, Kind.DATE})


@dataclass(frozen=True, kw_only=True, slots=True)
class SqlType:
    """The type of an expression. `fields` are those of a STRUCT, `item` is that of a LIST or the values of a MAP.

    `loose`: the value stands in a document, so Snowflake would call it VARIANT although the lake knows better.
    """

    kind: Kind
    fields: tuple[tuple[str, SqlType], ...] = ()
    item: SqlType | None = None
    loose: bool = False

    @property
    def is_document(self) -> bool:
        """Whether the value may be an object, an array or anything."""
        return self.kind in DOCUMENTS

    @property
    def is_scalar(self) -> bool:
        """Whether the value is known to be a single one."""
        return self.kind in SCALARS

    @property
    def is_dynamic(self) -> bool:
        """Whether Snowflake would see a VARIANT: it gives way to the type that it is compared with."""
        return self.loose or self.is_document

    def field(self, name: str) -> SqlType | None:
        """Return the type of a STRUCT's field; names of fields keep their case."""
        return dict(self.fields).get(name)

    def __deepcopy__(self, _: object) -> SqlType:
        """Return the type itself: it never changes, and a tree that is copied has one at each node."""
        return self

    def out_of_document(self) -> SqlType:
        """Return the type of the same value where it was reached by a path."""
        return self if self.loose else replace(self, loose=True)


def plain(kind: Kind) -> SqlType:
    """Return the type of a kind that needs nothing else."""
    return _PLAIN[kind]


_PLAIN = {kind: SqlType(kind=kind) for kind in Kind}
UNKNOWN, NULL = plain(Kind.UNKNOWN), plain(Kind.NULL)
TEXT, NUMBER, BOOLEAN = plain(Kind.TEXT), plain(Kind.NUMBER), plain(Kind.BOOLEAN)
TIMESTAMP, DATE, TIME, INTERVAL = (
    plain(Kind.TIMESTAMP),
    plain(Kind.DATE),
    plain(Kind.TIME),
    plain(Kind.INTERVAL),
)
BINARY, JSON, VARIANT = plain(Kind.BINARY), plain(Kind.JSON), plain(Kind.VARIANT)


def list_of(item: SqlType) -> SqlType:
    """Return the type of a LIST of some items."""
    return SqlType(kind=Kind.LIST, item=item)


@lru_cache(maxsize=4096)
def of_duckdb(type_: str) -> SqlType:
    """Read a DuckDB type as DESCRIBE writes it, such as `STRUCT("arn" VARCHAR, n BIGINT)[]`."""
    return of_data_type(exp.DataType.build(type_, dialect="duckdb", udt=True))


def of_data_type(data_type: exp.DataType) -> SqlType:
    """Read a type of a parse tree."""
    base = data_type.this
    if base == exp.DataType.Type.STRUCT:
        return SqlType(kind=Kind.STRUCT, fields=tuple(_fields(data_type.expressions)))
    if base in {exp.DataType.Type.ARRAY, exp.DataType.Type.LIST}:
        items = data_type.expressions
        return list_of(of_data_type(items[0]) if items else VARIANT)
    if base == exp.DataType.Type.MAP:
        values = data_type.expressions[1:]
        return SqlType(kind=Kind.MAP, item=of_data_type(values[0]) if values else VARIANT)
    return plain(_kind_of(base))


def _fields(definitions: Iterable[exp.Expr]) -> Iterable[tuple[str, SqlType]]:
    for definition in definitions:
        kind = definition.args.get("kind") or definition.args.get("to")
        yield definition.name, of_data_type(kind) if isinstance(kind, exp.DataType) else UNKNOWN


def _kind_of(base: object) -> Kind:
    return next((kind for kind, bases in _BASES.items() if base in bases), Kind.UNKNOWN)


_Base = exp.DataType.Type
_BASES = {
    Kind.JSON: {_Base.JSON, _Base.JSONB},
    Kind.VARIANT: {_Base.VARIANT, _Base.OBJECT},
    Kind.TEXT: exp.DataType.TEXT_TYPES,
    Kind.NUMBER: exp.DataType.NUMERIC_TYPES,
    Kind.BOOLEAN: {_Base.BOOLEAN},
    Kind.DATE: {_Base.DATE, _Base.DATE32},
    Kind.TIME: {_Base.TIME, _Base.TIMETZ, _Base.TIME_NS},
    Kind.TIMESTAMP: exp.DataType.TEMPORAL_TYPES,
    Kind.INTERVAL: {_Base.INTERVAL},
    Kind.BINARY: {_Base.BINARY, _Base.VARBINARY, _Base.BLOB},
    Kind.NULL: {_Base.NULL},
}
