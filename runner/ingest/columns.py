"""Fits values into typed columns, and keeps aside whatever does not fit.

A value that does not fit its column is a misfit; so is a field that the schema does not know. Misfits keep
their place: those of a record are a small record of their own, and nothing of the original is lost but the
difference between null and absent, and the way a time or a number in text was written.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pyarrow as pa

from runner.ingest import json_texts, times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_NONE = type(None)
_ABSENT: Mapping[str, Any] = {}
_STRICT_TYPES = (pa.string(), pa.bool_())
"""Of these Arrow takes no more than we do; for the integer 1 it would also take 1.5."""
_EXACT_AS_DOUBLE = 2**53
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")  # written as JSON would; 007 is rather a name
_WORDS = {"true": True, "false": False}


class Fitted(NamedTuple):
    """A column, and by row what did not fit into it."""

    array: pa.Array
    misfits: dict[int, Any]


def fit(values: Sequence[Any], kind: pa.DataType) -> Fitted:
    """Fit JSON values (text, numbers, booleans, lists, dicts, None) into a column of an Arrow type."""
    if kind in _STRICT_TYPES:
        try:
            return Fitted(pa.array(values, kind), {})
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            pass  # something else is among them: look at each
    kinds = set(map(type, values))
    if kinds == {_NONE} or not values:
        return Fitted(pa.nulls(len(values), kind), {})
    if _NONE in kinds and pa.types.is_nested(kind):
        return _fit_present(values, kind)
    if pa.types.is_struct(kind):
        return _fit_struct(values, kind, kinds)
    if pa.types.is_list(kind):
        return _fit_list(values, kind, kinds)
    return _SPECIAL.get(kind, _fit_scalars)(values, kind, kinds)


def _fit_present(values: Sequence[Any], kind: pa.DataType) -> Fitted:
    """Fit the values that are there, and spread them over the rows: most objects of a log are seldom there."""
    rows = [row for row, value in enumerate(values) if value is not None]
    present = fit([values[row] for row in rows], kind)
    places: list[int | None] = [None] * len(values)
    for place, row in enumerate(rows):
        places[row] = place
    spread = present.array.take(pa.array(places, pa.int32()))
    return Fitted(spread, {rows[place]: misfit for place, misfit in present.misfits.items()})


def _fit_struct(values: Sequence[Any], kind: pa.StructType, kinds: set[type]) -> Fitted:
    misfits: dict[int, Any] = {}
    if kinds != {dict}:
        misfits = {row: value for row, value in enumerate(values) if not isinstance(value, dict)}
    whole = kinds == {dict}
    objects = values if whole else [value if type(value) is dict else _ABSENT for value in values]
    present: set[str] = set().union(*objects)
    _set_unknown_aside(objects, present.difference(field.name for field in kind), misfits)
    there = [field for field in kind if field.name in present]
    arrays = _plain_arrays(objects, there)
    others = [field for field in there if field.name not in arrays]
    for field, fitted in zip(others, _fields_of(objects, others), strict=True):
        arrays[field.name] = fitted.array
        for row, misfit in fitted.misfits.items():
            misfits.setdefault(row, {})[field.name] = misfit
    # most fields of a log type are seldom there
    children = [
        arrays[field.name] if field.name in arrays else pa.nulls(len(values), field.type) for field in kind
    ]
    mask = None if whole else pa.array([value is _ABSENT for value in objects], pa.bool_())
    return Fitted(pa.StructArray.from_arrays(children, fields=list(kind), mask=mask), misfits)


def _plain_arrays(objects: Sequence[Mapping[str, Any]], fields: Sequence[pa.Field]) -> dict[str, pa.Array]:
    """Fit the texts and booleans of a struct all at once, if all of them fit."""
    plain = [field for field in fields if field.type in _STRICT_TYPES]
    try:
        fitted = pa.array(objects, pa.struct(plain))
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return {}
    return dict(zip((field.name for field in plain), fitted.flatten(), strict=True))


def _fields_of(objects: Sequence[Mapping[str, Any]], fields: Sequence[pa.Field]) -> Iterator[Fitted]:
    """Fit each field; all fields of one object are looked up before those of the next, while it is near at hand."""
    names = [field.name for field in fields]
    values = [value for found in objects for value in map(found.get, names)]
    for start, field in enumerate(fields):
        yield fit(values[start :: len(fields)], field.type)


def _set_unknown_aside(
    objects: Sequence[Mapping[str, Any]], unknown: set[str], misfits: dict[int, Any]
) -> None:
    if not unknown:
        return
    for row in [row for row, value in enumerate(objects) if not unknown.isdisjoint(value)]:
        aside = {key: value for key, value in objects[row].items() if key in unknown and value is not None}
        if aside:
            misfits[row] = aside


def _fit_list(values: Sequence[Any], kind: pa.ListType, kinds: set[type]) -> Fitted:
    misfits: dict[int, Any] = {}
    if kinds != {list}:
        misfits = {row: value for row, value in enumerate(values) if not isinstance(value, list)}
    lists = [value if type(value) is list else () for value in values]
    ends = list(accumulate(map(len, lists), initial=0))
    elements = fit(list(chain.from_iterable(lists)), kind.value_type)
    for element in elements.misfits:
        row = bisect_right(ends, element) - 1
        misfits[row] = values[row]  # the whole list, so that its order can be seen
    mask = None if kinds == {list} else pa.array([type(value) is not list for value in values], pa.bool_())
    offsets = pa.array(ends, pa.int32())
    return Fitted(pa.ListArray.from_arrays(offsets, elements.array, type=kind, mask=mask), misfits)


def _fit_json(values: Sequence[Any], kind: pa.DataType, _kinds: set[type]) -> Fitted:
    rows = [row for row, value in enumerate(values) if value is not None]
    texts: list[bytes | None] = [None] * len(values)
    for row, text in zip(rows, json_texts.of_each([values[row] for row in rows]), strict=True):
        texts[row] = text
    return Fitted(pa.ExtensionArray.from_storage(kind, pa.array(texts, pa.string())), {})


def _fit_times(values: Sequence[Any], _kind: pa.DataType, _kinds: set[type]) -> Fitted:
    found = times.parse_all(values)
    if found.null_count == values.count(None):
        return Fitted(found, {})
    lost = (row for row, valid in enumerate(found.is_valid().to_pylist()) if not valid)
    return Fitted(found, {row: values[row] for row in lost if values[row] is not None})


def _fit_scalars(values: Sequence[Any], kind: pa.DataType, kinds: set[type]) -> Fitted:
    plain, convert = _SCALARS[kind]
    if kinds <= plain:
        try:
            return Fitted(pa.array(values, kind), {})
        except (OverflowError, pa.ArrowInvalid):
            pass  # an integer beyond 64 bits: look at each
    return _fit_each(values, kind, convert)


class _Misfit(Exception):
    """The value does not fit; `instead` is what the column shows."""

    def __init__(self, instead: Any = None) -> None:
        super().__init__()
        self.instead = instead


def _fit_each(values: Sequence[Any], kind: pa.DataType, convert: Callable[[Any], Any]) -> Fitted:
    fitted, misfits = [], {}
    for row, value in enumerate(values):
        try:
            fitted.append(None if value is None else convert(value))
        except _Misfit as misfit:
            fitted.append(misfit.instead)
            misfits[row] = value
    return Fitted(pa.array(fitted, kind), misfits)


def _to_text(value: Any) -> str:
    """Show anything as text; the original is kept as well, since 5 and "5" look alike."""
    if isinstance(value, str):
        return value
    raise _Misfit(orjson.dumps(value).decode())


def _to_integer(value: Any) -> int:
    match value:
        case bool():
            raise _Misfit
        case int() if -(2**63) <= value < 2**63:
            return value
        case float() if value.is_integer() and abs(value) <= _EXACT_AS_DOUBLE:
            return int(value)
        case str() if _INTEGER.fullmatch(value):
            return _to_integer(int(value))
    raise _Misfit


def _to_double(value: Any) -> float:
    match value:
        case bool():
            raise _Misfit
        case float():
            return value
        case int() if abs(value) <= _EXACT_AS_DOUBLE:
            return float(value)
        case int():
            raise _Misfit(float(value))
        case str():
            return _number_in_text(value)
    raise _Misfit


def _number_in_text(text: str) -> float:
    try:
        number = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _Misfit from None
    if isinstance(number, str):
        raise _Misfit
    return _to_double(number)


def _to_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    raise _Misfit


_SCALARS: Mapping[pa.DataType, tuple[frozenset[type], Callable[[Any], Any]]] = {
    pa.string(): (frozenset({str, _NONE}), _to_text),
    # Arrow alone would cut 1.5 to 1 in silence
    pa.int64(): (frozenset({int, _NONE}), _to_integer),
    pa.float64(): (frozenset({float, _NONE}), _to_double),
    pa.bool_(): (frozenset({bool, _NONE}), _to_boolean),
}
"""For each scalar type: the Python types that fit as they are, and the conversion for the others."""

_SPECIAL: Mapping[pa.DataType, Callable[[Sequence[Any], pa.DataType, set[type]], Fitted]] = {
    pa.json_(): _fit_json,
    times.TIMESTAMP: _fit_times,
}
