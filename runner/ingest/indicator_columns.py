"""Fills the `p_any_*` columns from the fields that the schema says feed them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from runner.ingest.field_values import FieldValues
from runner.ingest.indicators import SCANNERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runner.ingest.formats import Record
    from runner.ingest.schema import FieldPath, IndicatorSource

TEXTS = pa.list_(pa.string())
_REMEMBERED = 20_000

_Texts = tuple[str, ...] | None


class IndicatorColumns:
    """The `p_any_*` columns of one schema. A row lists each value once, in order, and is NULL where there is none."""

    def __init__(self, sources: Sequence[IndicatorSource]) -> None:
        self._groups = [_Findings(group) for group in _groups(sources)]
        self.names = sorted(name for group in self._groups for name in group.names)

    def arrays(self, records: Sequence[Record]) -> list[pa.Array]:
        """Return the columns for some records, in the order of `names`."""
        values = FieldValues(records)
        found = {name: array for group in self._groups for name, array in group.columns(values)}
        return [found[name] for name in self.names]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    """Sources that feed columns together."""

    names: frozenset[str]
    sources: tuple[IndicatorSource, ...]


def _groups(sources: Iterable[IndicatorSource]) -> list[_Group]:
    """Put sources together that share a column: accounts are found in ARNs too, but never in request ids."""
    groups: list[_Group] = []
    for source in sources:
        names = frozenset(SCANNERS[source.scanner].columns)
        together = [group for group in groups if group.names & names]
        groups = [group for group in groups if group not in together]
        groups.append(
            _Group(
                names=names.union(*(group.names for group in together)),
                sources=(*(earlier for group in together for earlier in group.sources), source),
            )
        )
    return groups


class _Findings(dict[tuple[Any, ...], tuple[_Texts, ...]]):
    """What is found for a group, by the values of its fields: logs repeat themselves, so it is kept for a while."""

    def __init__(self, group: _Group) -> None:
        super().__init__()
        self.names = sorted(group.names)
        self._scans = [SCANNERS[source.scanner].scan for source in group.sources]
        self._paths: list[FieldPath] = [source.path for source in group.sources]

    def columns(self, values: FieldValues) -> Iterator[tuple[str, pa.Array]]:
        if len(self) > _REMEMBERED:
            self.clear()
        rows = list(zip(*(values.at(path) for path in self._paths), strict=True))
        try:
            found = [self[row] for row in rows]
        except TypeError:  # lists cannot be looked up as they are
            found = [self[tuple(map(_hashable, row))] for row in rows]
        for number, name in enumerate(self.names):
            yield name, pa.array([texts[number] for texts in found], TEXTS)

    def __missing__(self, row: tuple[Any, ...]) -> tuple[_Texts, ...]:
        texts: dict[str, set[str]] = {name: set() for name in self.names}
        for value, scan in zip(row, self._scans, strict=True):
            for text in value if isinstance(value, tuple) else (value,):
                for name, found in scan(text) if isinstance(text, str) else ():
                    texts[name].add(found)
        self[row] = columns = tuple(tuple(sorted(texts[name])) or None for name in self.names)
        return columns


def _hashable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str))
    return None if isinstance(value, dict) else value
