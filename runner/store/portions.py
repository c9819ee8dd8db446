"""Many ids, cut into what one statement may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_Id = TypeVar("_Id", int, str)

_SIZE = 1_000
"""SQLite takes 32,766 parameters, PostgreSQL 65,535; a statement of this size is as fast for each of them."""


def portions(ids: Sequence[_Id]) -> Iterator[Sequence[_Id]]:
    """Cut ids into portions of at most a thousand."""
    return (ids[start : start + _SIZE] for start in range(0, len(ids), _SIZE))
