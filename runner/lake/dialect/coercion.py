"""One value made fit for another: what Snowflake does by itself where a VARIANT meets text, a number or a time.

Every function takes an expression whose type is known and returns the one to stand in its place. A value out of a
document that does not fit becomes NULL (Snowflake would fail); any other value that does not fit is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect.sql_types import JSON, MOMENTS, TEXT, VARIANT, Kind, list_of, plain
from runner.lake.dialect.trees import call, cast, put, text, try_cast, type_of, typed, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.lake.dialect.sql_types import SqlType

_DUCKDB_NAMES = {
    Kind.NUMBER: "DOUBLE",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.TIMESTAMP: "TIMESTAMP",
    Kind.DATE: "DATE",
    Kind.TIME: "TIME",
}


def as_text(node: exp.Expr) -> exp.Expr:
    """As `::string` would: scalars as they are written, objects and arrays as JSON."""
    kind = type_of(node).kind
    if kind in {Kind.TEXT, Kind.NULL}:
        return node
    if kind == Kind.JSON:
        made: exp.Expr = _json_text(node)
    elif kind == Kind.VARIANT:
        made = call("sf_text", node)
    elif kind in {Kind.STRUCT, Kind.MAP, Kind.LIST}:
        made = cast(as_json(node), "VARCHAR")
    else:
        made = cast(node, "VARCHAR")
    return typed(made, TEXT.out_of_document() if type_of(node).is_dynamic else TEXT)


def _json_text(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Anonymous) and node.name == "json_extract":
        return call("json_extract_string", *node.expressions)
    return call("json_extract_string", node, text("$"))


def as_json(node: exp.Expr) -> exp.Expr:
    """As JSON, where an object has no fields that are NULL: a lake's STRUCT shows a missing field as one."""
    kind = type_of(node).kind
    if kind == Kind.JSON:
        return node
    if kind == Kind.TEXT and type_of(node).loose:
        return typed(call("to_json", node), JSON)
    if kind == Kind.TIMESTAMP:
        return typed(call("to_json", call("strftime", node, text("%Y-%m-%d %H:%M:%S.%g"))), JSON)
    if kind in {Kind.STRUCT, Kind.MAP, Kind.LIST}:
        made: exp.Expr = call("to_json", node)
        return typed(call("json_strip_nulls", made) if _has_fields(type_of(node)) else made, JSON)
    return typed(cast(_into_variant(node), "JSON"), JSON)


def as_variant(node: exp.Expr) -> exp.Expr:
    """As VARIANT: the form in which values of different types stand side by side."""
    kind = type_of(node).kind
    if kind in {Kind.VARIANT, Kind.NULL}:
        return node
    if kind in {Kind.STRUCT, Kind.MAP, Kind.LIST} and _has_fields(type_of(node)):
        return typed(cast(as_json(node), "VARIANT"), VARIANT)
    return typed(_into_variant(node), VARIANT)


def canonical(node: exp.Expr) -> exp.Expr:
    """As VARIANT in its one form: as they lie in files, DuckDB groups and joins equal VARIANTs apart."""
    if type_of(node).kind == Kind.VARIANT:
        return typed(cast(cast(wrapped(node), "JSON"), "VARIANT"), VARIANT)
    return as_variant(node)


def as_key(node: exp.Expr) -> exp.Expr:
    """As text that is equal where two values of documents are."""
    return typed(call("sf_json", as_variant(node)), TEXT)


def _into_variant(node: exp.Expr) -> exp.Expr:
    if type_of(node).kind == Kind.VARIANT:
        return node
    if isinstance(node, exp.Literal) and not node.is_string and "." in node.name:
        node = cast(
            node, "DOUBLE"
        )  # as JSON's fractions: decimals of another scale are other values to VARIANT
    return cast(wrapped(node), "VARIANT")


def _has_fields(type_: SqlType) -> bool:
    """Tell whether a value may hold objects, which may have fields that are NULL."""
    if type_.kind in {Kind.STRUCT, Kind.MAP}:
        return True
    return type_.kind == Kind.LIST and type_.item is not None and _has_fields(type_.item)


def as_list(node: exp.Expr) -> exp.Expr:
    """As a LIST; NULL for what is no array."""
    if type_of(node).kind == Kind.LIST:
        return node
    return typed(call("sf_list", as_variant(node)), list_of(VARIANT))


def as_variant_list(node: exp.Expr) -> exp.Expr:
    """As a LIST of VARIANTs; NULL for what is no array."""
    if type_of(node) == list_of(VARIANT):
        return node
    return typed(call("sf_list", as_variant(node)), list_of(VARIANT))


