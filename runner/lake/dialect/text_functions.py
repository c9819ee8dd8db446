"""Snowflake's functions over text, hashes and addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect.function_row import Function, number, raw, text
from runner.lake.dialect.places import refusal
from runner.lake.dialect.sql_types import JSON, NUMBER, TEXT
from runner.lake.dialect.trees import call

if TYPE_CHECKING:
    from collections.abc import Mapping


_SHA256 = frozenset({"0", "256"})


def _sha2(arguments: list[exp.Expr]) -> exp.Expr:
    if len(arguments) > 1 and arguments[1].name not in _SHA256:
        raise refusal("SHA2() is supported with 256 bits only", arguments[1])
    return call("sha256", arguments[0])


_FLAGS = frozenset("cims")
"""Snowflake's parameters of regular expressions that DuckDB has too; `e` is meant anyway."""


def _regexp_replace(arguments: list[exp.Expr]) -> exp.Expr:
    """REGEXP_REPLACE(subject, pattern [, replacement [, position [, occurrence [, parameters]]]])."""
    subject, pattern, *rest = arguments
    replacement = rest[0] if rest else exp.Literal.string("")
    position = _whole(rest[1]) if len(rest) > 1 else 1
    occurrence = _whole(rest[2]) if len(rest) > 2 else 0  # noqa: PLR2004  the third is the occurrence
    if position != 1 or occurrence not in {0, 1}:
        raise refusal(
            "REGEXP_REPLACE() is supported from position 1, for all occurrences or the first", pattern
        )
    flags = rest[3].name if len(rest) > 3 else ""  # noqa: PLR2004  the fourth are the parameters
    if not set(flags) <= _FLAGS:
        raise refusal(f"the parameters '{flags}' of REGEXP_REPLACE() are not supported", pattern)
    options = exp.Literal.string(flags + ("g" if occurrence == 0 else ""))
    return call("regexp_replace", subject, pattern, replacement, options)


def _whole(node: exp.Expr) -> int:
    if isinstance(node, exp.Literal) and not node.is_string:
        return int(node.name)
    raise refusal("the position and the occurrence have to be written out", node)


_HASH = Function(
    takes=(raw,),
    write="hash(_1)",
    result=NUMBER,
    approximate="HASH() gives other numbers than Snowflake's, though equal values have equal ones",
)

ROWS: Mapping[str, Function] = {
    "REGEXP_REPLACE": Function(
        takes=(text, text, text, raw, raw, raw), write=_regexp_replace, result=TEXT, least=2
    ),
    "HASH": _HASH,
    "OCTET_LENGTH": Function(takes=(text,), write="strlen(CAST(_1 AS VARCHAR))", result=NUMBER),
    "PARSE_IP": Function(
        takes=(text, text, raw), write="CAST(sf_parse_ip(trim(_1), _2) AS JSON)", result=JSON, least=2
    ),
    "PARSE_URL": Function(takes=(text, raw), write="CAST(sf_parse_url(_1) AS JSON)", result=JSON),
    "SHA2": Function(takes=(text, raw), write=_sha2, result=TEXT),
    "SHA2_HEX": Function(takes=(text, raw), write=_sha2, result=TEXT),
    "HEX_ENCODE": Function(takes=(text,), write="hex(_1)", result=TEXT),
    "HEX_DECODE_STRING": Function(takes=(text,), write="decode(unhex(_1))", result=TEXT),
    "TRY_HEX_DECODE_STRING": Function(takes=(text,), write="TRY(decode(unhex(_1)))", result=TEXT),
    "BASE64_DECODE_STRING": Function(takes=(text,), write="decode(from_base64(_1))", result=TEXT),
    "TRY_BASE64_DECODE_STRING": Function(takes=(text,), write="TRY(decode(from_base64(_1)))", result=TEXT),
    "EDITDISTANCE": Function(
        takes=(text, text, number),
        write={2: "levenshtein(_1, _2)", 3: "least(levenshtein(_1, _2), _3)"},
        result=NUMBER,
    ),
    "JAROWINKLER_SIMILARITY": Function(
        takes=(text, text),
        write="CAST(floor(jaro_winkler_similarity(lower(_1), lower(_2)) * 100) AS BIGINT)",
        result=NUMBER,
        least=2,
    ),
    "INSERT": Function(
        takes=(text, number, number, text),
        write="substr(_1, 1, CAST(_2 AS BIGINT) - 1) || _4 || substr(_1, CAST(_2 + _3 AS BIGINT))",
        result=TEXT,
        least=4,
    ),
}
"""Name → row."""
