"""Snowflake's functions over VARIANT, OBJECT and ARRAY."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect import paths
from runner.lake.dialect.coercion import as_json
from runner.lake.dialect.function_row import (
    Function,
    array,
    boolean,
    json,
    number,
    raw,
    text,
    variant,
    variants,
)
from runner.lake.dialect.sql_types import (
    BOOLEAN,
    DATE,
    JSON,
    NUMBER,
    TEXT,
    TIMESTAMP,
    VARIANT,
    Kind,
    SqlType,
    list_of,
)
from runner.lake.dialect.trees import call, try_cast, type_of, typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VARIANTS = list_of(VARIANT)


def _same_list(types: Sequence[SqlType]) -> SqlType:
    return types[0] if types and types[0].kind == Kind.LIST else _VARIANTS


def _get(arguments: list[exp.Expr]) -> exp.Expr:
    """GET(value, index or key): one step of a path."""
    value, step = arguments
    if isinstance(step, exp.Literal):
        found = paths.walk(value, [step.name if step.is_string else int(step.name)])
    else:
        found = paths.walk(value, [step])
    return as_json(found) if type_of(value).kind in {Kind.STRUCT, Kind.VARIANT} else found


def _result_of_get(types: Sequence[SqlType]) -> SqlType:
    value = types[0]
    if value.kind == Kind.LIST and value.item is not None:
        return value.item
    return JSON if value.kind in {Kind.JSON, Kind.STRUCT, Kind.VARIANT, Kind.TEXT} else VARIANT


def _object(arguments: list[exp.Expr]) -> exp.Expr:
    """OBJECT_CONSTRUCT leaves out what is NULL."""
    return call("sf_object", _object_keeping_null(arguments))


def _object_keeping_null(arguments: list[exp.Expr]) -> exp.Expr:
    return call(
        "json_object",
        *(as_json(one) if type_of(one).kind == Kind.TIMESTAMP else one for one in arguments),
    )


def _is_type(*names: str) -> Function:
    listed = ", ".join(f"'{name}'" for name in names)
    return Function(takes=(json,), write=f"coalesce(sf_typeof(_1) IN ({listed}), false)", result=BOOLEAN)


def _as_type(names: str, type_: str, result: SqlType) -> Function:
    return Function(
        takes=(json,),
        write=f"CASE WHEN sf_typeof(_1) IN ({names}) THEN TRY_CAST(json_extract_string(_1, '$') AS {type_}) END",
        result=result,
    )


def _insert(arguments: list[exp.Expr]) -> exp.Expr:
    value, key, new = arguments[:3]
    added = call("sf_object", call("json_object", key, as_json(new)))
    return call("json_merge_patch", value, added)


def _parsed(node: exp.Expr) -> exp.Expr:
    """PARSE_JSON of what is a document already is that document."""
    if type_of(node).is_document:
        return as_json(node)
    return typed(try_cast(node, "JSON"), JSON)


def _aggregated(arguments: list[exp.Expr]) -> exp.Expr:
    key, value = arguments
    return exp.cast(
        exp.Anonymous(this="json_group_object", expressions=[key, as_json(value)]), "json", dialect="duckdb"
    )


_ARRAYS = {
    "ARRAY_CONSTRUCT": Function(
        takes=(variant,), write=lambda items: call("list_value", *items), result=_VARIANTS, least=0, most=-1
    ),
    "ARRAY_CONSTRUCT_COMPACT": Function(
        takes=(variant,),
        write=lambda items: call("sf_array_compact", call("list_value", *items)),
        result=_VARIANTS,
        least=0,
        most=-1,
    ),
    "ARRAY_SIZE": Function(takes=(array,), write="len(_1)", result=NUMBER),
    "ARRAY_CONTAINS": Function(
        takes=(variant, variant), write="sf_array_contains(_1, _2)", result=BOOLEAN, least=2
    ),
    "ARRAY_POSITION": Function(
        takes=(variant, variant), write="sf_array_position(_1, _2)", result=NUMBER, least=2
    ),
    "ARRAYS_OVERLAP": Function(
        takes=(variant, variant), write="sf_arrays_overlap(_1, _2)", result=BOOLEAN, least=2
    ),
    "ARRAY_INTERSECTION": Function(
        takes=(variant, variant), write="sf_array_intersection(_1, _2)", result=_VARIANTS, least=2
    ),
    "ARRAY_EXCEPT": Function(
        takes=(variant, variant), write="sf_array_except(_1, _2)", result=_VARIANTS, least=2
    ),
    "ARRAY_DISTINCT": Function(takes=(variant,), write="sf_array_distinct(_1)", result=_VARIANTS),
    "ARRAY_COMPACT": Function(
        takes=(array,), write="list_filter(_1, lambda e : e IS NOT NULL)", result=_same_list
    ),
    "ARRAY_CAT": Function(
        takes=(variants,),
        write="CASE WHEN _1 IS NOT NULL AND _2 IS NOT NULL THEN list_concat(_1, _2) END",
        result=_VARIANTS,
        least=2,
        most=2,
    ),
    "ARRAY_APPEND": Function(
        takes=(variants, variant),
        write="CASE WHEN _1 IS NOT NULL THEN list_append(_1, _2) END",
        result=_VARIANTS,
        least=2,
    ),
    "ARRAY_PREPEND": Function(
        takes=(variants, variant),
        write="CASE WHEN _1 IS NOT NULL THEN list_prepend(_2, _1) END",
        result=_VARIANTS,
        least=2,
    ),
    "ARRAY_INSERT": Function(
        takes=(variants, number, variant), write="sf_array_insert(_1, _2, _3)", result=_VARIANTS, least=3
    ),
    "ARRAY_REMOVE": Function(
        takes=(variant, variant), write="sf_array_remove(_1, _2)", result=_VARIANTS, least=2
    ),
    "ARRAY_REMOVE_AT": Function(
        takes=(variant, number), write="sf_array_remove_at(_1, _2)", result=_VARIANTS, least=2
    ),
    "ARRAY_SLICE": Function(
        takes=(array, number, number), write="sf_slice(_1, _2, _3)", result=_same_list, least=3
    ),
    "ARRAY_SORT": Function(
        takes=(array, boolean, boolean),
        write={
            1: "list_sort(_1, 'ASC', 'NULLS LAST')",
            2: "CASE WHEN _2 THEN list_sort(_1, 'ASC', 'NULLS LAST') ELSE list_sort(_1, 'DESC', 'NULLS FIRST') END",
            3: """CASE WHEN _2 AND _3 THEN list_sort(_1, 'ASC', 'NULLS FIRST')
                WHEN _2 THEN list_sort(_1, 'ASC', 'NULLS LAST')
                WHEN _3 THEN list_sort(_1, 'DESC', 'NULLS FIRST') ELSE list_sort(_1, 'DESC', 'NULLS LAST') END""",
        },
        result=_same_list,
    ),
    "ARRAY_REVERSE": Function(takes=(array,), write="list_reverse(_1)", result=_same_list),
    "ARRAY_TO_STRING": Function(
        takes=(variant, text), write="sf_array_to_string(_1, _2)", result=TEXT, least=2
    ),
    "ARRAY_FLATTEN": Function(takes=(variant,), write="sf_array_flatten(_1)", result=_VARIANTS),
    "ARRAY_MIN": Function(takes=(array,), write="list_min(_1)", result=VARIANT),
    "ARRAY_MAX": Function(takes=(array,), write="list_max(_1)", result=VARIANT),
    "ARRAY_GENERATE_RANGE": Function(
        takes=(number,),
        write={
            2: "range(CAST(_1 AS BIGINT), CAST(_2 AS BIGINT))",
            3: "range(CAST(_1 AS BIGINT), CAST(_2 AS BIGINT), CAST(_3 AS BIGINT))",
        },
        result=list_of(NUMBER),
    ),
    "ARRAYS_ZIP": Function(takes=(array,), write="list_zip(_1, _2)", result=_VARIANTS, least=2, most=2),
    "TO_ARRAY": Function(
        takes=(variant,),
        write="coalesce(sf_list(_1), CASE WHEN _1 IS NOT NULL THEN [_1] END)",
        result=_VARIANTS,
    ),
    "AS_ARRAY": Function(takes=(variant,), write="sf_list(_1)", result=_VARIANTS),
    "STRTOK_TO_ARRAY": Function(
        takes=(text, text),
        write={
            1: "list_filter(string_split(_1, ' '), lambda p : p <> '')",
            2: "list_filter(regexp_split_to_array(_1, '[' || regexp_escape(_2) || ']'), lambda p : p <> '')",
        },
        result=list_of(TEXT),
    ),
}

_OBJECTS = {
    "OBJECT_CONSTRUCT": Function(takes=(raw,), write=_object, result=JSON, least=0, most=-1),
    "OBJECT_CONSTRUCT_KEEP_NULL": Function(
        takes=(raw,), write=_object_keeping_null, result=JSON, least=0, most=-1
    ),
    "OBJECT_KEYS": Function(takes=(json,), write="sf_object_keys(_1)", result=list_of(TEXT)),
    "OBJECT_INSERT": Function(takes=(json, text, json, raw), write=_insert, result=JSON, least=3),
    "OBJECT_DELETE": Function(
        takes=(json, text),
        write=lambda items: call("sf_object_delete", items[0], call("list_value", *items[1:])),
        result=JSON,
        least=2,
        most=-1,
    ),
    "OBJECT_PICK": Function(
        takes=(json, text),
        write=lambda items: call("sf_object_pick", items[0], call("list_value", *items[1:])),
        result=JSON,
        least=2,
        most=-1,
    ),
    "OBJECT_AGG": Function(takes=(text, json), write=_aggregated, result=JSON, least=2),
    "GET": Function(takes=(raw, raw), write=_get, result=_result_of_get, least=2),
    "GET_IGNORE_CASE": Function(takes=(json, text), write="sf_get_ignore_case(_1, _2)", result=JSON, least=2),
    "TO_OBJECT": Function(takes=(json,), write="CASE WHEN json_type(_1) = 'OBJECT' THEN _1 END", result=JSON),
    "AS_OBJECT": Function(takes=(json,), write="CASE WHEN json_type(_1) = 'OBJECT' THEN _1 END", result=JSON),
    "STRIP_NULL_VALUE": Function(
        takes=(json,), write="CASE WHEN json_type(_1) <> 'NULL' THEN _1 END", result=JSON
    ),
}

_VALUES = {
    "PARSE_JSON": Function(takes=(_parsed,), write="_1", result=JSON),
    "TRY_PARSE_JSON": Function(takes=(_parsed,), write="_1", result=JSON),
    "CHECK_JSON": Function(
        takes=(text,), write="CASE WHEN NOT json_valid(_1) THEN 'Error parsing JSON' END", result=TEXT
    ),
    "TO_JSON": Function(takes=(json,), write="CAST(_1 AS VARCHAR)", result=TEXT),
    "TO_VARIANT": Function(takes=(variant,), write="_1", result=VARIANT),
    "JSON_EXTRACT_PATH_TEXT": Function(
        takes=(_parsed, text),
        write="json_extract_string(_1, CASE WHEN starts_with(_2, '[') THEN '$' ELSE '$.' END || _2)",
        result=TEXT,
        least=2,
    ),
    "TYPEOF": Function(takes=(json,), write="sf_typeof(_1)", result=TEXT),
    "IS_NULL_VALUE": Function(takes=(json,), write="json_type(_1) = 'NULL'", result=BOOLEAN),
    "IS_ARRAY": _is_type("ARRAY"),
    "IS_OBJECT": _is_type("OBJECT"),
    "IS_VARCHAR": _is_type("VARCHAR"),
    "IS_CHAR": _is_type("VARCHAR"),
    "IS_BOOLEAN": _is_type("BOOLEAN"),
    "IS_INTEGER": _is_type("INTEGER"),
    "IS_DECIMAL": _is_type("INTEGER", "DECIMAL"),
    "IS_DOUBLE": _is_type("INTEGER", "DECIMAL", "DOUBLE"),
    "IS_REAL": _is_type("INTEGER", "DECIMAL", "DOUBLE"),
    "AS_VARCHAR": _as_type("'VARCHAR'", "VARCHAR", TEXT),
    "AS_CHAR": _as_type("'VARCHAR'", "VARCHAR", TEXT),
    "AS_BOOLEAN": _as_type("'BOOLEAN'", "BOOLEAN", BOOLEAN),
    "AS_INTEGER": _as_type("'INTEGER'", "BIGINT", NUMBER),
    "AS_DECIMAL": _as_type("'INTEGER', 'DECIMAL'", "DOUBLE", NUMBER),
    "AS_NUMBER": _as_type("'INTEGER', 'DECIMAL'", "DOUBLE", NUMBER),
    "AS_DOUBLE": _as_type("'INTEGER', 'DECIMAL'", "DOUBLE", NUMBER),
    "AS_REAL": _as_type("'INTEGER', 'DECIMAL'", "DOUBLE", NUMBER),
    "AS_DATE": _as_type("'VARCHAR'", "DATE", DATE),
    "AS_TIMESTAMP_NTZ": _as_type("'VARCHAR'", "TIMESTAMP", TIMESTAMP),
}

ROWS: Mapping[str, Function] = {**_ARRAYS, **_OBJECTS, **_VALUES}
"""Name → row."""
