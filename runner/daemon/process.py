"""Daemon: the process from start to stop."""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from runner.checkpoints import NO_CHECKPOINTS, Checkpoint
from runner.daemon.definitions import CurrentDefinitions, Look
from runner.daemon.executor import Executor
from runner.daemon.leftovers import remove_spill_of_the_dead
from runner.daemon.lock import lock_beside, next_daemon, only_daemon
from runner.daemon.orders import Order, Orders
from runner.daemon.outside import Outside
from runner.daemon.planner_loop import PlannerLoop
from runner.daemon.present import PresentTime
from runner.daemon.pulse import Pulse
from runner.daemon.reopening import Reopening
from runner.daemon.service_manager import ServiceManager
from runner.daemon.timings import timing_of
from runner.daemon.upkeep import Upkeep
from runner.daemon.watch import DefinitionWatch
from runner.definitions.definition_files import DefinitionFiles
from runner.delivery.assembly import post_office
from runner.errors import StoreError
from runner.lake.index.lake_index import LakeIndex
from runner.lake.landed_files import LandingWatch
from runner.metrics import Metrics
from runner.pipeline import Pipeline
from runner.runs.retry import RetryPolicy
from runner.schedule.scheduler import AlarmClock
from runner.store.database import sqlite_file
from runner.store.state import StateStore
from runner.worker.pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.checkpoints import Checkpoints
    from runner.clock import Clock
    from runner.definitions.catalogue import Catalogue
    from runner.settings import Settings

_log = structlog.get_logger(__name__)

_SAFETY_SECONDS = 30.0
"""The planner is woken this often, whatever the alarm does: a suspended machine or a moved clock costs no more."""
_PRUNE_SECONDS = 900.0
"""How often what is old is removed from the state database."""
_LATE_LOOK_SECONDS = 60.0
"""How often it is looked for logs that came late."""
_LEASE_SHARE = 3
"""Leases are extended this many times before they would end."""


_TROUBLE_SECONDS = 5.0
"""How long after the state database failed it is tried again."""
_AT_ONCE_SECONDS = 5.0
"""How long runs that were interrupted are given to be handed back."""


