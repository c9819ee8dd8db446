"""Paths into JSON columns, as PostgreSQL follows them: as text where a text is compared, else as a document."""

from __future__ import annotations

from functools import partial

from sqlglot import exp

from runner.lake.database import names
from runner.lake.dialect.places import refusal
from runner.lake.dialect.trees import put

_TEXT_FUNCTIONS = (exp.Lower, exp.Upper, exp.Length, exp.Replace, exp.Trim, exp.StartsWith, exp.EndsWith, exp.Contains, exp.DPipe, exp.Concat, exp.MD5, exp.Left, exp.Right, exp.Like, exp.ILike, exp.Is)  # fmt: skip
_TEXT_TYPES = ("TEXT", "VARCHAR")
_WHOLE = (exp.Alias, exp.Select, exp.Group, exp.Distinct, exp.Count, exp.ArrayAgg)


def rewrite(query: exp.Query) -> None:
    """Write every path into a document. In place. Raises `RefusedQuery` where its value would be coerced otherwise."""
    found = [
        node
        for node in query.find_all(exp.JSONExtract, exp.Column)
        if names.is_document(node) and not isinstance(node.parent, exp.JSONExtract)  # what a path begins with
    ]
    for node in found:
        steps = _steps(node) if isinstance(node, exp.JSONExtract) else "{}"
        form = _form_of(node)
        if form is exp.JSONBExtract and isinstance(node, exp.Column):
            continue  # the document itself
        put(node, partial(_followed, form=form, steps=steps))


def _form_of(node: exp.Expr) -> type[exp.Expr]:
    around = node.parent
    while isinstance(around, exp.Paren):
        around = around.parent
    if isinstance(around, _WHOLE):
        return exp.JSONBExtract
    if _is_of_text(node, around):
        return exp.JSONBExtractScalar
    raise refusal(
        "a value within a document is compared with texts only in PostgreSQL: cast it, as in `a:b::varchar`",
        node,
    )


def _followed(node: exp.Expr, form: type[exp.Expr], steps: str) -> exp.Expr:
    start = node.this if isinstance(node, exp.JSONExtract) else node.copy()
    return exp.paren(form(this=start, expression=exp.Literal.string(steps)), copy=False)


def _is_of_text(path: exp.Expr, around: exp.Expr | None) -> bool:
    """Tell whether the value at the end of a path is wanted as text."""
    if isinstance(around, exp.Cast):
        return True  # from its text, as Snowflake casts a VARIANT to anything but a document
    if isinstance(around, _TEXT_FUNCTIONS):
        return True
    if isinstance(around, exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE | exp.In):
        others = (
            [around.expression, *around.expressions]
            if isinstance(around, exp.In)
            else [around.left, around.right]
        )
        return all(one is None or one is path or _is_text(one) for one in others)
    return False


def _is_text(node: exp.Expr) -> bool:
    inner = node.unnest()
    if isinstance(inner, exp.Cast):
        return inner.to.this.value in _TEXT_TYPES
    return isinstance(inner, exp.JSONExtract | exp.Lower | exp.Upper) or (
        isinstance(inner, exp.Literal) and inner.is_string
    )


def _steps(path: exp.JSONExtract) -> str:
    """Write a path as PostgreSQL's array of texts."""
    parts = path.expression.expressions if isinstance(path.expression, exp.JSONPath) else None
    if parts is None:
        raise refusal("a path that is worked out is not supported in PostgreSQL", path)
    steps = []
    for part in parts:
        if isinstance(part, exp.JSONPathRoot):
            continue
        if not isinstance(part, exp.JSONPathKey | exp.JSONPathSubscript) or isinstance(part.this, exp.Expr):
            raise refusal("such a path is not supported in PostgreSQL", path)
        written = str(part.this).replace("\\", "\\\\").replace('"', '\\"')
        steps.append(f'"{written}"')
    return "{" + ",".join(steps) + "}"
