"""FLATTEN: one row for each element of an array or field of an object, in all of Snowflake's forms.

`LATERAL FLATTEN(…)`, `TABLE(FLATTEN(…))`, positional or with INPUT, PATH, OUTER, RECURSIVE and MODE. A LIST of the lake
keeps the type of its elements, so that paths into them stay fast; everything else goes through JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from runner.lake.dialect import paths
from runner.lake.dialect.coercion import as_json
from runner.lake.dialect.places import refusal
from runner.lake.dialect.sql_types import JSON, NUMBER, TEXT, Kind
from runner.lake.dialect.trees import call, filled, null, text, type_of, typed

if TYPE_CHECKING:
    from runner.lake.dialect.expressions import ExpressionReader
    from runner.lake.dialect.sql_types import SqlType

DEFAULT_NAME = "_flattened"
"""What a FLATTEN without alias is called."""

_OPTIONS = frozenset({"input", "path", "outer", "recursive", "mode"})
_NO_ENTRY = "{'key': NULL::VARCHAR, 'index': NULL::BIGINT, 'value': NULL::JSON}"
_ENTRIES = {"BOTH": "sf_entries", "ARRAY": "sf_array_entries", "OBJECT": "sf_object_only_entries"}
_TREE = """
    SELECT list({{'key': CASE WHEN fullkey NOT LIKE '%]' THEN key END,
        'index': CASE WHEN fullkey LIKE '%]' THEN CAST(key AS BIGINT) END,
        'value': value, 'path': sf_path_of_json_path(fullkey), 'container': path}} ORDER BY id)
    FROM json_tree({document}) WHERE id > 0 {mode}
"""
_MODES = {
    "BOTH": "",
    "OBJECT": "AND regexp_replace(fullkey, '\"([^\"\\\\]|\\\\.)*\"', '', 'g') NOT LIKE '%[%'",
    "ARRAY": "AND regexp_full_match(fullkey, '\\$(\\[[0-9]+\\])*')",
}


def call_in(source: exp.Expr) -> exp.Expr | None:
    """Return the FLATTEN in a member of FROM, if it is one."""
    inner = source.this if isinstance(source, exp.Lateral | exp.TableFromRows | exp.Table) else None
    return inner if isinstance(inner, exp.Explode) else None


def rewrite(source: exp.Expr, flattened: exp.Expr, reader: ExpressionReader) -> dict[str, SqlType]:
    """Put DuckDB's form in the place of a FLATTEN; returns the columns that it has.

    Raises `RefusedQuery` for an option that is unknown, or is not written out.
    """
    options = _options(flattened)
    name = source.alias_or_name or DEFAULT_NAME
    document = exp.Paren(this=options["input"])
    reader.read(document.this)
    value = paths.walk(document.this, _steps(options))
    body, columns = _body(value, options)
    lateral = exp.Lateral(
        this=exp.Subquery(this=body), alias=exp.TableAlias(this=exp.to_identifier(name, quoted=True))
    )
    source.replace(lateral)
    source.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
    return columns


def _options(flattened: exp.Expr) -> dict[str, exp.Expr]:
    options: dict[str, exp.Expr] = {}
    for argument in [flattened.this, *flattened.expressions]:
        named = isinstance(argument, exp.Kwarg)
        name = argument.this.name.lower() if named else "input"
        if name not in _OPTIONS or name in options:
            raise refusal(f"FLATTEN has no option {name.upper()}", flattened)
        options[name] = argument.expression if named else argument
    if "input" not in options:
        raise refusal("FLATTEN needs an INPUT", flattened)
    for name in ("outer", "recursive"):
        if not isinstance(options.get(name, exp.false()), exp.Boolean):
            raise refusal(f"FLATTEN's {name.upper()} is TRUE or FALSE", flattened)
    if _mode(options) not in _MODES:
        raise refusal("FLATTEN's MODE is 'OBJECT', 'ARRAY' or 'BOTH'", flattened)
    return options


def _mode(options: dict[str, exp.Expr]) -> str:
    return options["mode"].name.upper() if "mode" in options else "BOTH"


def _is_on(options: dict[str, exp.Expr], name: str) -> bool:
    option = options.get(name)
    return isinstance(option, exp.Boolean) and bool(option.this)


def _steps(options: dict[str, exp.Expr]) -> list[paths.Step]:
    """Read PATH, such as `a.b[0]`."""
    if "path" not in options or not options["path"].name:
        return []
    parsed = sqlglot.parse_one(f"document:{options['path'].name}", read="snowflake")
    return paths.steps_of(parsed)[1]


def _body(value: exp.Expr, options: dict[str, exp.Expr]) -> tuple[exp.Select, dict[str, SqlType]]:
    item: SqlType = JSON
    recursive, mode = _is_on(options, "recursive"), _mode(options)
    listed = type_of(value)
    if listed.kind == Kind.LIST and listed.item is not None and not recursive and mode != "OBJECT":
        entries: exp.Expr = call("sf_list_entries", value)
        item = listed.item
        nothing: exp.Expr = filled(
            "list_resize(coalesce(sf_list_entries(_1)[1:0], []), 1, NULL)", [value.copy()]
        )
    else:
        document = as_json(value)
        entries = _tree(document, mode) if recursive else call(_ENTRIES[mode], document)
        nothing = exp.Array(expressions=[_no_entry(recursive=recursive)])
    if _is_on(options, "outer"):
        entries = filled("CASE WHEN len(_1) > 0 THEN _1 ELSE _2 END", [entries, nothing])
    body = _rows(entries, value, _prefix(options), recursive=recursive)
    return body, {
        "key": TEXT,
        "path": TEXT,
        "index": NUMBER,
        "value": item.out_of_document(),
        "this": type_of(value),
    }


def _no_entry(*, recursive: bool = False) -> exp.Expr:
    entry = sqlglot.parse_one(_NO_ENTRY, read="duckdb")
    if recursive:
        for name in ("path", "container"):
            entry.append(
                "expressions",
                exp.PropertyEQ(this=exp.to_identifier(name), expression=exp.cast(null(), "text")),
            )
    return entry


def _tree(document: exp.Expr, mode: str) -> exp.Expr:
    """All that is in a document, from the outside in: each field and element at any depth."""
    template = _TREE.format(document="_1", mode=_MODES[mode])
    return exp.Subquery(this=filled(template, [document]))


def _prefix(options: dict[str, exp.Expr]) -> str:
    return options["path"].name if "path" in options else ""


def _rows(entries: exp.Expr, value: exp.Expr, prefix: str, *, recursive: bool) -> exp.Select:
    inner = exp.select(exp.alias_(call("unnest", entries), "entry"), exp.alias_(value.copy(), "document"))
    if recursive:
        path: exp.Expr = _field("path")
        this: exp.Expr = filled("json_extract(CAST(_1 AS JSON), _2)", [_document(value), _field("container")])
    else:
        path = call("sf_flatten_path", text(prefix), _field("key"), _field("index"))
        this = exp.column("document")
    return exp.select(
        exp.alias_(_field("key"), "key", quoted=True),
        exp.alias_(path, "path", quoted=True),
        exp.alias_(_field("index"), "index", quoted=True),
        exp.alias_(_field("value"), "value", quoted=True),
        exp.alias_(this, "this", quoted=True),
    ).from_(exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("flattened"))))


def _document(value: exp.Expr) -> exp.Expr:
    return as_json(typed(exp.column("document"), type_of(value)))


def _field(name: str) -> exp.Expr:
    return exp.Dot(this=exp.column("entry"), expression=exp.to_identifier(name, quoted=True))
