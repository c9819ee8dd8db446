"""Snowflake's functions over numbers and truth values, and aggregates that SQLGlot has no word for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect import casts
from runner.lake.dialect.function_row import Function, boolean, number, raw
from runner.lake.dialect.places import refusal
from runner.lake.dialect.sql_types import BOOLEAN, NUMBER
from runner.lake.dialect.trees import data_type

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESTIMATES = "{} estimates by another method than Snowflake's"


def _to_number(arguments: list[exp.Expr], kind: type[exp.Cast]) -> exp.Expr:
    """TO_NUMBER(value [, format] [, precision [, scale]])."""
    value, *rest = arguments
    if any(isinstance(argument, exp.Literal) and argument.is_string for argument in rest):
        raise refusal("formats of numbers are not supported", rest[0])
    if not rest:
        return casts.cast_of(kind, value, data_type("BIGINT"))
    scale = rest[1].name if len(rest) > 1 else "0"
    return casts.cast_of(kind, value, data_type(f"DECIMAL({rest[0].name}, {scale})"))


_TO_NUMBER = Function(takes=(raw,), write=lambda a: _to_number(a, exp.Cast), result=NUMBER, most=4)
_TRY_TO_NUMBER = Function(takes=(raw,), write=lambda a: _to_number(a, exp.TryCast), result=NUMBER, most=4)

ROWS: Mapping[str, Function] = {
    **dict.fromkeys(("TO_NUMBER", "TO_DECIMAL", "TO_NUMERIC"), _TO_NUMBER),
    **dict.fromkeys(("TRY_TO_NUMBER", "TRY_TO_DECIMAL", "TRY_TO_NUMERIC"), _TRY_TO_NUMBER),
    "TO_DOUBLE": Function(
        takes=(raw,), write=lambda a: casts.cast_of(exp.Cast, a[0], data_type("DOUBLE")), result=NUMBER
    ),
    "TRY_TO_DOUBLE": Function(
        takes=(raw,), write=lambda a: casts.cast_of(exp.TryCast, a[0], data_type("DOUBLE")), result=NUMBER
    ),
    "TO_BOOLEAN": Function(
        takes=(raw,), write=lambda a: casts.cast_of(exp.Cast, a[0], data_type("BOOLEAN")), result=BOOLEAN
    ),
    "TRY_TO_BOOLEAN": Function(
        takes=(raw,), write=lambda a: casts.cast_of(exp.TryCast, a[0], data_type("BOOLEAN")), result=BOOLEAN
    ),
    "BOOLAND": Function(takes=(boolean,), write="_1 AND _2", result=BOOLEAN, least=2, most=2),
    "BOOLOR": Function(takes=(boolean,), write="_1 OR _2", result=BOOLEAN, least=2, most=2),
    "BOOLXOR": Function(takes=(boolean,), write="_1 <> _2", result=BOOLEAN, least=2, most=2),
    "BOOLNOT": Function(takes=(boolean,), write="NOT _1", result=BOOLEAN),
    "HAVERSINE": Function(
        takes=(number,),
        write="""2 * 6371 * asin(sqrt(
            power(sin(radians(_3 - _1) / 2), 2)
            + cos(radians(_1)) * cos(radians(_3)) * power(sin(radians(_4 - _2) / 2), 2)))""",
        result=NUMBER,
        least=4,
        most=4,
    ),
    "SQUARE": Function(takes=(number,), write="_1 * _1", result=NUMBER),
    "WIDTH_BUCKET": Function(
        takes=(number,),
        write="""CASE WHEN _1 < _2 THEN 0 WHEN _1 >= _3 THEN _4 + 1
            ELSE CAST(floor((_1 - _2) * _4 / (_3 - _2)) AS BIGINT) + 1 END""",
        result=NUMBER,
        least=4,
        most=4,
    ),
    "HLL": Function(
        takes=(raw,),
        write="approx_count_distinct(_1)",
        result=NUMBER,
        approximate=_ESTIMATES.format("HLL()"),
    ),
    "BITAND_AGG": Function(takes=(number,), write="bit_and(CAST(_1 AS BIGINT))", result=NUMBER),
    "BITOR_AGG": Function(takes=(number,), write="bit_or(CAST(_1 AS BIGINT))", result=NUMBER),
    "BITXOR_AGG": Function(takes=(number,), write="bit_xor(CAST(_1 AS BIGINT))", result=NUMBER),
}
"""Name → row."""
