"""Snowflake's conversions from and to times. All times are naive and in UTC."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake

from runner.lake.dialect import casts
from runner.lake.dialect.coercion import as_text, coerce
from runner.lake.dialect.function_row import Function, raw, text
from runner.lake.dialect.places import refusal
from runner.lake.dialect.sql_types import DATE, MOMENTS, TEXT, TIME, TIMESTAMP, Kind
from runner.lake.dialect.trees import call, cast, data_type, filled, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def _convert(arguments: list[exp.Expr], *, to: str, kind: type[exp.Cast]) -> exp.Expr:
    """TO_TIMESTAMP and its like: of a text, a number of seconds, or a number and its scale; a text and its format."""
    value, *rest = arguments
    if rest and isinstance(rest[0], exp.Literal) and not rest[0].is_string:
        return _scaled(value, rest[0], to)
    if rest and rest[0].name.upper() != "AUTO":
        return _parsed(value, rest[0], to=to, tolerant=kind is exp.TryCast)
    if type_of(value).kind == Kind.TEXT and to in {"TIMESTAMP", "DATE"}:
        tolerant = kind is exp.TryCast or type_of(value).loose
        moment = call("sf_try_timestamp" if tolerant else "sf_timestamp", value)
        return moment if to == "TIMESTAMP" else cast(moment, to)
    return casts.cast_of(kind, value, data_type(to))


def _scaled(value: exp.Expr, scale: exp.Expr, to: str) -> exp.Expr:
    """Read a number of seconds (scale 0), milliseconds (3), microseconds (6) or nanoseconds (9)."""
    factor = 10 ** (6 - int(scale.name)) if int(scale.name) <= 6 else 10 ** (int(scale.name) - 6)  # noqa: PLR2004  DuckDB counts microseconds
    operator = "*" if int(scale.name) <= 6 else "//"  # noqa: PLR2004  as above
    moment = filled(f"make_timestamp(CAST(_1 {operator} {factor} AS BIGINT))", [coerce(value, Kind.NUMBER)])
    return moment if to != "DATE" else cast(moment, to)


def _parsed(value: exp.Expr, format_: exp.Expr, *, to: str, tolerant: bool) -> exp.Expr:
    function = "try_strptime" if tolerant or type_of(value).loose else "strptime"
    moment = call(function, as_text(value), _format(format_))
    return moment if to == "TIMESTAMP" else cast(moment, to.removesuffix("TZ"))


def _format(written: exp.Expr) -> exp.Expr:
    if not isinstance(written, exp.Literal):
        raise refusal("a format of times has to be written out", written)
    read = Snowflake.format_time(written)
    return exp.Literal.string(read.name if read is not None else written.name)


def _to_text(arguments: list[exp.Expr]) -> exp.Expr:
    """TO_CHAR of any value; a format only for times."""
    value, *rest = arguments
    if not rest:
        return as_text(value)
    if type_of(value).is_dynamic:
        value = coerce(value, Kind.TIMESTAMP)
    if type_of(value).kind not in MOMENTS | {Kind.UNKNOWN, Kind.TIME}:
        raise refusal("formats of numbers are not supported", rest[0])
    return call("strftime", value, _format(rest[0]))


def _to_time(arguments: list[exp.Expr], *, kind: type[exp.Cast]) -> exp.Expr:
    return casts.cast_of(kind, arguments[0], data_type("TIME"))


def _zone(arguments: list[exp.Expr]) -> exp.Expr:
    """CONVERT_TIMEZONE([from,] to, time): the wall clock of another zone; without `from`, the time is UTC."""
    from_ = arguments[0] if len(arguments) > 2 else exp.Literal.string("UTC")  # noqa: PLR2004  with two, `from` is left out
    moment = coerce(arguments[-1], Kind.TIMESTAMP)
    return filled("timezone(_1, timezone(_2, CAST(_3 AS TIMESTAMP)))", [arguments[-2], from_, moment])


def _conversion(to: str, kind: type[exp.Cast]) -> Function:
    result = {"DATE": DATE}.get(to, TIMESTAMP)
    return Function(takes=(raw, raw), write=partial(_convert, to=to, kind=kind), result=result)


_ZONES = ("TIMESTAMP_LTZ", "TIMESTAMP_TZ")

ROWS: Mapping[str, Function] = {
    **dict.fromkeys(("TO_TIMESTAMP", "TO_TIMESTAMP_NTZ"), _conversion("TIMESTAMP", exp.Cast)),
    **dict.fromkeys(("TRY_TO_TIMESTAMP", "TRY_TO_TIMESTAMP_NTZ"), _conversion("TIMESTAMP", exp.TryCast)),
    **{f"TO_{zone}": _conversion("TIMESTAMPTZ", exp.Cast) for zone in _ZONES},
    **{f"TRY_TO_{zone}": _conversion("TIMESTAMPTZ", exp.TryCast) for zone in _ZONES},
    **dict.fromkeys(("TO_DATE", "DATE"), _conversion("DATE", exp.Cast)),
    "TRY_TO_DATE": _conversion("DATE", exp.TryCast),
    "TIME": Function(takes=(raw,), write=partial(_to_time, kind=exp.Cast), result=TIME),
    "TO_TIME": Function(takes=(raw,), write=partial(_to_time, kind=exp.Cast), result=TIME),
    "TRY_TO_TIME": Function(takes=(raw,), write=partial(_to_time, kind=exp.TryCast), result=TIME),
    **dict.fromkeys(("TO_CHAR", "TO_VARCHAR"), Function(takes=(raw, raw), write=_to_text, result=TEXT)),
    "CONVERT_TIMEZONE": Function(takes=(text, raw, raw), write=_zone, result=TIMESTAMP, least=2, most=3),
}
"""Name → row."""
