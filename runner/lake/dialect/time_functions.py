"""Snowflake's functions over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.lake.dialect.function_row import Function

ROWS: Mapping[str, Function] = {}
"""Name → row."""
