"""A second look at a compiled statement: what DuckDB itself makes of it.

The gate judges what one parser read; DuckDB runs what another reads. This judges DuckDB's own parse tree, so that
nothing can hide in a difference between the two. Everything here is an allow-list.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any

from runner.errors import RefusedQuery
from runner.lake.functions import ALLOWED_FUNCTIONS, ALLOWED_TABLE_FUNCTIONS
from runner.lake.table import ENGINE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable

VALUE_NAMES = frozenset({"current_time", "localtime", "localtimestamp"})
"""Names that mean the clock to DuckDB, even in quotes, where there is no such column."""

_QUERIES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE"})
_SOURCES = frozenset(
    {"BASE_TABLE", "TABLE_FUNCTION", "JOIN", "SUBQUERY", "EXPRESSION_LIST", "EMPTY", "PIVOT"}
)
_MODIFIERS = frozenset({"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"})
_ORDERS = frozenset({"ORDER_DEFAULT", "ASCENDING", "DESCENDING"})
_PARTS = _QUERIES | _SOURCES | _MODIFIERS | _ORDERS
_EXPRESSIONS = frozenset(
    """
    BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION LAMBDA OPERATOR
    POSITIONAL_REFERENCE STAR SUBQUERY TYPE WINDOW
    """.split()
)
_NESTED = (dict, list)
_WORD = re.compile(r"[a-z_]", re.IGNORECASE)


def check(text: str, views: Iterable[str]) -> None:
    """Refuse a statement (the JSON of DuckDB's `json_serialize_sql`) that is not one SELECT over some views.

    Raises `RefusedQuery` naming the part that is not allowed.
    """
    tree = json.loads(text)
    if tree["error"] and tree["error_type"] == "parser":
        raise RefusedQuery(f"not SQL to DuckDB: {tree['error_message']}")
    if tree["error"] or len(tree["statements"]) != 1:
        raise RefusedQuery("a scheduled query is one SELECT")
    _Reader(frozenset(views)).read(tree["statements"][0]["node"], frozenset())


class _Reader:
    """Walks a tree with the CTEs that are in scope."""

    def __init__(self, views: frozenset[str]) -> None:
        self._views = views

    def read(self, part: Any, ctes: frozenset[str]) -> None:
        if type(part) is list:
            for item in part:
                self.read(item, ctes)
        elif type(part) is dict:
            self._check(part, ctes)
            if "cte_map" in part:
                ctes = self._read_ctes(part, ctes)
            for name, value in part.items():
                if value and type(value) in _NESTED and name != "cte_map":
                    self.read(value, ctes)

    def _read_ctes(self, part: dict[str, Any], ctes: frozenset[str]) -> frozenset[str]:
        """Each CTE sees those before it; a recursive one sees itself."""
        for cte in part.get("cte_map", {}).get("map", ()):
            query, name = cte["value"]["query_node"], cte["key"].lower()
            recursive = query.get("type") == "RECURSIVE_CTE_NODE"
            self.read(cte["value"], ctes | {name} if recursive else ctes)
            ctes |= {name}
        return ctes

    def _check(self, part: dict[str, Any], ctes: frozenset[str]) -> None:
        key, allowed = ("class", _EXPRESSIONS) if "class" in part else ("type", _PARTS)
        kind = part.get(key)
        if type(kind) is dict:
            return  # the type of a value, such as the size of a sample
        if kind is not None and kind not in allowed:
            raise RefusedQuery(f"{_in_words(kind)} is not allowed: a scheduled query only reads")
        if part.get("type") == "BASE_TABLE":
            self._check_table(part, ctes)
        elif part.get("type") == "TABLE_FUNCTION":
            _check_table_function(part["function"])
        elif "function_name" in part:
            _check_function(part)
        elif part.get("class") == "COLUMN_REF":
            _check_column(part["column_names"])

    def _check_table(self, table: dict[str, Any], ctes: frozenset[str]) -> None:
        schema, name = table["schema_name"], table["table_name"]
        known = name.lower() in ctes if not schema else schema == ENGINE_SCHEMA and name in self._views
        if not known or table["catalog_name"]:
            raise RefusedQuery(f"{name} is not a table of the lake")


def _check_table_function(function: dict[str, Any]) -> None:
    name = function.get("function_name", "").lower()
    if name not in ALLOWED_TABLE_FUNCTIONS:
        raise RefusedQuery(f"the table function {name}() is not allowed: name a table of the lake")


def _check_function(function: dict[str, Any]) -> None:
    name = function["function_name"].lower()
    if not _WORD.search(name):
        return  # an operator
    if name not in ALLOWED_FUNCTIONS | ALLOWED_TABLE_FUNCTIONS:
        near = difflib.get_close_matches(name, ALLOWED_FUNCTIONS, n=1, cutoff=0.7)
        hint = f": did you mean {near[0]}()?" if near else ""
        raise RefusedQuery(f"{name}() is not a function that a scheduled query may call{hint}")
    if name == "age" and len(function["arguments"]) < 2:  # noqa: PLR2004  a time is counted from the other
        raise RefusedQuery("age() is not allowed but with two arguments: with one, it reads the clock")


def _check_column(names: list[str]) -> None:
    if len(names) == 1 and names[0].lower() in VALUE_NAMES:
        raise RefusedQuery(f"write the column {names[0]} with its table before it: alone, it is the clock")


def _in_words(kind: str) -> str:
    return kind.removesuffix("_NODE").removesuffix("_REF").replace("_", " ")