class Daemon:
    """Runs every enabled query at its due times, until it is told to stop.

    With `standby` it waits until no other daemon works on its SQLite database, rather than refuse to start.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        standby: bool = False,
        manager: ServiceManager | None = None,
        checkpoints: Checkpoints = NO_CHECKPOINTS,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._standby = standby
        self._manager = manager or ServiceManager()
        self._checkpoints = checkpoints
        self._orders = Orders()
        self._stopping = threading.Event()
        self._reads_all = threading.Event()
        self._is_planned = True
        self._lease = timedelta(seconds=settings["daemon.lease_seconds"])
        self._host = f"{socket.gethostname()}/"
        self._owner = f"{self._host}{os.getpid()}-{secrets.token_hex(4)}"
        self._metrics = Metrics()
        self._pulse = Pulse()

    def run(self) -> None:
        """Start, work until `stop`, and end in good order. Raises `StoreError`."""
        with ExitStack() as stack:
            stack.callback(self._orders.close)
            if self._has_its_turn(stack):
                self._put_together(stack)
                if not self._is_stopping():  # the start may have been long
                    self._work()
                    self._drain()
        _log.info("daemon_stopped", owner=self._owner)

    def stop(self) -> None:
        """Begin nothing new, let runs end, and leave. A second call leaves at once."""
        self._orders.put(Order.STOP)

    def _is_stopping(self) -> bool:
        """Whether the daemon was told to stop, be it that nobody has acted on it yet."""
        return self._stopping.is_set() or self._orders.holds(Order.STOP)

    def stop_on_signals(self) -> None:
        """Stop on SIGTERM and SIGINT, and reload on SIGHUP."""
        self._orders.put_on_signals(
            {signal.SIGTERM: Order.STOP, signal.SIGINT: Order.STOP, signal.SIGHUP: Order.RELOAD}
        )

    def reload(self) -> Look:
        """Look at the definitions, and take in what has changed. Raises `StoreError`; the next call goes on with it.

        For one thread at a time.
        """
        if self._reads_all.is_set():
            self._reads_all.clear()
            self._definitions.forget()
            with self._outside.reloading():
                return self._look()
        return self._look()

    def _look(self) -> Look:
        look = self._definitions.look()
        if look is Look.CHANGED:
            self._is_planned = False
        if not self._is_planned:
            self._checkpoints.reached(Checkpoint.RELOAD_SWAPPED)
            self._load()
            self._set_alarm()
            self._executor.wake()
            self._checkpoints.reached(Checkpoint.RELOADED)
        return look

    def tick(self) -> None:
        """Record what has fallen due, and wake those who run it. Raises `StoreError`; the next call records it."""
        recorded = self._planner.tick()
        self._outside.clock_is_behind(self._planner.waits_for_clock)
        if recorded:
            _log.info("due_times_recorded", count=recorded)
        self._executor.wake()
        self._set_alarm()

    def _has_its_turn(self, stack: ExitStack) -> bool:
        """Wait, if need be and asked for, until no other daemon is there; return False if told to stop before."""
        file = sqlite_file(self._settings.state_url)
        if file is None:
            return True
        lock = lock_beside(file)
        if not self._standby:
            stack.enter_context(only_daemon(lock))
            return True
        _log.info("daemon_standing_by", lock=str(lock))
        held = next_daemon(lock, lambda: self._orders.put(Order.LOCK_FREE), wait=self._waited_for_lock)
        return stack.enter_context(held)

    def _waited_for_lock(self) -> bool:
        while (order := self._orders.get()) not in (Order.STOP, Order.LOCK_FREE):
            pass
        return order is Order.LOCK_FREE

    def _put_together(self, stack: ExitStack) -> None:
        """Make the parts, in the order in which they need each other."""
        self._open_state(stack)
        self._start_workers(stack)
        self._read_definitions()
        self._make_executor()
        self._make_reopening(stack)
        self._make_post_office(stack)
        self._make_alarms(stack)

    def _open_state(self, stack: ExitStack) -> None:
        settings = self._settings
        self._checkpoints.reached(Checkpoint.LOCK_TAKEN)
        self._store = StateStore(
            settings.state_url,
            clock=self._clock,
            events_per_alert=settings["state.events_per_alert"],
            checkpoints=self._checkpoints,
        )
        stack.callback(self._store.close)
        self._checkpoints.reached(Checkpoint.STATE_OPENED)
        if sqlite_file(settings.state_url) is not None:
            # No other daemon can be at work: what was claimed was lost.
            self._store.ledger.release_all()
            self._store.outbox.release_all()
            self._checkpoints.reached(Checkpoint.LOST_CLAIMS_RELEASED)
        self._present = PresentTime(self._clock, self._store.ledger.server_time)

    def _start_workers(self, stack: ExitStack) -> None:
        settings = self._settings
        remove_spill_of_the_dead(settings.spill)
        self._workers = stack.enter_context(
            WorkerPool(settings["workers.count"], cache=self._store.rule_cache, checkpoints=self._checkpoints)
        )
        self._outside = stack.enter_context(
            Outside(
                settings=settings,
                clock=self._clock,
                store=self._store,
                workers=self._workers,
                owner=self._owner,
                metrics=self._metrics,
                pulse=self._pulse,
                manager=self._manager,
            )
        )

    def _read_definitions(self) -> None:
        settings = self._settings
        self._definitions = CurrentDefinitions(
            DefinitionFiles(
                settings.root, exclude=settings.not_definitions, folders=settings.definition_folders
            ),
            self._store.definitions,
            self._checkpoints,
        )
        self._checkpoints.reached(Checkpoint.DEFINITIONS_READ)
        self._planner = PlannerLoop(
            self._store.ledger,
            partial(timing_of, settings),
            now=self._present.now,
            is_stopping=self._is_stopping,
            pulse=self._pulse,
            metrics=self._metrics,
        )
        self._upkeep = Upkeep(
            self._store,
            settings,
            lambda: self._definitions.catalogue,
            may_exist=self._definitions.may_exist,
            stopping=self._stopping,
        )
        self._load()

    def _make_executor(self) -> None:
        self._executor = Executor(
            store=self._store,
            clock=self._clock,
            catalogue=lambda: self._definitions.catalogue,
            pipeline_of=self._pipeline_of,
            owner=self._owner,
            lease=self._lease,
            retries=RetryPolicy(failures=self._settings["failures.give_up_after"]),
            metrics=self._metrics,
            pulse=self._pulse,
            shares_work=sqlite_file(self._settings.state_url) is None,
            on_end=lambda: self._orders.put(Order.THREAD_ENDED),
            checkpoints=self._checkpoints,
        )

    def _make_reopening(self, stack: ExitStack) -> None:
        settings = self._settings
        index = LakeIndex(settings.lake, settings.lake_index, self._clock)
        stack.callback(index.close)
        self._reopening = Reopening(
            settings=settings,
            clock=self._clock,
            store=self._store,
            landings=LandingWatch(settings.lake, index),
            catalogue=lambda: self._definitions.catalogue,
            metrics=self._metrics,
        )

    def _make_post_office(self, stack: ExitStack) -> None:
        self._post = post_office(
            self._settings,
            self._store.outbox,
            clock=self._clock,
            owner=self._owner,
            catalogue=lambda: self._definitions.catalogue,
            random=random.random,
            pulse=self._pulse,
        )
        stack.callback(lambda: self._post.stop(_AT_ONCE_SECONDS))

    def _make_alarms(self, stack: ExitStack) -> None:
        self._alarm = self._alarm_clock()
        stack.callback(self._alarm.stop)
        self._watch = DefinitionWatch(
            root=self._settings.root,
            look=self._watched,
            folders=lambda: self._definitions.folders,
            seconds=self._settings["daemon.reload_seconds"],
            pulse=self._pulse,
        )
        stack.callback(self._watch.stop)

    def _load(self) -> None:
        catalogue = self._definitions.catalogue
        self._planner.load(catalogue.queries.values(), self._definitions.may_exist)
        self._is_planned = True
        self._outside.clock_is_behind(self._planner.waits_for_clock)
        self._outside.loaded(catalogue, self._definitions.faults)
        self._upkeep.definitions_loaded(catalogue)

    def _alarm_clock(self) -> AlarmClock:
        alarm = AlarmClock()
        alarm.every(_SAFETY_SECONDS, self._ticked)
        lease_seconds = self._lease.total_seconds()
        alarm.every(lease_seconds / _LEASE_SHARE, self._extend_leases)
        self._outside.attend(alarm)
        alarm.every(_SAFETY_SECONDS, self._upkeep.look)
        alarm.every(_PRUNE_SECONDS, self._upkeep.prune)
        alarm.every(_LATE_LOOK_SECONDS, lambda: self._done(self._reopening.look))
        self._alarm = alarm
        self._set_alarm()
        return alarm

    def _set_alarm(self) -> None:
        moment = self._planner.next_moment()
        if moment is not None and not self._stopping.is_set():
            self._alarm.after(self._clock.seconds_until(moment), self._ticked)

    def _extend_leases(self) -> None:
        """Say that what is going on is going on: until the very end, so also while runs are let end."""
        try:
            self._executor.extend_leases()
        except StoreError as error:
            self._metrics.state_errors.inc()
            _log.error("state_unavailable", fault=str(error))

    def _ticked(self) -> None:
        if not self._done(self.tick):
            self._alarm.after(_TROUBLE_SECONDS, self._ticked)

    def _watched(self) -> Look:
        """Look at the definitions, and say whether to look again in a moment."""
        looks: list[Look] = []
        if not self._done(lambda: looks.append(self.reload())):
            self._metrics.reloads.labels(result="failed").inc()
        return looks[0] if looks else Look.SAME

    def _done(self, job: Callable[[], object]) -> bool:
        """Do a job that begins something new, unless told to stop; say what went wrong, and return whether nothing did."""
        if self._stopping.is_set():
            return True
        try:
            job()
        except StoreError as error:
            self._metrics.state_errors.inc()
            _log.error("state_unavailable", fault=str(error))
        except Exception as error:  # noqa: BLE001  the boundary of a thread of the alarm clock: it is called again
            self._metrics.faults.inc()
            _log.error("daemon_job_failed", fault=repr(error))
        else:
            return True
        return False

    def _work(self) -> None:
        """Work until told to stop."""
        self._checkpoints.reached(Checkpoint.DAEMON_READY)
        self._alarm.start()
        self._watch.start()
        self._executor.start(self._settings["workers.count"])
        self._post.start()
        self._outside.started()
        _log.info("daemon_started", owner=self._owner, queries=len(self._definitions.catalogue.queries))
        while (order := self._orders.get()) is not Order.STOP:
            if order is Order.RELOAD:
                self._reads_all.set()
                self._watch.wake()

    def _drain(self) -> None:
        """Let runs end within the limit; those that do not are given back, to be run again later."""
        _log.info("daemon_stopping")
        self._stopping.set()
        self._planner.end()
        self._outside.stopping()
        self._checkpoints.reached(Checkpoint.DRAIN_BEGINS)
        self._executor.stop()
        self._runs_end(self._settings["daemon.drain_seconds"])
        if self._executor.is_at_work:
            self._checkpoints.reached(Checkpoint.DRAIN_INTERRUPTS)
            self._workers.interrupt()
            self._runs_end(_AT_ONCE_SECONDS, may_be_hurried=False)
        self._checkpoints.reached(Checkpoint.DRAINED)

    def _runs_end(self, seconds: float, *, may_be_hurried: bool = True) -> None:
        """Wait until all runs have ended, but no longer than this, nor longer than until told again to stop."""
        deadline = time.monotonic() + seconds
        while self._executor.is_at_work and (left := deadline - time.monotonic()) > 0:
            if self._orders.get(left) is Order.STOP and may_be_hurried:
                return

    def _pipeline_of(self, catalogue: Catalogue) -> Pipeline:
        return Pipeline(
            catalogue=catalogue,
            settings=self._settings,
            store=self._store,
            workers=self._workers,
            clock=self._clock,
            checkpoints=self._checkpoints,
        )
