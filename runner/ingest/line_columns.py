"""Reads lines of JSON straight into columns, where nothing about them is remarkable.

DuckDB takes the values out of the lines, each as JSON text, and what is made of the texts is what `columns` and
`row_ids` make of records. It is lenient, though: it passes over fields that the schema does not know, takes the first
of two fields with one name, and allows a comma too many. Therefore the colons and commas of the lines are counted:
if those in the values, those between them and those of fields that are null make up all of them, nothing was passed
over. Lines that do not come out even, or hold a value that does not fit, are to be read as records.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from runner.ingest import columns, row_ids
from runner.ingest.schema import JSON, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT = pa.string()
_ENVELOPE = "Records"
_DEEP = 200
"""Brackets in one value from which on it may be nested too deeply for a record."""


class LineColumns(NamedTuple):
    """Lines in the columns of their table, and the digest of each."""

    arrays: Sequence[pa.Array]
    digests: list[bytes]


class LineReader:
    """Reads lines into the fields of a table."""

    def __init__(self, log_type: str, fields: pa.StructType) -> None:
        self._log_type = log_type
        self._fields = fields
        self._wanted = self._every = _spec(fields)
        self._connection = duckdb.connect(
            config={"threads": 1, "enable_external_access": False, "python_enable_replacements": False}
        )

    def read(self, text: bytes) -> LineColumns | None:
        """Return the columns of lines that are all of them objects; None if they have to be read as records."""
        try:
            lines = pc.split_pattern(pa.array([text], pa.binary()), b"\n").flatten().cast(TEXT)
            found = self._reading(lines, text)
        except (_Remarkable, pa.ArrowException, duckdb.Error, ValueError, TypeError):
            return None
        contents = found.contents.cast(pa.binary()).to_pylist()
        return LineColumns(found.array.flatten(), row_ids.digests(self._log_type, contents))

    def _reading(self, lines: pa.Array, text: bytes) -> _Reading:
        """Look for the fields that there were last time, which are few; and for all of them if that is not enough."""
        if self._wanted != self._every:
            try:
                return _Reading(text, lines, self._values(lines, self._wanted), self._fields)
            except _Remarkable:
                pass
        values = self._values(lines, self._every)
        found = _Reading(text, lines, values, self._fields)
        self._wanted = _used(values, self._every)
        return found

    def _values(self, lines: pa.Array, wanted: Any) -> pa.StructArray:
        source = self._connection.from_arrow(pa.table({"line": lines}))
        found = source.project(f"json_transform(line, {_quoted(orjson.dumps(wanted).decode())}) AS found")
        return found.to_arrow_table().column(0).combine_chunks()


class _Remarkable(Exception):
    """A value is to be looked at as part of its record."""


class _Column(NamedTuple):
    """A column, and the content of each value as `row_ids.contents` writes it."""

    array: pa.Array
    contents: pa.Array


class _Reading:
    """The values of some lines becoming columns, counted on the way."""

    def __init__(self, text: bytes, lines: pa.Array, values: pa.StructArray, fields: pa.StructType) -> None:
        self._colons = self._commas = self._nulls = 0
        self._names: defaultdict[bytes, set[str]] = defaultdict(set)
        self._values = values
        self.array, self.contents = self._struct(values, fields, None)
        if not self._is_whole(text, lines):
            raise _Remarkable

    def _is_whole(self, text: bytes, lines: pa.Array) -> bool:
        """Tell whether the values are all that the lines hold."""
        if b"\\" in text and b"\\u" in text:  # an escaped colon would count here and not there
            return False
        fields = _null_fields(text)
        nulls = len(fields)
        return (
            text.count(b":") == self._colons + nulls - self._nulls
            and text.count(b",") == self._commas + nulls - self._nulls
            and not any(self._is_twice(field, lines) for field in set(fields))
        )

    def _is_twice(self, null_field: bytes, lines: pa.Array) -> bool:
        """Tell whether a field that is null might have a value in the same object: then the later of them counts."""
        _quote, *name = null_field.split(b'"')[:-1]
        return len(name) != 1 or any(
            null_field in _written(lines.filter(pc.struct_field(self._values, top).is_valid()))
            for top in self._names.get(name[0], ())
        )

    def _field(self, values: pa.Array, kind: pa.DataType, top: str) -> _Column:
        if values.null_count:
            found = self._field(values.drop_null(), kind, top)
            places = pc.subtract(pc.cumulative_sum(values.is_valid().cast(pa.int32())), 1)
            places = pc.if_else(values.is_valid(), places, None)
            return _Column(found.array.take(places), found.contents.take(places))
        if pa.types.is_struct(kind):
            return self._struct(values, kind, top)
        if pa.types.is_list(kind):
            return self._list(values, kind, top)
        self._count(values)
        return _leaf(values, kind)

    def _struct(self, values: pa.StructArray, kind: pa.StructType, top: str | None) -> _Column:
        arrays: dict[str, pa.Array] = {}
        members = []
        self._commas -= len(values)
        looked_for = {field.name for field in values.type}
        for field in sorted(kind, key=lambda field: field.name):
            if field.name not in looked_for:
                continue
            inner = pc.struct_field(values, field.name)
            present = len(inner) - inner.null_count
            if not present:
                continue
            self._colons += present
            self._commas += present
            self._names[field.name.encode()].add(top or field.name)
            found = self._field(inner, field.type, top or field.name)
            arrays[field.name] = found.array
            members.append((orjson.dumps(field.name).decode(), found.contents))
        children = [
            arrays[field.name] if field.name in arrays else pa.nulls(len(values), field.type)
            for field in kind
        ]
        return _Column(
            pa.StructArray.from_arrays(children, fields=list(kind)), _objects(members, len(values))
        )

    def _list(self, values: pa.ListArray, kind: pa.ListType, top: str) -> _Column:
        elements = values.flatten()
        if elements.null_count:  # null, or not what is wanted there
            raise _Remarkable
        lengths = pc.list_value_length(values)
        self._commas += len(elements) - pc.sum(pc.greater(lengths, 0)).as_py()
        offsets = pa.array(accumulate(lengths.to_pylist(), initial=0), pa.int32())
        found = self._field(elements, kind.value_type, top)
        joined = pc.binary_join(pa.ListArray.from_arrays(offsets, found.contents), ",")
        return _Column(
            pa.ListArray.from_arrays(offsets, found.array, type=kind),
            pc.binary_join_element_wise("[", joined, "]", ""),
        )

    def _count(self, texts: pa.Array) -> None:
        written = _written(texts)
        self._colons += written.count(b":")
        self._commas += written.count(b",")
        self._nulls += len(_null_fields(written))


def _spec(kind: pa.DataType) -> Any:
    if pa.types.is_struct(kind):
        return {field.name: _spec(field.type) for field in kind}
    if pa.types.is_list(kind):
        return [_spec(kind.value_type)]
    return "JSON"


def _used(values: pa.Array, spec: Any) -> Any:
    """Return that part of a specification for which there are values; all of it if there are none."""
    if isinstance(spec, list):
        return [_used(values.flatten(), spec[0])]
    if isinstance(spec, dict):
        inner = {name: pc.struct_field(values, name) for name in spec}
        used = {
            name: _used(found, spec[name]) for name, found in inner.items() if found.null_count < len(found)
        }
        return used or spec
    return spec


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _null_fields(text: bytes) -> list[bytes]:
    """Return each field that is null, from its opening quote to its null."""
    if b"null" not in text:
        return []
    fields = []
    for before in text.split(b"null")[:-1]:
        colon = before.rfind(b":")
        if colon >= 0 and not before[colon + 1 :].strip():
            name = before.rfind(b'"', 0, before.rfind(b'"', 0, colon))
            fields.append(before[max(name, 0) :] + b"null")
    return fields


def _written(texts: pa.Array) -> bytes:
    _validity, offsets, written = texts.buffers()
    if written is None:
        return b""
    ends = memoryview(offsets).cast("i")
    return memoryview(written)[ends[texts.offset] : ends[texts.offset + len(texts)]].tobytes()


def _leaf(texts: pa.Array, kind: pa.DataType) -> _Column:
    if kind == JSON:
        return _json(texts)
    if kind in (TEXT, TIMESTAMP) and pc.all(pc.starts_with(texts, '"')).as_py():
        plain = _without_quotes(texts)
        return _Column(plain if kind == TEXT else _fitting(plain.to_pylist(), kind), texts)
    if kind == TEXT and len(texts):
        raise _Remarkable
    coded = texts.dictionary_encode()
    values = _loaded(coded.dictionary)
    contents = pa.array(row_ids.contents(values), pa.binary()).cast(TEXT)
    return _Column(_fitting(values, kind).take(coded.indices), contents.take(coded.indices))


def _json(texts: pa.Array) -> _Column:
    values = _loaded(texts)
    contents = row_ids.contents(values)
    if any(len(text) > _DEEP and text.count(b"[") + text.count(b"{") > _DEEP for text in contents):
        raise _Remarkable
    return _Column(_fitting(values, JSON), pa.array(contents, pa.binary()).cast(TEXT))


def _fitting(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    fitted = columns.fit(values, kind)
    if fitted.misfits:
        raise _Remarkable
    return fitted.array


def _loaded(texts: pa.Array) -> list[Any]:
    values: list[Any] = orjson.loads(f"[{','.join(texts.to_pylist())}]")
    return values


def _without_quotes(texts: pa.Array) -> pa.Array:
    if b"\\" in _written(texts):
        return pa.array(_loaded(texts), TEXT)
    return pc.ascii_trim(texts, '"')


def _objects(members: Sequence[tuple[str, pa.Array]], size: int) -> pa.Array:
    """Write objects of the members that they have; each member is its name in quotes, and its contents."""
    if not members:
        return pa.repeat("{}", size)
    parts: list[Any] = [""]  # an array alone would lose its nulls
    for name, contents in members:
        prefix = f",{name}:"
        if contents.null_count:
            parts.append(pc.binary_join_element_wise(prefix, contents, ""))
        else:
            parts += [prefix, contents]
    written = pc.binary_join_element_wise(*parts, "", null_handling="skip")
    inner = pc.ascii_ltrim(written, ",")
    return pc.binary_join_element_wise("{", inner, "}", "")
