"""Snowflake's grammar as SQLGlot reads it, with the functions of our own table left under their own names."""

from __future__ import annotations

from sqlglot.dialects.snowflake import Snowflake

from runner.lake.dialect.functions import FUNCTIONS, REFUSED

_Parser = Snowflake.parser_class
_OURS = frozenset({*FUNCTIONS, *REFUSED})


class _PlainParser(_Parser):  # type: ignore[misc, valid-type]  # SQLGlot makes the class at run time
    FUNCTIONS = {name: build for name, build in _Parser.FUNCTIONS.items() if name not in _OURS}  # noqa: RUF012  as the class it extends
    FUNCTION_PARSERS = {  # noqa: RUF012  as above
        name: parse for name, parse in _Parser.FUNCTION_PARSERS.items() if name not in _OURS
    }


class PantherSnowflake(Snowflake):
    """Snowflake's SQL with a call of each function in our table as a plain call of that name."""

    Parser = _PlainParser
