"""What a log type looks like: its columns, where its event time is, and what feeds the indicators.

A schema is a YAML file in Panther's words (`schema`, `fields`, `type`, `element`, `isEventTime`, `indicators`).
Those of well-known log types come with the program.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from runner.errors import IngestError
from runner.ingest import indicators
from runner.lake import log_types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

JSON = pa.json_()
TIMESTAMP = pa.timestamp("us")
SCALARS: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": TIMESTAMP,
    "json": JSON,
}
_TYPES = (*SCALARS, "object", "array")
_SCHEMA_KEYS = ("schema", "description", "referenceURL", "fields")
_FIELD_KEYS = ("name", "type", "description", "fields", "element", "isEventTime", "indicators")
_ELEMENT_KEYS = ("type", "description", "fields", "element", "indicators")

FieldPath = tuple[str, ...]
"""The names on the way to a field; arrays on the way are walked through and have no name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndicatorSource:
    """A field whose values are looked through for indicators, and the scanner that looks."""

    path: FieldPath
    scanner: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """A log type as it is declared, or as it was inferred from records.

    `columns` is an Arrow struct: strings, 64-bit numbers, times in microseconds UTC, structs, lists, JSON text.
    `event_times` are tried in order.
    """

    log_type: str
    columns: pa.StructType
    event_times: tuple[FieldPath, ...]
    indicators: tuple[IndicatorSource, ...] = ()
    description: str = ""
    reference: str = ""


def provided() -> tuple[str, ...]:
    """Return the log types whose schemas come with the program, in order of name."""
    return tuple(sorted(schema.log_type for schema in _provided_schemas()))


def find(log_type: str) -> Schema | None:
    """Return the schema that comes with the program for a log type, whatever its case; None if there is none."""
    wanted = log_types.table_name(log_type)
    file = resources.files("runner.ingest") / "schemas" / f"{wanted}.yml"
    return parse(file.read_text(encoding="utf-8"), source=file.name) if file.is_file() else None


def find_in(folder: Path, log_type: str) -> Schema | None:
    """Return the schema for a log type among the YAML files in somebody's folder; None if there is none.

    Files of other log types are not looked at further. Raises `IngestError` that names every fault, and if two files
    are for this log type.
    """
    wanted = log_types.table_name(log_type)
    files = [path for path in sorted(folder.rglob("*.y*ml")) if wanted in _tables_of(path)]
    if len(files) > 1:
        raise IngestError(f"two schemas for {log_type}: {files[0]} and {files[1]}")
    return read(files[0]) if files else None


def _tables_of(path: Path) -> list[str]:
    """Return which table a file is for: by its `schema`; by its own name if it does not say."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        document = None
    name = document.get("schema") if isinstance(document, dict) else None
    try:
        return [log_types.table_name(name if isinstance(name, str) else path.stem)]
    except IngestError:
        return []


def read(path: Path) -> Schema:
    """Read a schema from a YAML file. Raises `IngestError` that names every fault in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise IngestError(f"{path}: cannot be read: {error}") from error
    return parse(text, source=str(path))


def parse(text: str, *, source: str) -> Schema:
    """Parse the YAML of a schema; `source` names it in errors. Raises `IngestError` that names every fault."""
    try:
        document = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise IngestError(f"{source}: not YAML: {error}") from error
    return _Parser(source).schema(document)


def _provided_schemas() -> Iterator[Schema]:
    for file in (resources.files("runner.ingest") / "schemas").iterdir():
        if file.name.endswith(".yml"):
            yield parse(file.read_text(encoding="utf-8"), source=file.name)


