"""What PostgreSQL answers as the query's own engine would: an allow-list, and forms where the plain one differs.

What is not in the list is refused by name. That is also the lock on what a query may call: a function nobody listed,
`pg_read_file` say, never reaches the server.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect.gate import function_name
from runner.lake.dialect.places import refusal
from runner.lake.dialect.trees import put

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.lake.dialect.findings import Findings

_STRUCTURE = (
    *(exp.Select, exp.SetOperation, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join, exp.Where, exp.Group),
    *(exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct, exp.Table, exp.TableAlias),
    *(exp.Alias, exp.Column, exp.Identifier, exp.Star, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Tuple),
    *(exp.Window, exp.WindowSpec, exp.Filter, exp.WithinGroup, exp.Var, exp.DataType, exp.DataTypeParam, exp.Case, exp.If),
    *(exp.Interval, exp.IntervalSpan, exp.Lambda, exp.AtTimeZone),
)  # fmt: skip
_OPERATORS = (
    *(exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ),
    *(exp.Is, exp.In, exp.Between, exp.Exists, exp.Like, exp.ILike, exp.Any, exp.All, exp.Escape, exp.Neg, exp.DPipe),
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod),
)  # fmt: skip
_FUNCTIONS = (
    *(exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance),
    *(exp.VariancePop, exp.Median, exp.GroupConcat, exp.ArrayAgg, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead),
    *(exp.FirstValue, exp.LastValue, exp.Ntile, exp.PercentRank, exp.CumeDist),
    *(exp.Coalesce, exp.Nullif, exp.Lower, exp.Upper, exp.Length, exp.Concat, exp.Replace, exp.Trim, exp.Reverse, exp.Repeat),
    *(exp.Left, exp.Right, exp.StartsWith, exp.EndsWith, exp.Contains, exp.Abs, exp.Ceil, exp.Floor, exp.Sign, exp.MD5),
    *(exp.TimestampTrunc, exp.DateTrunc, exp.DateAdd, exp.DateSub, exp.TimestampAdd, exp.TsOrDsAdd, exp.Cast, exp.JSONExtract),
    *(exp.Greatest, exp.Least, exp.StrPosition, exp.JSONPath, exp.JSONPathRoot, exp.JSONPathKey, exp.JSONPathSubscript),
    exp.JSONExtractScalar,
)  # fmt: skip
_ALLOWED = (*_STRUCTURE, *_OPERATORS, *_FUNCTIONS)

_CASTS = frozenset(
    "TEXT VARCHAR NVARCHAR CHAR BOOLEAN DATE TIMESTAMP TIMESTAMPNTZ TIMESTAMPTZ TIMESTAMPLTZ DOUBLE FLOAT BIGINT INT "
    "DECIMAL".split()
)
_WHOLE_NUMBERS = frozenset({"BIGINT", "INT"})


def check(query: exp.Query, findings: Findings) -> None:
    """Refuse what is not in the list, with its place; remark on what is nearly the same. Raises `RefusedQuery`."""
    for node in query.walk():
        if not isinstance(node, _ALLOWED):
            raise refusal(f"{_name(node)} is not supported in PostgreSQL", node)
        if isinstance(node, exp.Cast):
            _check_cast(node, findings)
        if isinstance(node, exp.GroupConcat) and not node.args.get("separator"):
            node.set("separator", exp.Literal.string(""))
    if any(isinstance(node, exp.Ordered | exp.Min | exp.Max) for node in query.walk()):
        findings.approximate(
            "text is put in order by the database's collation, in Snowflake by its bytes", query
        )


def _name(node: exp.Expr) -> str:
    if isinstance(node, exp.Func):
        return f"{function_name(node).upper()}()"
    return type(node).__name__.upper()


def _check_cast(node: exp.Cast, findings: Findings) -> None:
    kind = node.to.this
    name = kind.value if isinstance(kind, exp.DataType.Type) else str(kind)
    if isinstance(node, exp.TryCast) and not (
        isinstance(node.this, exp.Literal) or name in {"TEXT", "VARCHAR"}
    ):
        raise refusal(
            f"TRY_CAST to {name} is not supported in PostgreSQL: it has no cast that cannot fail", node
        )
    if name not in _CASTS:
        raise refusal(f"a cast to {name} is not supported in PostgreSQL", node)
    if name in _WHOLE_NUMBERS and not isinstance(node.this, exp.Literal):
        findings.approximate(
            "a cast to a whole number refuses texts such as '1.5', which Snowflake rounds", node
        )


def rewrite(query: exp.Query) -> None:
    """Write what PostgreSQL does otherwise in words that make it the same. In place."""
    for within in [one for one in query.find_all(exp.WithinGroup) if isinstance(one.this, exp.ArrayAgg)]:
        put(within, _ordered_within)
    for kind, form in _FORMS.items():
        for node in list(query.find_all(kind)):
            put(_whole(node), form)


def _whole(node: exp.Expr) -> exp.Expr:
    """Return an aggregate with all that belongs to it."""
    while isinstance(node.parent, _AROUND) and node.parent.this is node and not isinstance(node, exp.CountIf):
        node = node.parent
    return node


def _plain_pattern(node: exp.Expr) -> exp.Expr:
    """Take a backslash in a pattern as itself: Snowflake has no escape unless the query names one."""
    if isinstance(node.parent, exp.Escape):
        return node
    quantified = node.expression
    if isinstance(quantified, exp.Any | exp.All):
        return _each_pattern(node, quantified)
    return exp.Escape(this=node, expression=exp.Literal.string(""))


def _each_pattern(node: exp.Expr, quantified: exp.Expr) -> exp.Expr:
    """Write LIKE ANY ('a', 'b') as what it means: PostgreSQL has it for arrays only."""
    patterns = quantified.this.unnest()
    each = patterns.expressions if isinstance(patterns, exp.Tuple) else [patterns]
    parts: list[exp.Expr] = [
        exp.Escape(
            this=type(node)(this=node.this.copy(), expression=one.copy()), expression=exp.Literal.string("")
        )
        for one in each
    ]
    join = exp.or_ if isinstance(quantified, exp.Any) else exp.and_
    return exp.paren(join(*parts, copy=False), copy=False)


def _null_if_any(node: exp.Expr) -> exp.Expr:
    """Let GREATEST and LEAST give NULL if one of them is: PostgreSQL passes it over."""
    arguments = [node.this, *node.expressions]
    nulls = exp.or_(
        *(exp.Is(this=exp.paren(one.copy()), expression=exp.Null()) for one in arguments), copy=False
    )
    return exp.Case(ifs=[exp.If(this=nulls, true=exp.Null())], default=node)


def _counted(node: exp.Expr) -> exp.Expr:
    """Let COUNT_IF over no rows be 0."""
    return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=node.this))


def _text_position(node: exp.Expr) -> exp.Expr:
    return exp.GT(
        this=exp.StrPosition(this=node.this, substr=node.expression), expression=exp.Literal.number(0)
    )


def _text_end(node: exp.Expr) -> exp.Expr:
    length = exp.Length(this=node.expression.copy())
    end = exp.Right(this=node.this, expression=length)
    return exp.EQ(this=end, expression=node.expression)


def _or_else(node: exp.Expr, nothing: str) -> exp.Expr:
    return exp.Coalesce(this=node, expressions=[exp.Literal.string(nothing)])


def _array(node: exp.Expr) -> exp.Expr:
    """Let ARRAY_AGG be empty over no rows, as a document: a list to a rule. That it leaves NULLs out is written anyway."""
    documents = exp.Anonymous(this="TO_JSONB", expressions=[node])
    return exp.Coalesce(
        this=documents, expressions=[exp.cast(exp.Literal.string("[]"), "jsonb", dialect="postgres")]
    )


def _ordered_within(within: exp.Expr) -> exp.Expr:
    aggregate, order = within.this, within.expression
    aggregate.set("this", exp.Order(this=aggregate.this, expressions=order.expressions))
    return aggregate  # type: ignore[no-any-return]  # SQLGlot's arguments are untyped


_AROUND = (exp.WithinGroup, exp.Filter, exp.Window)
"""What belongs to an aggregate, and stands around it."""


_FORMS: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Like: _plain_pattern,
    exp.ILike: _plain_pattern,
    exp.Greatest: _null_if_any,
    exp.Least: _null_if_any,
    exp.CountIf: _counted,
    exp.Contains: _text_position,
    exp.EndsWith: _text_end,
    exp.GroupConcat: partial(_or_else, nothing=""),
    exp.ArrayAgg: _array,
}
"""What differs → how it is written instead."""
