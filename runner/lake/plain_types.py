"""Types that Arrow cannot hand over as values, and what a result has in their place.

VARIANT would come as raw bytes, numbers beyond 128 bits as wrong ones, an interval as the name of a
class. DuckDB casts them before they leave it: to JSON what has a structure, the rest to text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb.sqltypes import DuckDBPyType

_PLAIN = {
    "variant": "JSON",
    "union": "JSON",
    "tuple": "JSON",
    **dict.fromkeys(("date", "time", "time with time zone", "time_ns", "interval"), "VARCHAR"),
    **dict.fromkeys(("uhugeint", "bignum", "bit", "geometry"), "VARCHAR"),
}


def select_plain(sql: str, names: Sequence[str], types: Sequence[DuckDBPyType]) -> str:
    """Return SQL that answers as `sql` does, with every column of a type that Arrow has.

    Columns are told apart by position: a result may have two of one name.
    """
    plain = [plain_type(type_) for type_ in types]
    if not any(plain):
        return sql
    columns = [f"c{index}" for index in range(len(names))]
    outputs = ", ".join(
        f"{f'CAST({column} AS {type_})' if type_ else column} AS {identifier(name)}"
        for column, type_, name in zip(columns, plain, names, strict=True)
    )
    return f"SELECT {outputs} FROM ({sql}) AS result({', '.join(columns)})"  # noqa: S608  the query was checked, the names are quoted


def plain_type(type_: DuckDBPyType) -> str | None:
    """Return the type to cast to, in SQL; None for a type that can stay."""
    kind = str(type_.id)
    if kind in {"list", "array", "struct", "map"}:
        children = children_of(type_)
        if not any(plain_type(child) for _, child in children):
            return None
        return _nested(kind, [(name, plain_type(child) or str(child)) for name, child in children], type_)
    return _PLAIN.get(kind)


def children_of(type_: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    """Return the fields of a struct, the key and value of a map, or the item of a list, by name."""
    children: list[tuple[str, DuckDBPyType]] = type_.children  # type: ignore[assignment]  # other types have numbers too
    return [child for child in children if child[0] != "size" or type_.id != "array"]


def identifier(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _nested(kind: str, children: list[tuple[str, str]], type_: DuckDBPyType) -> str:
    types = [child for _, child in children]
    if kind == "struct":
        fields = ", ".join(f"{identifier(name)} {child}" for name, child in children)
        return f"STRUCT({fields})"
    if kind == "map":
        return f"MAP({', '.join(types)})"
    return f"{types[0]}[]" if kind == "list" else f"{types[0]}[{dict(type_.children)['size']}]"