def coerce(node: exp.Expr, kind: Kind) -> exp.Expr:
    """As a value of another kind; unchanged if it is one, or if nobody knows what it is."""
    found = type_of(node)
    if found.kind in {kind, Kind.NULL, Kind.UNKNOWN} or (found.kind in MOMENTS and kind in MOMENTS):
        return node
    if kind == Kind.TEXT:
        return as_text(node)
    if kind == Kind.VARIANT:
        return as_variant(node)
    if kind == Kind.JSON:
        return as_json(node)
    if kind == Kind.LIST:
        return as_list(node)
    return _into_scalar(node, kind) if kind in _DUCKDB_NAMES else node


def _into_scalar(node: exp.Expr, kind: Kind) -> exp.Expr:
    found = type_of(node)
    if found.kind in {Kind.INTERVAL, Kind.BINARY} or (found.kind == Kind.BOOLEAN and kind != Kind.NUMBER):
        return node
    into = cast if not found.is_dynamic else try_cast
    source = as_text(node) if found.is_document else node
    if kind in MOMENTS and found.kind == Kind.NUMBER:
        return typed(call("sf_timestamp", as_text(node)), plain(Kind.TIMESTAMP))
    return typed(into(source, _DUCKDB_NAMES[kind]), plain(kind))


def put_coerced(node: exp.Expr | None, kind: Kind) -> None:
    """Coerce a node where it stands."""
    if node is not None:
        put(node, lambda old: coerce(old, kind))


def meet(left: exp.Expr, right: exp.Expr) -> None:
    """Make two expressions comparable where they stand, as Snowflake would."""
    kind = _meeting_kind(type_of(left), type_of(right))
    if kind is not None:
        put_coerced(left, kind)
        put_coerced(right, kind)


def meet_all(subject: exp.Expr, others: Sequence[exp.Expr]) -> None:
    """Make one expression comparable with several: with the first kind among them that decides."""
    known = [other for other in others if type_of(other).kind not in {Kind.NULL, Kind.UNKNOWN}]
    kinds = {_meeting_kind(type_of(subject), type_of(other)) for other in known}
    deciding = next(iter(kinds)) if len(kinds) == 1 else (Kind.VARIANT if len(kinds) > 1 else None)
    if deciding is None:
        return
    for node in (subject, *known):
        put_coerced(node, deciding)


def _meeting_kind(left: SqlType, right: SqlType) -> Kind | None:
    """Return the kind in which two types are compared; None if DuckDB may compare them as they are."""
    kinds = {left.kind, right.kind}
    if kinds & {Kind.NULL, Kind.UNKNOWN}:
        return None
    if left.is_document or right.is_document:
        return _kind_with_document(left, right)
    if len(kinds) == 1 or kinds <= MOMENTS:
        return None
    if left.loose != right.loose:
        return right.kind if left.loose else left.kind
    return next((kind for kind in _STRONGEST if kind in kinds), None)


def _kind_with_document(left: SqlType, right: SqlType) -> Kind | None:
    for one, other in ((left, right), (right, left)):
        if one.is_document and other.is_scalar:
            return other.kind
    if left.kind == right.kind == Kind.LIST and left.item == right.item:
        return None
    return Kind.VARIANT


_STRONGEST = (Kind.TIMESTAMP, Kind.DATE, Kind.TIME, Kind.BOOLEAN, Kind.NUMBER, Kind.TEXT)
"""Of two plain kinds, the one that Snowflake casts the other to."""


def unify(nodes: Sequence[exp.Expr]) -> SqlType:
    """Make the branches of one expression agree where they stand; returns the type they have then."""
    types = [type_of(node) for node in nodes if type_of(node).kind != Kind.NULL]
    if not types:
        return plain(Kind.NULL)
    first = types[0]
    if all(type_ == first for type_ in types) and first.kind != Kind.JSON:
        return first
    kinds = {type_.kind for type_ in types}
    if Kind.UNKNOWN in kinds:
        return first if len(kinds) == 1 else plain(Kind.UNKNOWN)
    if any(type_.is_document for type_ in types) or (len(kinds) > 1 and any(t.loose for t in types)):
        for node in nodes:
            put_coerced(node, Kind.VARIANT)
        return VARIANT
    if len(kinds) > 1:
        strongest = next((kind for kind in _STRONGEST if kind in kinds), first.kind)
        for node in nodes:
            if type_of(node).kind == Kind.TEXT and strongest != Kind.TEXT:
                put_coerced(node, strongest)
        return plain(strongest)
    return first.out_of_document() if any(type_.loose for type_ in types) else first
