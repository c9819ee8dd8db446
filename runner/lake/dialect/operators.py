"""Operators and the forms that are no function calls: comparisons, logic, arithmetic, CASE, aggregation's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect.coercion import (
    as_key,
    as_text,
    as_variant,
    canonical,
    meet,
    meet_all,
    put_coerced,
    unify,
)
from runner.lake.dialect.sql_types import (
    BOOLEAN,
    DATE,
    INTERVAL,
    JSON,
    MOMENTS,
    NUMBER,
    TEXT,
    TIMESTAMP,
    VARIANT,
    Kind,
    list_of,
)
from runner.lake.dialect.trees import call, cast, put, type_of, typed, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.lake.dialect.sql_types import SqlType

    Rule = Callable[[exp.Expr], exp.Expr]


def _compare(node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.expression
    if isinstance(right, exp.All | exp.Any):
        _compare_with_any(left, right)
    elif isinstance(node, _EQUALITIES) and _are_documents(left, right):
        put(left, as_key)
        put(right, as_key)
    else:
        meet(node.this, right)
    return typed(node, BOOLEAN)


_EQUALITIES = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.EqualNull)


def _are_documents(left: exp.Expr, right: exp.Expr) -> bool:
    """Tell whether both may be objects or anything; two native lists are compared as they are."""
    one, other = type_of(left), type_of(right)
    both_lists = one.kind == other.kind == Kind.LIST and one.item == other.item
    return one.is_document and other.is_document and not both_lists


def _compare_with_any(left: exp.Expr, any_: exp.Expr) -> None:
    """`= ANY (…)`: only the left side can be cast where the right one is a subquery."""
    wanted = type_of(any_.this)
    if wanted.is_scalar and type_of(left).kind != wanted.kind:
        put_coerced(left, wanted.kind)
    elif wanted.is_document:
        put(left, canonical)


def _between(node: exp.Expr) -> exp.Expr:
    meet_all(node.this, [node.args["low"], node.args["high"]])
    return typed(node, BOOLEAN)


def _in(node: exp.Expr) -> exp.Expr:
    query = node.args.get("query")
    if query is None and isinstance(node.this, exp.Tuple):
        for place, part in enumerate(node.this.expressions):
            meet_all(part, [row.expressions[place] for row in node.expressions if isinstance(row, exp.Tuple)])
    elif query is None:
        meet_all(node.this, node.expressions)
    else:
        wanted = type_of(query)
        if wanted.is_scalar and type_of(node.this).kind != wanted.kind:
            put_coerced(node.this, wanted.kind)
        elif wanted.is_document:
            put(node.this, canonical)
    return typed(node, BOOLEAN)


def _is(node: exp.Expr) -> exp.Expr:
    """Count a JSON null as NULL; in Snowflake it is not until it is cast."""
    if type_of(node.this).kind == Kind.JSON:
        put(node.this, as_text)
    elif isinstance(node.expression, exp.Boolean):
        put_coerced(node.this, Kind.BOOLEAN)
    return typed(node, BOOLEAN)


def _like(node: exp.Expr) -> exp.Expr:
    put_coerced(node.this, Kind.TEXT)
    pattern = node.expression
    if isinstance(pattern, exp.Any | exp.All):
        inner = pattern.this
        for item in inner.expressions if isinstance(inner, exp.Tuple) else [inner.this]:
            put_coerced(item, Kind.TEXT)
    elif not isinstance(pattern, exp.Escape):
        put_coerced(pattern, Kind.TEXT)
    return typed(node, BOOLEAN)


def _logic(node: exp.Expr) -> exp.Expr:
    for key in ("this", "expression"):
        side = node.args.get(key)
        if isinstance(side, exp.Expr):
            put_coerced(side, Kind.BOOLEAN)
    return typed(node, BOOLEAN)


def _condition(node: exp.Expr) -> exp.Expr:
    put_coerced(node.this, Kind.BOOLEAN)
    return node


def _arithmetic(node: exp.Expr) -> exp.Expr:
    left, right = type_of(node.this), type_of(node.expression)
    if {left.kind, right.kind} & (MOMENTS | {Kind.TIME, Kind.INTERVAL}):
        return _time_arithmetic(node, left, right)
    for side in (node.this, node.expression):
        if type_of(side).is_document or type_of(side).kind == Kind.TEXT:
            put_coerced(side, Kind.NUMBER)
    return typed(node, NUMBER)


def _time_arithmetic(node: exp.Expr, left: SqlType, right: SqlType) -> exp.Expr:
    if left.kind == right.kind == Kind.INTERVAL:
        return typed(node, INTERVAL)
    moment, other = (left, right) if left.kind in MOMENTS else (right, left)
    if moment.kind in MOMENTS and other.kind in MOMENTS:
        return typed(node, NUMBER if left.kind == right.kind == Kind.DATE else INTERVAL)
    if moment.kind == Kind.TIMESTAMP and other.kind == Kind.NUMBER:
        days = node.expression if moment is left else node.this
        put(days, lambda old: call("to_days", cast(wrapped(old), "int")))
        return typed(node, TIMESTAMP)
    if other.is_document or other.kind == Kind.TEXT:
        put_coerced(node.this if other is left else node.expression, Kind.TIMESTAMP)
        return typed(node, TIMESTAMP)
    return typed(node, TIMESTAMP if other.kind == Kind.INTERVAL else moment)


def _negative(node: exp.Expr) -> exp.Expr:
    put_coerced(node.this, Kind.NUMBER)
    return typed(node, NUMBER)


def _concatenation(node: exp.Expr) -> exp.Expr:
    for side in (node.this, node.expression):
        put_coerced(side, Kind.TEXT)
    return typed(node, TEXT)


def _if(node: exp.Expr) -> exp.Expr:
    if isinstance(node.parent, exp.Case):
        if node.parent.this is None:
            put_coerced(node.this, Kind.BOOLEAN)
        return node
    put_coerced(node.this, Kind.BOOLEAN)
    branches = [node.args.get("true"), node.args.get("false")]
    return typed(node, unify([branch for branch in branches if branch is not None]))


def _case(node: exp.Expr) -> exp.Expr:
    branches = node.args["ifs"]
    if node.this is not None:
        meet_all(node.this, [branch.this for branch in branches])
    results = [branch.args["true"] for branch in branches]
    default = node.args.get("default")
    return typed(node, unify([*results, *([default] if default is not None else [])]))


def _same(node: exp.Expr) -> exp.Expr:
    return typed(node, type_of(node.this))


def _nullif(node: exp.Expr) -> exp.Expr:
    before = type_of(node.this)
    if before.is_document and type_of(node.expression).is_scalar:
        put_coerced(node.this, type_of(node.expression).kind)
    else:
        meet(node.this, node.expression)
    return typed(node, type_of(node.this))


def _coalesce(node: exp.Expr) -> exp.Expr:
    return typed(node, unify([node.this, *node.expressions]))


def materialised(node: exp.Expr) -> exp.Expr:
    """Make VARIANT of a value out of JSON that is to be sorted, grouped or handed on, and not a piece of JSON text."""
    inner = node
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if type_of(inner).kind == Kind.JSON and not isinstance(inner, exp.Column):
        return as_variant(node)
    return canonical(node) if _is_read_from_variant(inner) else node


def grouped(node: exp.Expr) -> exp.Expr:
    """Make a key to partition or tell apart by: equal values have to be one."""
    is_column = isinstance(node, exp.Column) and type_of(node).kind == Kind.VARIANT
    return canonical(node) if is_column else materialised(node)


def _is_read_from_variant(node: exp.Expr) -> bool:
    """Tell whether a value comes as it lies in a file."""
    is_step = isinstance(node, exp.Bracket) or (
        isinstance(node, exp.Anonymous) and node.name == "variant_extract"
    )
    return is_step and type_of(node).kind == Kind.VARIANT


def _materialise_this(node: exp.Expr) -> exp.Expr:
    if isinstance(node.this, exp.Expr):
        put(node.this, materialised)
        return typed(node, type_of(node.this))
    return node


def _mode(node: exp.Expr) -> exp.Expr:
    """Count documents as JSON text: DuckDB's MODE takes equal VARIANTs for different ones."""
    if not type_of(node.this).is_document:
        return typed(node, type_of(node.this))
    put(node.this, as_key)
    return put(node, lambda old: typed(cast(old, "json"), JSON))


