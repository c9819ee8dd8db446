"""The rows of a lookup table's file: CSV with a heading, JSON lines, or a JSON list; gzip may be around them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from typing import TYPE_CHECKING, Any

from runner.definitions.codes import Code
from runner.definitions.location import Location
from runner.definitions.source_text import decoded, read_bytes
from runner.errors import InvalidField, UnreadableDefinition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.definitions.lookup_table import LookupTable

_JSON_ENDINGS = (".json", ".jsonl", ".ndjson")


def read_rows(root: Path, table: LookupTable) -> tuple[dict[str, Any], ...]:
    """Return the rows of a table's file; none if it has no file.

    Values of CSV are texts, those of JSON are what they are. Raise DefinitionError, with the line, for a row that
    cannot be read, is no mapping, or lacks the table's primary key.
    """
    if table.data_file is None:
        return ()
    text = _text(root, table.data_file)
    is_json = table.data_file.with_suffix("").suffix if _is_gzip(table.data_file) else table.data_file.suffix
    read = _json_rows if is_json.lower() in _JSON_ENDINGS else _csv_rows
    rows = []
    for line, row in read(text, table.data_file):
        if table.primary_key and table.primary_key not in row:
            message = f"the row has no `{table.primary_key}`, the primary key of {table.name}"
            raise InvalidField(message, Location(table.data_file, line), Code.BAD_LOOKUP)
        rows.append(row)
    return tuple(rows)


def _is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _text(root: Path, shown: Path) -> str:
    raw = read_bytes(root / shown, shown)
    if not _is_gzip(shown):
        return decoded(raw, shown)
    try:
        return decoded(gzip.decompress(raw), shown)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableDefinition(f"not gzip: {error}", Location(shown), Code.BAD_LOOKUP) from error


def _json_rows(text: str, shown: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if text.lstrip().startswith("["):
        for row in _parsed(text, shown, 1):
            yield 1, _mapping(row, shown, 1)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _mapping(_parsed(line, shown, number), shown, number)


def _parsed(text: str, shown: Path, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = Location(shown, line + error.lineno - 1, error.colno)
        raise InvalidField(f"not JSON: {error.msg}", where, Code.BAD_LOOKUP) from error
    except (ValueError, RecursionError) as error:
        raise InvalidField(f"not JSON: {error}", Location(shown, line), Code.BAD_LOOKUP) from error


def _mapping(row: Any, shown: Path, line: int) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise InvalidField("a row is a mapping of columns", Location(shown, line), Code.BAD_LOOKUP)
    return row


def _csv_rows(text: str, shown: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        heading = next(reader, [])
        for values in reader:
            if not values:
                continue
            if len(values) != len(heading):
                message = f"expected {len(heading)} columns as in the heading, found {len(values)}"
                raise InvalidField(message, Location(shown, reader.line_num), Code.BAD_LOOKUP)
            yield reader.line_num, dict(zip(heading, values, strict=True))
    except csv.Error as error:
        where = Location(shown, max(reader.line_num, 1))
        raise InvalidField(f"not CSV: {error}", where, Code.BAD_LOOKUP) from error
