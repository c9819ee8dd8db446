"""The floor: the same rules called in a bare loop over plain dicts, with none of what the program adds.

It is mutable, tells keys apart by case, catches nothing, limits nothing, checks nothing that a rule returns,
writes no JSON and stores nothing. No runner can be cheaper; what it adds is the price of what it promises.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import duckdb
import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from runner.detections.detection import Detection

    _Function = Callable[[Any], object]
    """A function of a rule: it is given a plain dict here, and does not notice."""

_BATCH_ROWS = 4096


class PlainEvent(dict[str, Any]):
    """A dict that knows `deep_get`."""

    def deep_get(self, *keys: str, default: Any = None) -> Any:
        """Return the value at the end of a path, or the default."""
        value: Any = self
        try:
            for key in keys:
                value = value[key]
        except (KeyError, TypeError):
            return default
        return default if value is None else value


def plain_events(files: Sequence[str], rows: int | None = None) -> Iterator[PlainEvent]:
    """Fetch rows the cheapest known way to whole dicts: Arrow columns to lists, zipped, JSON columns parsed."""
    limit = "" if rows is None else f" LIMIT {rows}"
    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.sql(f"SELECT * FROM read_parquet({files!r}, hive_partitioning = false){limit}")  # noqa: S608  files of our own
        of_json = [str(type_) == "JSON" for type_ in found.types]
        names = found.columns
        for batch in found.to_arrow_reader(_BATCH_ROWS):
            columns = [
                _parsed(column.to_pylist()) if is_json else column.to_pylist()
                for column, is_json in zip(batch.columns, of_json, strict=True)
            ]
            for row in zip(*columns, strict=True):
                yield PlainEvent(zip(names, row, strict=True))


def count_matches(detections: Sequence[Detection], events: Iterable[PlainEvent]) -> Counter[tuple[str, Any]]:
    """Call every rule on every event, and the other functions of a match; count by rule and dedup string."""
    counts: Counter[tuple[str, Any]] = Counter()
    asked: list[tuple[str, _Function, list[tuple[str, _Function]]]] = [
        (one.rule_id, one.matcher, [(entry.name, function) for entry, function in one.functions])
        for one in detections
    ]
    for event in events:
        for rule_id, rule, functions in asked:
            if rule(event):
                outputs = {name: function(event) for name, function in functions}
                counts[rule_id, outputs.get("dedup")] += 1
    return counts


def _parsed(texts: list[str | None]) -> list[Any]:
    return [None if text is None else orjson.loads(text) for text in texts]
