"""Paths into documents: `col:a.b[0]`, read by whatever the lake stores the document as.

A field of a STRUCT costs a hundredth of a path through JSON, so every step is taken in the type that it finds.
A step that the type shows to lead nowhere is NULL, as a missing key is in Snowflake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect.coercion import as_json, coerce
from runner.lake.dialect.sql_types import JSON, VARIANT, Kind
from runner.lake.dialect.trees import call, cast, null, number, text, try_cast, type_of, typed, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.lake.dialect.sql_types import SqlType

    Step = str | int | exp.Expr


def steps_of(node: exp.Expr) -> tuple[exp.Expr, list[Step]]:
    """Take a path apart: what it starts from, and its steps from there."""
    steps: list[Step] = []
    while True:
        if isinstance(node, exp.JSONExtract) and isinstance(node.expression, exp.JSONPath):
            steps = [*_of_json_path(node.expression), *steps]
        elif isinstance(node, exp.Bracket) and len(node.expressions) == 1:
            steps = [_of_subscript(node.expressions[0]), *steps]
        elif isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
            steps = [node.expression.name, *steps]
        elif not (isinstance(node, exp.Paren) and isinstance(node.this, exp.JSONExtract | exp.Bracket)):
            return node, steps
        node = node.this


def is_path(node: exp.Expr) -> bool:
    """Tell whether a node is a step into a document."""
    return isinstance(node, exp.JSONExtract | exp.Bracket | exp.Dot) and bool(steps_of(node)[1])


def _of_json_path(path: exp.JSONPath) -> list[Step]:
    steps: list[Step] = []
    for part in path.expressions:
        if isinstance(part, exp.JSONPathKey):
            steps.append(str(part.this))
        elif isinstance(part, exp.JSONPathSubscript):
            steps.append(int(part.this) if str(part.this).lstrip("-").isdigit() else str(part.this))
    return steps


def _of_subscript(subscript: exp.Expr) -> Step:
    if isinstance(subscript, exp.Literal):
        return subscript.name if subscript.is_string else int(float(subscript.name))
    if isinstance(subscript, exp.Neg) and isinstance(subscript.this, exp.Literal):
        return -int(float(subscript.this.name))
    return subscript


def walk(node: exp.Expr, steps: Sequence[Step]) -> exp.Expr:
    """Follow steps from an expression of known type; returns the value there, typed."""
    for place, step in enumerate(steps):
        if _is_json(type_of(node)):
            return _through_json(node, steps[place:])
        node = _STEPS.get(type_of(node).kind, _into_nothing)(node, step)
    return typed(node, type_of(node).out_of_document())


def _is_json(type_: SqlType) -> bool:
    return type_.kind in {Kind.JSON, Kind.TEXT}


def _through_json(node: exp.Expr, steps: Sequence[Step]) -> exp.Expr:
    """Hand the rest of a path to one call, as long as its steps are written out."""
    source = node if type_of(node).kind == Kind.JSON else try_cast(node, "JSON")
    written = next((place for place, step in enumerate(steps) if isinstance(step, exp.Expr)), len(steps))
    if written:
        path = "$" + "".join(_json_step(step) for step in steps[:written])
        source = typed(call("json_extract", source, text(path)), JSON)
    if written == len(steps):
        return source
    found = typed(call("json_extract", source, _written_step(steps[written])), JSON)
    return _through_json(found, steps[written + 1 :]) if steps[written + 1 :] else found


def _json_step(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]" if step >= 0 else '."\\u0000"'  # no array has a place before its first
    escaped = str(step).replace("\\", "\\\\").replace('"', '\\"')
    return f'."{escaped}"'


def _written_step(step: Step) -> exp.Expr:
    """Write a step that is computed for each row as a JSON path."""
    if not isinstance(step, exp.Expr):
        return text("$" + _json_step(step))
    if type_of(step).kind == Kind.NUMBER:
        return call("sf_index_path", step)
    if type_of(step).is_document:
        return call("sf_step_path", as_json(step))
    return call("sf_key_path", coerce(step, Kind.TEXT))


def _into_struct(node: exp.Expr, step: Step) -> exp.Expr:
    if isinstance(step, exp.Expr):
        return _through_json(as_json(node), [step])
    field = type_of(node).field(step) if isinstance(step, str) else None
    if field is None:
        return null()
    inside = _kept_whole(node) if _is_field_of_column(node) else wrapped(node)
    return typed(exp.Bracket(this=inside, expressions=[text(str(step))]), field)


def _is_field_of_column(node: exp.Expr) -> bool:
    return isinstance(node, exp.Bracket) and isinstance(node.this.unnest(), exp.Column)


def _kept_whole(node: exp.Expr) -> exp.Expr:
    """Let DuckDB read an object within an object whole.

    Left alone, it reads only the field inside, and breaks (2.0.0: the whole database) where a file has no such object.
    """
    return exp.Coalesce(this=node, expressions=[exp.Null()])


def _into_list(node: exp.Expr, step: Step) -> exp.Expr:
    item = type_of(node).item or VARIANT
    if isinstance(step, exp.Expr):
        if type_of(step).kind == Kind.TEXT:
            return null()  # a key, and an array has none
        place = exp.Add(this=_place(step), expression=number(1))
        return typed(call("sf_element", node, place), item)
    if not isinstance(step, int) or step < 0:
        return null()
    return typed(call("list_extract", node, number(step + 1)), item)


def _place(step: exp.Expr) -> exp.Expr:
    if type_of(step).is_document:
        return try_cast(coerce(step, Kind.TEXT), "bigint")
    return cast(wrapped(step), "bigint")


def _into_map(node: exp.Expr, step: Step) -> exp.Expr:
    key = coerce(step, Kind.TEXT) if isinstance(step, exp.Expr) else text(str(step))
    return typed(call("map_extract_value", node, key), type_of(node).item or VARIANT)


def _into_variant(node: exp.Expr, step: Step) -> exp.Expr:
    if isinstance(step, exp.Expr):
        return _through_json(as_json(node), [step])
    if isinstance(step, int):
        # DuckDB's VARIANT counts from one
        return typed(call("variant_extract", node, number(step + 1)), VARIANT) if step >= 0 else null()
    return typed(exp.Bracket(this=wrapped(node), expressions=[text(step)]), VARIANT)


def _into_unknown(node: exp.Expr, step: Step) -> exp.Expr:
    return _into_variant(typed(cast(wrapped(node), "variant"), VARIANT), step)


def _into_nothing(_: exp.Expr, __: Step) -> exp.Expr:
    return null()


_STEPS = {
    Kind.STRUCT: _into_struct,
    Kind.LIST: _into_list,
    Kind.MAP: _into_map,
    Kind.VARIANT: _into_variant,
    Kind.UNKNOWN: _into_unknown,
}
