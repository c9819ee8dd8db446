"""All functions of Snowflake's that are written anew, by name. A new one is a row in one of the tables below."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from runner.lake.dialect import document_functions, number_functions, text_functions, time_functions
from runner.lake.dialect.places import refusal
from runner.lake.dialect.trees import put, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

    from runner.lake.dialect.findings import Findings
    from runner.lake.dialect.function_row import Function

FUNCTIONS: Mapping[str, Function] = {
    **document_functions.ROWS,
    **text_functions.ROWS,
    **number_functions.ROWS,
    **time_functions.ROWS,
}
"""Name in upper case → what it takes and how it is written."""

_PAGES = {
    **dict.fromkeys(("AS_CHAR", "AS_VARCHAR"), "as_char-varchar"),
    **dict.fromkeys(("AS_DECIMAL", "AS_NUMBER"), "as_decimal-number"),
    **dict.fromkeys(("AS_DOUBLE", "AS_REAL"), "as_double-real"),
    "AS_TIMESTAMP_NTZ": "as_timestamp",
    "DATE": "to_date",
    **dict.fromkeys(("IS_CHAR", "IS_VARCHAR"), "is_char-varchar"),
    **dict.fromkeys(("IS_DOUBLE", "IS_REAL"), "is_double-real"),
    "SHA2_HEX": "sha2",
    "TIME": "to_time",
    **dict.fromkeys(("TO_NUMBER", "TO_NUMERIC"), "to_decimal"),
    **dict.fromkeys(("TO_TIMESTAMP_LTZ", "TO_TIMESTAMP_NTZ", "TO_TIMESTAMP_TZ"), "to_timestamp"),
    "TO_VARCHAR": "to_char",
    **dict.fromkeys(("TRY_TO_NUMBER", "TRY_TO_NUMERIC"), "try_to_decimal"),
    **dict.fromkeys(
        ("TRY_TO_TIMESTAMP_LTZ", "TRY_TO_TIMESTAMP_NTZ", "TRY_TO_TIMESTAMP_TZ"), "try_to_timestamp"
    ),
}
"""Name → the page that tells of it, where it shares one with another function."""


def page_of(name: str) -> str:
    """Return the address of the page of Snowflake's SQL reference that a row (name in upper case) was written by."""
    return f"docs.snowflake.com/en/sql-reference/functions/{_PAGES.get(name, name.lower())}"


REFUSED: Mapping[str, str] = {
    "SEQ": "its order is not defined",
    **dict.fromkeys(
        ("GET_DDL", "SYSTEM$TYPEOF", "RESULT_SCAN", "LAST_QUERY_ID"), "it asks about Snowflake itself"
    ),
    **dict.fromkeys(
        ("ENCRYPT", "DECRYPT", "ENCRYPT_RAW", "DECRYPT_RAW"), "there is nothing like it in DuckDB"
    ),
    **dict.fromkeys(
        ("ST_DISTANCE", "ST_MAKEPOINT", "ST_POINT", "ST_WITHIN"), "there is no geography type here"
    ),
    **dict.fromkeys(("XMLGET", "PARSE_XML", "CHECK_XML", "TO_XML"), "there is no XML type here"),
    "SEARCH": "there is no full-text search here",
    **dict.fromkeys(("SOUNDEX", "SOUNDEX_P123"), "there is nothing like it in DuckDB"),
    "ARRAY_UNION_AGG": "there is nothing like it in DuckDB",
    "CONDITIONAL_CHANGE_EVENT": "write it with LAG() and SUM()",
    "HASH_AGG": "its numbers are Snowflake's own",
}
"""Name → why it cannot be had."""


def rewrite(node: exp.Anonymous, findings: Findings) -> exp.Expr:
    """Write a call by its row in the table.

    Raises `RefusedQuery` for a function that is not in it, or that has the wrong number of arguments.
    """
    name = node.name.upper()
    row = FUNCTIONS.get(name)
    if row is None:
        raise refusal(_unknown(name), node)
    arguments = list(node.expressions)
    if not row.accepts(len(arguments)):
        raise refusal(f"{name}() does not take {len(arguments)} arguments: see {page_of(name)}", node)
    if row.approximate:
        findings.approximate(row.approximate, node)
    fitted = row.fitted(arguments)
    result = row.result_for(fitted)
    return put(node, lambda _: typed(row.written(fitted), result))


def _unknown(name: str) -> str:
    if name in REFUSED:
        return f"{name}() is not supported: {REFUSED[name]}"
    near = difflib.get_close_matches(name, FUNCTIONS, n=1, cutoff=0.7)
    return f"{name}() is not a function known here{f': did you mean {near[0]}()?' if near else ''}"
