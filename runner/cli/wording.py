"""What commands print without tables: counts, complaints, JSON. Cheap to import, unlike `runner.cli.output`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import click
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return `: did you mean 'x'?` for the known name that is nearest to a wrong one; empty if none is near."""
    near = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.5)
    return f": did you mean {near[0]!r}?" if near else ""


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