def _approximate_count(node: exp.Expr) -> exp.Expr:
    if type_of(node.this).is_document:
        put(node.this, as_key)
    return typed(node, NUMBER)


def _ordered(node: exp.Expr) -> exp.Expr:
    """Sort by values; within LISTAGG by the text that it joins."""
    order = node.parent
    if order is not None and isinstance(order.parent, exp.GroupConcat) and type_of(node.this).is_document:
        put(node.this, lambda key: as_text(materialised(key)))
    return _materialise_this(node)


def _materialise_all(node: exp.Expr) -> exp.Expr:
    for item in list(node.expressions):
        put(item, grouped)
    return typed(node, type_of(node.expressions[0])) if node.expressions else node


def _collecting(node: exp.Expr) -> exp.Expr:
    """ARRAY_AGG and its like; over nothing they give an empty array, where DuckDB has NULL."""
    put(node.this, materialised)
    return typed(node, list_of(type_of(node.this)))


def _window(node: exp.Expr) -> exp.Expr:
    for item in list(node.args.get("partition_by") or []):
        put(item, grouped)
    return typed(node, type_of(node.this))


def _array(node: exp.Expr) -> exp.Expr:
    items = list(node.expressions)
    types = {type_of(item) for item in items if type_of(item).kind != Kind.NULL}
    if len(types) > 1 or any(type_.is_document for type_ in types):
        for item in items:
            put(item, as_variant)
        return typed(node, list_of(VARIANT))
    return typed(node, list_of(next(iter(types), VARIANT)))


