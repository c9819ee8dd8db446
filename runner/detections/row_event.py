"""RowEvent: an event over the columns of a batch, which converts a column only when a rule touches it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from runner.detections.event import Event, matching_key, unwrapped, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.detections.event import LookupSource
    from runner.lake.rows import RowBatch

_UNSEEN: list[Any] = []
"""Stands for a column that nobody has asked for yet; None stands for one that is not there."""
_SCALARS = frozenset({str, int, float, bool, type(None)})


class RowEvent(Event):
    """One row of a batch. Every access that needs the whole row builds a plain dict of it, once."""

    __slots__ = ("_batch", "_columns", "_row", "_whole")

    data_model = None
    _lookups: LookupSource | None = None
    """See `row_event_class`."""

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

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of a column, wrapped; the default only if there is no such column."""
        values = self._columns.get(key, _UNSEEN)
        if values is None:
            return default
        if values is _UNSEEN:
            try:
                value = self._touch(key)
            except KeyError:
                return default
        else:
            value = values[self._row]
        return value if type(value) in _SCALARS else wrapped(value)

    def __getitem__(self, key: Any) -> Any:
        values = self._columns.get(key, _UNSEEN)
        if values is None:
            raise KeyError(key)
        value = self._touch(key) if values is _UNSEEN else values[self._row]
        return value if type(value) in _SCALARS else wrapped(value)

    def _touch(self, key: Any) -> Any:
        """Return the value of a column that is not converted yet. Raises `KeyError` if there is none."""
        if isinstance(key, str):
            return self._batch.cell(key, self._row)
        return unwrapped(super().__getitem__(key))

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str):
            return super().__contains__(key)
        return self._batch.index_of(key) is not None

    def deep_get(self, *keys: str, default: Any = None) -> Any:
        """Return the value at the end of a path of keys; see `Event.deep_get`.

        A path through objects converts what stands at its end, and not the objects.
        """
        values = self._columns.get(keys[0], _UNSEEN) if len(keys) == 1 else self._batch.leaves.get(keys)
        value = values[self._row] if values else self._walked(keys)
        if value is None:
            return default
        return value if type(value) in _SCALARS else wrapped(value)

    def _walked(self, keys: tuple[str, ...]) -> Any:
        """Return what stands at the end of a path, plain; None if nothing does."""
        if not keys:
            return self
        if len(keys) > 1 and all(isinstance(key, str) for key in keys) and keys not in self._batch.leaves:
            with suppress(KeyError):  # a path that has to be walked
                return self._batch.leaf(keys, self._row)
        value = unwrapped(self.get(keys[0]))
        for key in keys[1:]:
            if type(value) is not dict:
                return None
            step = value.get(key)
            if step is None:
                name = None if key in value else matching_key(value, key)
                step = None if name is None else value[name]
            value = step
        return value


def row_event_class(lookups: LookupSource | None) -> type[RowEvent]:
    """Return the class for the rows of a job whose rules may look things up.

    What all rows of a job share stands on their class: a row is made in half a microsecond, and each further
    attribute would show.
    """
    return (
        type(RowEvent.__name__, (RowEvent,), {"__slots__": (), "_lookups": lookups}) if lookups else RowEvent
    )


def materialise(events: Sequence[RowEvent]) -> None:
    """Build the whole rows of some events of one batch together, which is quicker than one by one."""
    waiting = [event for event in events if event._whole is None]  # noqa: SLF001  a friend of the class
    if waiting:
        rows = waiting[0]._batch.rows([event._row for event in waiting])  # noqa: SLF001  as above
        for event, row in zip(waiting, rows, strict=True):
            event._whole = row  # noqa: SLF001  as above
