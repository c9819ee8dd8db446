"""`_table.yml` in the folder of a table: what its files do not say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from runner.errors import UnreadableLake

if TYPE_CHECKING:
    from pathlib import Path

TABLE_FILE = "_table.yml"
TIME_COLUMN = "p_event_time"
"""The time column of a table that names no other."""

_KEY = "time_column"


def time_column(folder: Path) -> str | None:
    """Return the column by which a table's rows stand in time; None for a table that says it has none.

    Raises `UnreadableLake` for a file that says something else.
    """
    path = folder / TABLE_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return TIME_COLUMN
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableLake(f"{path}: cannot be read: {error}") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UnreadableLake(f"{path}: not YAML: {error}") from error
    if not isinstance(content, dict) or set(content) != {_KEY}:
        raise UnreadableLake(f"{path}: expected one key, {_KEY}: the name of a column, or null for none")
    column = content[_KEY]
    if column is not None and not (isinstance(column, str) and column):
        raise UnreadableLake(f"{path}: {_KEY}: expected the name of a column or null, found {column!r}")
    return column
