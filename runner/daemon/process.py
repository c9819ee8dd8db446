"""Daemon: the process from start to stop."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from runner.daemon.definitions import CurrentDefinitions
from runner.daemon.executor import Executor
from runner.daemon.lock import only_daemon
from runner.daemon.planner import Planner
from runner.definitions.catalogue import read_catalogue
from runner.errors import StoreError
from runner.pipeline import Pipeline
from runner.runs.retry import RetryPolicy
from runner.schedule.ledger import CatchUp
from runner.schedule.scheduler import AlarmClock
from runner.schedule.timing import QueryTiming
from runner.store.state import StateStore
from runner.worker.pool import WorkerPool

if TYPE_CHECKING:
    from runner.clock import Clock
    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.settings import Settings

_log = structlog.get_logger(__name__)

_SAFETY_SECONDS = 30.0
"""The planner is woken this often, whatever the alarm does: a suspended machine or a moved clock costs no more."""
_LEASE_SHARE = 3
"""Leases are extended this many times before they would end."""


class Daemon:
    """Runs every enabled query at its due times, until it is told to stop."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._stopping = threading.Event()
        self._planning = threading.Lock()
        self._lease = timedelta(seconds=settings["daemon.lease_seconds"])
        self._host = f"{socket.gethostname()}/"
        self._owner = f"{self._host}{os.getpid()}-{secrets.token_hex(4)}"

    def run(self) -> None:
        """Start, work until `stop`, and end in good order. Raises `StoreError`."""
        with ExitStack() as stack:
            self._put_together(stack)
            self._alarm.start()
            self._executor.start(self._settings["workers.count"])
            _log.info("daemon_started", owner=self._owner, queries=len(self._definitions.catalogue.queries))
            self._stopping.wait()
            self._drain()
        _log.info("daemon_stopped", owner=self._owner)

    def stop(self) -> None:
        """Begin nothing new, let runs end, and leave. A second call leaves at once."""
        if self._stopping.is_set():
            self._workers.interrupt()
        self._stopping.set()

    def stop_on_signals(self) -> None:
        """Stop on SIGTERM and SIGINT, and reload on SIGHUP."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=self.reload).start())

    def reload(self) -> None:
        """Take in what has changed in the definitions."""
        if self._definitions.reload():
            self._load()
            self._set_alarm()
            self._executor.wake()

    def tick(self) -> None:
        """Record what has fallen due, and wake those who run it."""
        with self._planning:
            recorded = self._planner.plan(self._clock.now())
        if recorded:
            _log.info("due_times_recorded", count=recorded)
        self._executor.wake()
        self._set_alarm()

    def _put_together(self, stack: ExitStack) -> None:
        settings = self._settings
        if (file := _sqlite_file(settings)) is not None:
            stack.enter_context(only_daemon(file.with_name(file.name + ".daemon.lock")))
        self._store = StateStore(
            settings.state_url, clock=self._clock, events_per_alert=settings["state.events_per_alert"]
        )
        stack.callback(self._store.close)
        if file is not None:
            self._store.ledger.release_all("")  # nobody else can be at work: what was claimed was lost
        self._workers = stack.enter_context(WorkerPool(settings["workers.count"]))
        self._definitions = CurrentDefinitions(
            lambda: read_catalogue(settings.root, exclude=settings["definitions.exclude"])
        )
        self._planner = Planner(self._store.ledger, self._timing_of)
        self._load()
        self._executor = Executor(
            store=self._store,
            catalogue=lambda: self._definitions.catalogue,
            pipeline_of=self._pipeline_of,
            owner=self._owner,
            lease=self._lease,
            retries=RetryPolicy(),
        )
        self._alarm = self._alarm_clock()
        stack.callback(self._alarm.stop)

    def _load(self) -> None:
        catalogue = self._definitions.catalogue
        with self._planning:
            self._planner.load(
                catalogue.queries.values(), self._clock.now(), are_complete=not catalogue.errors
            )

    def _alarm_clock(self) -> AlarmClock:
        alarm = AlarmClock()
        alarm.every(_SAFETY_SECONDS, self.tick)
        alarm.every(self._settings["daemon.reload_seconds"], self.reload)
        alarm.every(self._lease.total_seconds() / _LEASE_SHARE, self._extend_leases)
        self._alarm = alarm
        self._set_alarm()
        return alarm

    def _set_alarm(self) -> None:
        moment = self._planner.next_moment()
        if moment is not None and not self._stopping.is_set():
            self._alarm.at(moment, self.tick)

    def _extend_leases(self) -> None:
        try:
            self._store.ledger.extend_leases(self._owner, self._lease)
        except StoreError as error:
            _log.error("state_unavailable", fault=str(error))

    def _drain(self) -> None:
        """Let runs end within the limit; those that do not are given back, to be run again later."""
        _log.info("daemon_stopping")
        self._alarm.stop()
        self._executor.stop()
        if not self._executor.wait(self._settings["daemon.drain_seconds"]):
            self._workers.interrupt()
            self._executor.wait(self._settings["daemon.drain_seconds"])

    def _pipeline_of(self, catalogue: Catalogue) -> Pipeline:
        return Pipeline(
            catalogue=catalogue,
            settings=self._settings,
            store=self._store,
            workers=self._workers,
            clock=self._clock,
        )

    def _timing_of(self, query: ScheduledQuery) -> QueryTiming:
        return timing_of(self._settings, query)


def timing_of(settings: Settings, query: ScheduledQuery) -> QueryTiming:
    """Return what the settings hold for a query's time."""

    def option(name: str) -> float:
        value: float = settings.of_query(query.name, query.tags, name)
        return value

    return QueryTiming(
        settle=timedelta(seconds=option("settle_seconds")),
        skew=timedelta(seconds=option("skew_seconds")),
        catch_up=CatchUp(settings.of_query(query.name, query.tags, "catch_up")),
        catch_up_limit=int(option("catch_up_limit")),
    )


def _sqlite_file(settings: Settings) -> Path | None:
    url = sa.make_url(settings.state_url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
