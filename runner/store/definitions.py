"""The last good version of each definition, and the faults there are now, in the state database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from runner.definitions.last_good import GoodSource
from runner.store.database import upsert
from runner.store.portions import portions
from runner.store.schema import definition_faults, good_definitions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from runner.clock import Clock
    from runner.store.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class DefinitionFault:
    """Something that is wrong with a definition as its file stands now."""

    message: str
    """Place, code and sentence, as `runner check` prints them."""
    kept: tuple[str, ...]
    """The ids of the definitions that run on in their last good version because of it."""
    since: datetime | None = None
    """When a daemon saw it first (aware, UTC)."""


class DefinitionStore:
    """What a daemon remembers of the definitions over a restart. Every method is one transaction.

    Raises `StoreError`; threads may share one.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def known(self) -> dict[str, tuple[str, str]]:
        """Return for each definition that is remembered its file and the digest of its version."""
        chosen = sa.select(
            good_definitions.c.definition_id, good_definitions.c.path, good_definitions.c.digest
        )
        with self._database.reading() as connection:
            return {row.definition_id: (row.path, row.digest) for row in connection.execute(chosen)}

    def sources(self, ids: Collection[str]) -> list[GoodSource]:
        """Return the last good versions of some definitions; those that are not known are left out."""
        with self._database.reading() as connection:
            return [source for some in portions(sorted(ids)) for source in _sources(connection, some)]

    def remember(self, changed: Sequence[GoodSource], gone: Collection[str]) -> None:
        """Remember new good versions, and forget definitions that were deleted."""
        with self._database.transaction() as connection:
            if gone:
                sql = sa.delete(good_definitions).where(
                    good_definitions.c.definition_id == sa.bindparam("gone")
                )
                connection.execute(sql, [{"gone": name} for name in sorted(gone)])
            if changed:
                insert = upsert(connection, good_definitions)
                columns = ("path", "digest", "text", "python_path", "python_text")
                statement = insert.on_conflict_do_update(
                    index_elements=["definition_id"], set_={name: insert.excluded[name] for name in columns}
                )
                connection.execute(statement, [_row_of(source) for source in changed])

    def tell_faults(self, faults: Sequence[DefinitionFault]) -> None:
        """Say what is wrong now; what is told no more has been mended, what was told before stays since then."""
        now = self._clock.now()
        rows = [
            {"message": fault.message, "kept": list(fault.kept), "since": fault.since or now}
            for fault in faults
        ]
        with self._database.transaction() as connection:
            there = frozenset(connection.scalars(sa.select(definition_faults.c.message)))
            mended = sorted(there - {fault.message for fault in faults})
            if mended:
                sql = sa.delete(definition_faults).where(
                    definition_faults.c.message == sa.bindparam("mended")
                )
                connection.execute(sql, [{"mended": message} for message in mended])
            if rows:
                insert = upsert(connection, definition_faults)
                statement = insert.on_conflict_do_update(
                    index_elements=["message"], set_={"kept": insert.excluded.kept}
                )
                connection.execute(statement, rows)

    def faults(self) -> list[DefinitionFault]:
        """Return what is wrong with the definitions, as the daemon that looked last has told, by place."""
        chosen = sa.select(definition_faults).order_by(definition_faults.c.message)
        with self._database.reading() as connection:
            return [
                DefinitionFault(message=row.message, kept=tuple(row.kept), since=row.since)
                for row in connection.execute(chosen)
            ]


def _sources(connection: Connection, ids: Sequence[str]) -> Iterable[GoodSource]:
    chosen = sa.select(good_definitions).where(good_definitions.c.definition_id.in_(ids))
    for row in connection.execute(chosen):
        yield GoodSource(
            definition_id=row.definition_id,
            path=row.path,
            text=row.text,
            python_path=row.python_path,
            python_text=row.python_text,
        )


def _row_of(source: GoodSource) -> dict[str, object]:
    return {
        "definition_id": source.definition_id,
        "path": source.path,
        "digest": source.digest,
        "text": source.text,
        "python_path": source.python_path,
        "python_text": source.python_text,
    }
