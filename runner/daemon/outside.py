"""Outside: all by which the daemon is seen by those who are not inside it.

It says in the state database that it is alive, answers probes and scrapes over HTTP, tells systemd how it is, and
calls the heartbeat URL while the whole chain works.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Self

import structlog

from runner import __version__
from runner.daemon.fleet_metrics import FleetMetrics
from runner.daemon.heartbeat import Heartbeat
from runner.daemon.outlook import Outlook
from runner.daemon.probes import ProbeServer
from runner.errors import StoreError
from runner.status.daemon_record import DaemonRecord
from runner.status.health import chain_troubles, delivery_health, fleet_health

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from runner.clock import Clock
    from runner.daemon.pulse import Pulse
    from runner.daemon.service_manager import ServiceManager
    from runner.definitions.catalogue import Catalogue
    from runner.metrics import Metrics
    from runner.schedule.scheduler import AlarmClock
    from runner.settings import Settings
    from runner.store.definitions import DefinitionFault
    from runner.store.state import StateStore
    from runner.worker.pool import WorkerPool

_log = structlog.get_logger(__name__)

_BEAT_SECONDS = 10.0
_LASTING = timedelta(seconds=60)
"""A daemon that was not heard of for so long is taken for dead."""
_WATCHDOG_SHARE = 3
"""The watchdog is told this many times before it would act."""
_VIEW_SECONDS = 60.0
"""How old the view of all queries may be by which the daemon judges itself."""


class Outside:
    """Use it as a context: what is open is closed at its end, and the state database is told."""

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        store: StateStore,
        workers: WorkerPool,
        owner: str,
        metrics: Metrics,
        pulse: Pulse,
        manager: ServiceManager,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._store = store
        self._workers = workers
        self._owner = owner
        self._metrics = metrics
        self._pulse = pulse
        self._manager = manager
        self._outlook = Outlook(store.standing, clock)
        self._started_at = clock.now()
        self._definitions_at = self._started_at
        self._catalogue: Catalogue | None = None
        self._faults: tuple[DefinitionFault, ...] = ()
        self._state_fault: str | None = "the state database has not been written to yet"
        self._is_stopping = False
        self._clock_behind: timedelta | None = None
        self._told: tuple[str, ...] = ()
        self._beating = Lock()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        metrics, settings = self._metrics, self._settings
        metrics.started_at.set(self._started_at.timestamp())
        metrics.registry.register(
            FleetMetrics(
                outlook=self._outlook,
                own=self._own_figures,
                deaths=lambda: self._workers.deaths,
                overdue_limit=settings["health.overdue_seconds"],
                most_queries=settings["metrics.query_series"],
            )
        )
        if settings["http.listen"] is not None:
            probes = ProbeServer(
                settings["http.listen"],
                health=self.loop_troubles,
                readiness=self.unready,
                registry=metrics.registry,
            )
            self._stack.enter_context(probes)
            _log.info("http_listening", address=probes.address)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        try:
            self._store.standing.daemon_stopped(self._owner)
        except StoreError as fault:
            _log.error("state_unavailable", fault=str(fault))

    def attend(self, alarm: AlarmClock) -> None:
        """Have the alarm clock call what is to be done again and again."""
        self._pulse.beat("alarm", _BEAT_SECONDS * 6)
        alarm.every(_BEAT_SECONDS, self.beat)
        if self._manager.watchdog_seconds is not None:
            alarm.every(self._manager.watchdog_seconds / _WATCHDOG_SHARE, self.watch)

    def watch(self) -> None:
        """Keep the watchdog quiet, if every loop of the process is alive."""
        if not self.loop_troubles():
            self._manager.all_is_well()

    def loaded(self, catalogue: Catalogue, faults: Iterable[DefinitionFault]) -> None:
        """Take note that these definitions are in use from now on."""
        self._catalogue, self._faults = catalogue, tuple(faults)
        self._definitions_at = now = self._clock.now()
        self._metrics.reloads.labels(result="done").inc()
        self._metrics.definitions_at.set(now.timestamp())
        self._metrics.definitions.labels(kind="query").set(len(catalogue.queries))
        self._metrics.definitions.labels(kind="rule").set(len(catalogue.rules))
        self._metrics.definition_faults.set(len(self._faults))

    def clock_is_behind(self, by: timedelta | None) -> None:
        """Take note that nothing is recorded until the clock is right; None: it is."""
        self._clock_behind = by

    def started(self) -> None:
        """Take note that the daemon is at work."""
        self.beat()
        self._manager.ready()
        if (url := self._settings["heartbeat.url"]) is not None:
            beating = Heartbeat(
                url, every=self._settings["heartbeat.seconds"], troubles=self.troubles, metrics=self._metrics
            )
            self._stack.enter_context(beating)

    def stopping(self) -> None:
        """Take note that nothing new is begun any more."""
        self._is_stopping = True
        self._manager.stopping()

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Tell systemd that the definitions are read again, as long as the block runs."""
        self._manager.reloading()
        try:
            yield
        finally:
            self._manager.ready()

    def beat(self) -> None:
        """Say that the daemon is alive, and what it is at."""
        with self._beating:
            self._pulse.beat("alarm", _BEAT_SECONDS * 6)
            record = self._record()
            self._tell_troubles(record.troubles)
            self._manager.status(_in_one_line(record))
            try:
                self._store.standing.beat(record, _LASTING)
                self._state_fault = None
            except StoreError as error:
                self._state_fault = str(error)
                self._metrics.state_errors.inc()
                _log.error("state_unavailable", fault=str(error))

    def _tell_troubles(self, troubles: tuple[str, ...]) -> None:
        """Log what is wrong with the running of queries when it changes."""
        if troubles and troubles != self._told:
            _log.warning("daemon_troubled", troubles=list(troubles))
        if self._told and not troubles:
            _log.info("daemon_well_again")
        self._told = troubles

    def loop_troubles(self) -> list[str]:
        """Return what is wrong with the process itself, whatever may be wrong around it."""
        return [f"the {loop} loop was not heard of in time" for loop in self._pulse.late()]

    def unready(self) -> list[str]:
        """Return why the daemon cannot run queries now."""
        found = self.loop_troubles()
        if self._is_stopping:
            found.append("the daemon is stopping")
        if self._catalogue is None:
            found.append("the definitions are not loaded yet")
        if self._state_fault is not None:
            found.append(self._state_fault)
        return [*found, *self._clock_troubles()]

    def _clock_troubles(self) -> Iterator[str]:
        if self._clock_behind is not None:
            by = timedelta(seconds=round(self._clock_behind.total_seconds()))
            yield f"the clock is {by} behind what is recorded already; nothing is recorded until it is right"

    def troubles(self, max_age: float = 0.0) -> list[str]:
        """Return why the whole chain does not work, from definitions to results; nothing if it does."""
        return [*self.unready(), *self._lost_definitions(), *self._chain_troubles(max_age)]

    def _lost_definitions(self) -> Iterator[str]:
        for fault in self._faults:
            if not fault.kept:
                yield f"a definition is faulty, and has no last good version: {fault.message}"

    def _chain_troubles(self, max_age: float) -> Iterator[str]:
        try:
            view = self._outlook.view(max_age)
        except StoreError as error:
            yield str(error)
            return
        yield from chain_troubles(
            fleet_health(view.queries, self._settings["health.overdue_seconds"]),
            delivery_health(view.deliveries, view.undelivered, self._settings["health.undelivered_seconds"]),
        )

    def _own_figures(self) -> dict[str, float]:
        return {
            "runner_workers": self._settings["workers.count"],
            "runner_workers_busy": len(self._workers.busy),
            "runner_loops_late": len(self._pulse.late()),
        }

    def _record(self) -> DaemonRecord:
        catalogue = self._catalogue
        host = self._owner.rpartition("/")[0]
        return DaemonRecord(
            owner=self._owner,
            host=host,
            pid=os.getpid(),
            version=__version__,
            started_at=self._started_at,
            workers=self._settings["workers.count"],
            busy=len(self._workers.busy),
            queries=len(catalogue.queries) if catalogue else 0,
            rules=len(catalogue.rules) if catalogue else 0,
            definitions_at=self._definitions_at,
            troubles=(*self.loop_troubles(), *self._clock_troubles(), *self._chain_troubles(_VIEW_SECONDS)),
        )


def _in_one_line(record: DaemonRecord) -> str:
    busy = f"{record.busy} of {record.workers} workers busy, {record.queries} queries"
    return "; ".join([busy, *record.troubles])
