"""RuleCache: what rules remember from run to run, kept in the state database and shared by all daemons."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from runner.detections.cache import NOTHING, CacheItem, applied
from runner.store.database import take_turns
from runner.store.schema import rule_cache

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from runner.clock import Clock
    from runner.detections.cache import CacheCall
    from runner.store.database import Database

_SWEEP_EVERY: Final = timedelta(hours=1)
_LOCK: Final = "rule_cache:"


class RuleCache:
    """A cache for rules; each call is one transaction. Raises `StoreError`; threads may share one.

    Items that have expired are deleted now and then.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._swept_at: datetime | None = None

    def call(self, call: CacheCall) -> Any:
        """Do what a call asks for, and return its answer. Raises `ValueError` if the item would be too large."""
        now = self._clock.now()
        if call.operation == "get":
            with self._database.reading() as connection:
                return applied(_item(connection, call.key), call, now.timestamp())[1]
        with self._database.transaction() as connection:
            self._sweep(connection, now)
            take_turns(connection, [_LOCK + call.key])
            before = _item(connection, call.key)
            after, answer = applied(before, call, now.timestamp())
            if after != before:
                _keep(connection, call.key, after)
            return answer

    def _sweep(self, connection: Connection, now: datetime) -> None:
        if self._swept_at is None or now - self._swept_at >= _SWEEP_EVERY:
            self._swept_at = now
            expired = rule_cache.c.expires_at <= int(now.timestamp())
            connection.execute(rule_cache.delete().where(expired))


def _item(connection: Connection, key: str) -> CacheItem:
    row = connection.execute(sa.select(rule_cache).where(rule_cache.c.key == key)).one_or_none()
    if row is None:
        return NOTHING
    return CacheItem(
        count=row.counter,
        strings=None if row.strings is None else frozenset(row.strings),
        dictionary=row.dictionary,
        expires_at=row.expires_at,
    )


def _keep(connection: Connection, key: str, item: CacheItem) -> None:
    connection.execute(rule_cache.delete().where(rule_cache.c.key == key))
    if (item.count, item.strings, item.dictionary) != (None, None, None):
        row = {
            "key": key,
            "counter": item.count,
            "strings": None if item.strings is None else sorted(item.strings),
            "dictionary": item.dictionary,
            "expires_at": item.expires_at,
        }
        connection.execute(rule_cache.insert().values(row))
