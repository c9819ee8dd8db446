"""What commands print without tables: counts, complaints, JSON. Cheap to import, unlike `runner.cli.output`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode())


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun: `1 row`, `3 rows`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def complain(lines: Iterable[object]) -> None:
    """Print lines to standard error."""
    for line in lines:
        click.echo(str(line), err=True)