class _Parser:
    """Reads one document, and collects its faults so that they are told together."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._faults: list[str] = []
        self._event_times: list[FieldPath] = []
        self._indicators: list[IndicatorSource] = []

    def schema(self, document: Any) -> Schema:
        if not isinstance(document, dict):
            raise IngestError(f"{self._source}: a schema is a mapping with the keys schema and fields")
        self._refuse_unknown(document, _SCHEMA_KEYS, "the schema")
        name = self._text(document, "schema", "the schema")
        columns = self._struct(document, "fields", ())
        if self._faults:
            raise IngestError("\n".join(f"{self._source}: {fault}" for fault in self._faults))
        return Schema(
            log_type=name,
            columns=columns,
            event_times=tuple(self._event_times),
            indicators=tuple(self._indicators),
            description=str(document.get("description", "")),
            reference=str(document.get("referenceURL", "")),
        )

    def _struct(self, owner: dict[str, Any], key: str, path: FieldPath) -> pa.StructType:
        fields = owner.get(key)
        where = _where(path)
        if not isinstance(fields, list) or not fields:
            self._faults.append(f"{where}: {key} must be a list with at least one field")
            return pa.struct([])
        read = [field for field in (self._field(item, path) for item in fields) if field is not None]
        self._refuse_twins([field.name for field in read], where)
        return pa.struct(read)

    def _field(self, item: Any, parent: FieldPath) -> pa.Field | None:
        if not isinstance(item, dict):
            self._faults.append(f"{_where(parent)}: {item!r} is not a field: a mapping with name and type")
            return None
        name = self._text(item, "name", _where(parent))
        path = (*parent, name)
        if not parent and name.lower().startswith("p_"):
            self._faults.append(f"{_where(path)}: names that begin with p_ are the lake's own")
        self._refuse_unknown(item, _FIELD_KEYS, _where(path))
        return pa.field(name, self._type(item, path))

    def _type(self, item: dict[str, Any], path: FieldPath) -> pa.DataType:
        kind = item.get("type")
        self._note_use(item, path, kind)
        if kind == "object":
            return self._struct(item, "fields", path)
        if kind == "array":
            return self._array(item, path)
        if isinstance(kind, str) and kind in SCALARS:
            return SCALARS[kind]
        self._faults.append(f"{_where(path)}: unknown type {kind!r}{_suggestion(kind, _TYPES)}")
        return pa.null()

    def _array(self, item: dict[str, Any], path: FieldPath) -> pa.DataType:
        element = item.get("element")
        if not isinstance(element, dict):
            self._faults.append(f"{_where(path)}: an array needs an element with a type")
            return pa.null()
        self._refuse_unknown(element, _ELEMENT_KEYS, f"{_where(path)}: element")
        return pa.list_(self._type(element, path))

    def _note_use(self, item: dict[str, Any], path: FieldPath, kind: object) -> None:
        if item.get("isEventTime"):
            self._event_times.append(path)
            if kind != "timestamp":
                self._faults.append(f"{_where(path)}: an event time must be a timestamp")
        scanners = item.get("indicators", [])
        for scanner in scanners if isinstance(scanners, list) else [scanners]:
            if scanner not in indicators.SCANNERS:
                hint = _suggestion(scanner, tuple(indicators.SCANNERS))
                self._faults.append(f"{_where(path)}: unknown indicator {scanner!r}{hint}")
            elif kind != "string":
                self._faults.append(f"{_where(path)}: only a string can have indicators")
            else:
                self._indicators.append(IndicatorSource(path=path, scanner=scanner))

    def _text(self, owner: dict[str, Any], key: str, where: str) -> str:
        value = owner.get(key)
        if isinstance(value, str) and value:
            return value
        self._faults.append(f"{where}: {key} must be a text, not {value!r}")
        return "?"

    def _refuse_unknown(self, owner: dict[str, Any], known: tuple[str, ...], where: str) -> None:
        self._faults += [
            f"{where}: unknown key {key!r}{_suggestion(key, known)}" for key in owner if key not in known
        ]

    def _refuse_twins(self, names: list[str], where: str) -> None:
        lowered = [name.lower() for name in names]
        self._faults += [
            # SQL does not tell `Name` from `name`
            f"{where}: the field {name!r} is there twice"
            for index, name in enumerate(names)
            if name.lower() in lowered[:index]
        ]


def _where(path: FieldPath) -> str:
    return f"field {'.'.join(path)}" if path else "the schema"


def _suggestion(given: object, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(str(given), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
