"""Snowflake's functions over text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.lake.dialect.function_row import Function, raw, text
from runner.lake.dialect.sql_types import JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS: Mapping[str, Function] = {
    "PARSE_IP": Function(
        takes=(text, text, raw), write="CAST(sf_parse_ip(trim(_1), _2) AS JSON)", result=JSON, least=2
    ),
}
"""Name → row."""
