"""Fills the `p_any_*` columns from the fields that the schema says feed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from runner.ingest import field_texts
from runner.ingest.field_texts import ROW, FieldTexts
from runner.ingest.indicators import SCANNERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.ingest.fitted_records import FittedRecords
    from runner.ingest.indicators import Scanner
    from runner.ingest.schema import IndicatorSource

TEXTS = pa.list_(pa.string())
_REMEMBERED = 20_000


class IndicatorColumns:
    """The `p_any_*` columns of one schema. A row lists each value once, in order, and is NULL where there is none."""

    def __init__(self, sources: Sequence[IndicatorSource]) -> None:
        self._sources = [(source.path, _Scans(SCANNERS[source.scanner])) for source in sources]
        self.names = sorted({column for _, scans in self._sources for column in scans.columns})

    def arrays(self, fitted: FittedRecords) -> list[pa.Array]:
        """Return the columns for some records, in the order of `names`."""
        found: dict[str, list[FieldTexts]] = {name: [] for name in self.names}
        for path, scans in self._sources:
            for column, values in scans.look_through(field_texts.texts_at(path, fitted)):
                found[column].append(values)
        return [_lists(found[name], fitted.size) for name in self.names]


class _Scans(dict[str, "Mapping[str, str]"]):
    """What a scanner finds in a text, by column: logs repeat themselves, so it is kept for a while."""

    def __init__(self, scanner: Scanner) -> None:
        super().__init__()
        self.columns = scanner.columns
        self._scan = scanner.scan

    def look_through(self, values: FieldTexts) -> Iterator[tuple[str, FieldTexts]]:
        if not len(values.texts):
            return
        if len(self) > _REMEMBERED:
            self.clear()
        coded = values.texts.dictionary_encode()
        found = [self[text] for text in coded.dictionary.to_pylist()]
        for column in self.columns:
            texts = pa.array([columns.get(column) for columns in found], pa.string()).take(coded.indices)
            yield column, FieldTexts(values.rows.filter(texts.is_valid()), texts.drop_null())

    def __missing__(self, text: str) -> Mapping[str, str]:
        self[text] = found = dict(self._scan(text))
        return found


def _lists(found: Sequence[FieldTexts], size: int) -> pa.Array:
    """Return for each row the list of its texts."""
    found = [values for values in found if len(values.rows)]
    if not found:
        return pa.nulls(size, TEXTS)
    rows, texts = _each_once(
        pa.concat_arrays([values.rows for values in found]),
        pa.concat_arrays([values.texts for values in found]),
    )
    runs = pc.run_end_encode(rows)
    ends = pa.concat_arrays([pa.array([0], pa.int32()), runs.run_ends])
    lists = pa.ListArray.from_arrays(ends, texts, type=TEXTS)
    if len(lists) == size:
        return lists
    return lists.take(pc.index_in(pa.arange(0, size), value_set=runs.values))


def _each_once(rows: pa.Array, texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Put texts in order of their rows and then of themselves, each of them once for a row."""
    coded = texts.dictionary_encode()
    order = pc.sort_indices(coded.dictionary)
    words = coded.dictionary.take(order)
    rank = pc.sort_indices(order).cast(ROW)
    keys = pc.add(pc.multiply(rows, len(words)), rank.take(coded.indices))
    keys = pc.unique(keys)
    keys = keys.take(pc.sort_indices(keys))
    rows = pc.divide(keys, len(words))
    return rows, words.take(pc.subtract(keys, pc.multiply(rows, len(words))))
