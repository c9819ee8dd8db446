"""RowEvent: an event over the columns of a batch, which converts a column only when a rule touches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.detections.event import Event, matching_key, wrapped

if TYPE_CHECKING:
    from runner.lake.rows import RowBatch

_SCALARS = frozenset({str, int, float, bool, type(None)})


class RowEvent(Event):
    """One row of a batch. Every access that needs the whole row builds a plain dict of it, once."""

    __slots__ = ("_batch", "_columns", "_row", "_whole")

    def __init__(self, batch: RowBatch, row: int) -> None:
        self._batch = batch
        self._columns = batch.columns
        self._row = row
        self._whole: dict[str, Any] | None = None

    @property
    def _container(self) -> dict[str, Any]:  # type: ignore[override]  # the base keeps it as a plain slot
        whole = self._whole
        if whole is None:
            whole = self._whole = self._batch.row(self._row)
        return whole

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a column, wrapped; the default only if there is no such column."""
        try:
            value = self._columns[key][self._row]  # type: ignore[index]  # None is caught below
        except (KeyError, TypeError):
            try:
                value = self._cell(key)
            except KeyError:
                return default
        return value if type(value) in _SCALARS else wrapped(value)

    def __getitem__(self, key: str) -> Any:
        try:
            value = self._columns[key][self._row]  # type: ignore[index]  # as above
        except (KeyError, TypeError):
            value = self._cell(key)
        return value if type(value) in _SCALARS else wrapped(value)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._batch.index_of(key) is not None

    def deep_get(self, *keys: str, default: Any = None) -> Any:
        """Return the value at the end of a path of keys; see `Event.deep_get`."""
        if not keys:
            return self
        try:
            value = self._columns[keys[0]][self._row]  # type: ignore[index]  # as above
        except (KeyError, TypeError):
            try:
                value = self._cell(keys[0])
            except KeyError:
                return default
        for key in keys[1:]:
            if type(value) is not dict:
                return default
            step = value.get(key)
            if step is None:
                name = None if key in value else matching_key(value, key)
                step = None if name is None else value[name]
            value = step
        if value is None:
            return default
        return value if type(value) in _SCALARS else wrapped(value)

    def _cell(self, key: str) -> Any:
        if not isinstance(key, str):
            raise AttributeError(f"{type(key).__name__} is no name of a column")  # noqa: TRY004  as Panther's events do
        return self._batch.cell(key, self._row)