def _count(node: exp.Expr) -> exp.Expr:
    if isinstance(node.this, exp.Expr) and type_of(node.this).kind == Kind.JSON:
        put(node.this, as_text)
    return typed(node, NUMBER)


def _within_group(node: exp.Expr) -> exp.Expr:
    order = node.expression
    if isinstance(node.this, exp.PercentileCont | exp.PercentileDisc) and isinstance(order, exp.Order):
        for ordered in order.expressions:
            put_coerced(ordered.this, Kind.NUMBER)
        return typed(node, NUMBER)
    return typed(node, type_of(node.this))


def result_of_lambda(node: exp.Expr, item: SqlType, body: SqlType) -> SqlType:
    """Return the type of TRANSFORM or FILTER over items."""
    return list_of(body if isinstance(node, exp.Transform) else item)


def _greatest(node: exp.Expr) -> exp.Expr:
    """GREATEST and LEAST compare their arguments as COALESCE unifies them."""
    return typed(node, unify([node.this, *node.expressions]))


def _choice(node: exp.Expr) -> exp.Expr:
    """DECODE compares its first argument with every second one; NVL2 chooses by whether there is a value."""
    if isinstance(node, exp.Nvl2):
        return typed(node, unify([node.args["true"], node.args["false"]]))
    subject, *rest = node.expressions
    searched, results = rest[0 : len(rest) - len(rest) % 2 : 2], rest[1::2]
    default = rest[-1:] if len(rest) % 2 else []
    meet_all(subject, searched)
    return typed(node, unify([*results, *default]))


_WHOLE_DAYS = frozenset({"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"})


def _date_add(node: exp.Expr) -> exp.Expr:
    """Let a date plus whole days stay a date, where DuckDB makes a timestamp of it."""
    if type_of(node.this).kind not in MOMENTS | {Kind.TIME}:
        put_coerced(node.this, Kind.TIMESTAMP)
    put_coerced(node.args.get("expression"), Kind.NUMBER)
    unit = node.args.get("unit")
    if type_of(node.this).kind == Kind.DATE and unit is not None and unit.name.upper() in _WHOLE_DAYS:
        return put(node, lambda old: typed(cast(old, "date"), DATE))
    return typed(node, TIMESTAMP)


def _interval(node: exp.Expr) -> exp.Expr:
    """`INTERVAL '1 hour, 30 minutes'` has no comma in DuckDB."""
    if isinstance(node.this, exp.Literal) and node.this.is_string and "," in node.this.name:
        node.set("this", exp.Literal.string(node.this.name.replace(",", " ")))
    return typed(node, INTERVAL)


def _object(node: exp.Expr) -> exp.Expr:
    """Make an object of `{'a': 1}`, as OBJECT_CONSTRUCT does."""
    pairs = [
        part for pair in node.expressions for part in (exp.Literal.string(pair.this.name), pair.expression)
    ]
    return put(node, lambda _: typed(call("sf_object", call("json_object", *pairs)), JSON))


RULES: Mapping[type[exp.Expr], Rule] = {
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), _compare),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ, exp.EqualNull), _compare),
    exp.Between: _between,
    exp.In: _in,
    exp.Is: _is,
    **dict.fromkeys((exp.Like, exp.ILike), _like),
    **dict.fromkeys((exp.And, exp.Or, exp.Xor, exp.Not), _logic),
    **dict.fromkeys((exp.Where, exp.Having, exp.Qualify), _condition),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.IntDiv), _arithmetic),
    exp.Neg: _negative,
    exp.DPipe: _concatenation,
    exp.If: _if,
    exp.Case: _case,
    **dict.fromkeys(
        (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.Paren, exp.Lag, exp.Lead, exp.FirstValue), _same
    ),
    **dict.fromkeys((exp.LastValue, exp.NthValue, exp.Order), _same),
    exp.Nullif: _nullif,
    exp.Coalesce: _coalesce,
    **dict.fromkeys((exp.Greatest, exp.Least), _greatest),
    exp.Alias: _same,
    exp.Ordered: _ordered,
    **dict.fromkeys((exp.Min, exp.Max, exp.AnyValue, exp.ArgMax, exp.ArgMin), _materialise_this),
    **dict.fromkeys((exp.First, exp.Last), _materialise_this),
    **dict.fromkeys((exp.ApproxDistinct, exp.Hll), _approximate_count),
    exp.Mode: _mode,
    exp.Distinct: _materialise_all,
    **dict.fromkeys((exp.ArrayAgg, exp.ArrayUniqueAgg), _collecting),
    exp.Count: _count,
    exp.Window: _window,
    exp.WithinGroup: _within_group,
    exp.Array: _array,
    **dict.fromkeys((exp.DateAdd, exp.TimestampAdd, exp.TimeAdd, exp.DateSub), _date_add),
    exp.Interval: _interval,
    exp.Struct: _object,
    exp.PropertyEQ: _same,
    **dict.fromkeys((exp.DecodeCase, exp.Nvl2), _choice),
}
"""What to do with each class of node once its parts are typed."""
