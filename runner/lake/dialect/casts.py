"""Casts with Snowflake's results: wide integers, times in UTC, JSON text for objects, NULL for what does not fit."""

from __future__ import annotations

from sqlglot import exp

from runner.lake.dialect.coercion import as_json, as_list, as_text, as_variant
from runner.lake.dialect.sql_types import BOOLEAN, MOMENTS, TIMESTAMP, Kind, SqlType, of_data_type
from runner.lake.dialect.trees import call, cast, data_type, put, try_cast, type_of, typed

_Type = exp.DataType.Type
_WHOLE = {_Type.INT, _Type.SMALLINT, _Type.TINYINT, _Type.BIGINT, _Type.INT128}
_ZONED = {_Type.TIMESTAMPLTZ, _Type.TIMESTAMPTZ}


def rewrite(node: exp.Expr) -> exp.Expr:
    """Write `value::type` so that DuckDB's result is Snowflake's."""
    found, to = type_of(node.this), node.args["to"]
    fitting = _cast_of(node, found, to)
    return put(node, lambda _: fitting)


def cast_of(kind: type[exp.Cast], value: exp.Expr, to: exp.DataType) -> exp.Expr:
    """Return the cast of a typed value to a type: an `exp.Cast`, or an `exp.TryCast` for NULL where it does not fit."""
    return _cast_of(kind(this=value, to=to), type_of(value), to)


def type_of_cast(node: exp.Expr) -> SqlType:
    """Return the type that a cast names."""
    return of_data_type(node.args["to"])


def _cast_of(node: exp.Expr, found: SqlType, to: exp.DataType) -> exp.Expr:
    value = node.this
    into = _into_document(value, found, to)
    if into is not None:
        return into
    tolerant = found.is_dynamic or isinstance(node, exp.TryCast)
    if to.this in _ZONED:
        return _zoned(value, found, tolerant=tolerant)
    if of_data_type(to).kind in MOMENTS:
        return _moment(value, found, of_data_type(to).kind, tolerant=tolerant)
    return _scalar(value, found, to, tolerant=tolerant)


def _into_document(value: exp.Expr, found: SqlType, to: exp.DataType) -> exp.Expr | None:
    """Cast to text, or to what may hold an object or an array; None for any other type."""
    kind = of_data_type(to).kind
    if kind == Kind.LIST:
        return None if to.expressions else as_list(value)
    if to.this == _Type.OBJECT:
        return as_json(value) if found.kind == Kind.STRUCT else as_variant(value)
    into = _INTO_DOCUMENT.get(kind)
    return into(value) if into is not None else None


_INTO_DOCUMENT = {Kind.TEXT: as_text, Kind.VARIANT: as_variant, Kind.JSON: as_json}


def _scalar(value: exp.Expr, found: SqlType, to: exp.DataType, *, tolerant: bool) -> exp.Expr:
    kind = of_data_type(to).kind
    source = as_text(value) if found.is_document else value
    if kind == Kind.BOOLEAN and found.kind in {Kind.TEXT, *_DOCUMENTS}:
        return typed(_boolean(source, tolerant=tolerant), BOOLEAN)
    if kind == Kind.NUMBER:
        return _number(source, to, found, tolerant=tolerant)
    made = (try_cast if tolerant else cast)(source, to.sql("duckdb"))
    return typed(made, of_data_type(to))


_DOCUMENTS = (Kind.JSON, Kind.VARIANT)


def _number(value: exp.Expr, to: exp.DataType, found: SqlType, *, tolerant: bool) -> exp.Expr:
    target = to
    if to.this in _WHOLE or (to.this == _Type.DECIMAL and _scale(to) == 0):
        target = data_type("BIGINT")
        if found.kind == Kind.NUMBER:
            value = call("round", value)  # half away from zero, where a cast would take the even neighbour
    elif to.this in {_Type.FLOAT, _Type.DOUBLE, _Type.DECFLOAT}:
        target = data_type("DOUBLE")
    made = exp.TryCast(this=value, to=target, safe=True) if tolerant else exp.Cast(this=value, to=target)
    return typed(made, of_data_type(target))


def _scale(decimal: exp.DataType) -> int:
    parameters = [parameter.name for parameter in decimal.expressions]
    return int(parameters[1]) if len(parameters) > 1 else 0


def _boolean(value: exp.Expr, *, tolerant: bool) -> exp.Expr:
    """Snowflake also reads `yes`, `on` and `1`."""
    return call("sf_try_boolean" if tolerant else "sf_boolean", value)


def _zoned(value: exp.Expr, found: SqlType, *, tolerant: bool) -> exp.Expr:
    """Read an instant as naive UTC."""
    if found.kind in MOMENTS:
        return typed(cast(value, "TIMESTAMP"), TIMESTAMP)
    if found.kind == Kind.NUMBER:
        return typed(call("sf_epoch", value), TIMESTAMP)
    source = as_text(value) if found.is_document else value
    name = "sf_try_instant" if tolerant else "sf_instant"
    return typed(call(name, source), TIMESTAMP)


def _moment(value: exp.Expr, found: SqlType, kind: Kind, *, tolerant: bool) -> exp.Expr:
    name = "TIMESTAMP" if kind == Kind.TIMESTAMP else "DATE"
    if found.kind in MOMENTS or (isinstance(value, exp.Literal) and value.is_string):
        return typed((try_cast if tolerant else cast)(value, name), SqlType(kind=kind))
    if found.kind == Kind.NUMBER and not found.loose:
        made: exp.Expr = call("sf_epoch", value)
    else:
        made = call("sf_try_timestamp" if tolerant else "sf_timestamp", as_text(value))
    return typed(made if kind == Kind.TIMESTAMP else cast(made, "DATE"), SqlType(kind=kind))
