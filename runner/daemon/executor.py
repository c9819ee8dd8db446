"""Executor: takes due times off the backlog and has them run, as many at a time as there are workers."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import structlog

from runner.checkpoints import NO_CHECKPOINTS, Checkpoint
from runner.daemon import run_metrics
from runner.errors import ClaimLost, RunnerError, StoreError
from runner.pipeline import MOST_FOR_COMMIT, SECONDS_PER_MINUTE
from runner.runs.query_run import RunFault, RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from runner.checkpoints import Checkpoints
    from runner.clock import Clock
    from runner.daemon.pulse import Pulse
    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_query import Schedule
    from runner.metrics import Metrics
    from runner.pipeline import Pipeline, RunReport
    from runner.runs.failure_policy import FailurePolicy
    from runner.runs.query_run import Claim
    from runner.runs.retry import RetryPolicy
    from runner.store.state import StateStore

_log = structlog.get_logger(__name__)

_IDLE_SECONDS = 1.0
"""How long a thread waits before it looks at the backlog again, unless it is woken."""
_QUIET_SECONDS = 120.0
"""Within this time a thread is heard of that has nothing to run, even if the state database makes it wait."""
_TROUBLE_SECONDS = 5.0
"""How long it waits when the state database is in trouble."""


class Executor:
    """Threads that only wait: each claims a due time, and waits for the worker that runs it."""

    def __init__(
        self,
        *,
        store: StateStore,
        clock: Clock,
        catalogue: Callable[[], Catalogue],
        pipeline_of: Callable[[Catalogue], Pipeline],
        owner: str,
        lease: timedelta,
        retries: RetryPolicy,
        metrics: Metrics,
        pulse: Pulse,
        shares_work: bool = False,
        on_end: Callable[[], object] = lambda: None,
        checkpoints: Checkpoints = NO_CHECKPOINTS,
    ) -> None:
        """Take the parts; `on_end` is called by each thread when it ends."""
        self._store = store
        self._clock = clock
        self._catalogue = catalogue
        self._pipeline_of = pipeline_of
        self._owner = owner
        self._lease = lease
        self._retries = retries
        self._metrics = metrics
        self._pulse = pulse
        self._shares_work = shares_work
        self._on_end = on_end
        self._reached = checkpoints.reached
        self._in_hand: dict[Claim, None] = {}
        self._stopping = threading.Event()
        self._work = threading.Condition()
        self._running: set[str] = set()

    def start(self, count: int) -> None:
        """Start this many threads."""
        self._running = {f"executor-{number}" for number in range(count)}
        for name in sorted(self._running):
            threading.Thread(target=self._work_until_stopped, name=name, daemon=True).start()

    def wake(self) -> None:
        """Say that there may be something to do."""
        with self._work:
            self._work.notify_all()

    def stop(self) -> None:
        """Begin nothing new; what runs goes on."""
        self._stopping.set()
        self.wake()

    @property
    def is_at_work(self) -> bool:
        """Whether a thread is there."""
        return bool(self._running)

    def extend_leases(self) -> None:
        """Say that what is worked on is worked on. Raises `StoreError`.

        A claim that no thread has in hand any more, because the state database was away when it was to be
        settled, is left to lapse, so that it is run again.
        """
        run_ids = [claim.run_id for claim in self._in_hand.copy()]
        self._store.ledger.extend_leases(self._owner, run_ids, self._lease)

    def run_next(self) -> bool:
        """Run the due time that comes first; return whether there was one. Raises `StoreError`."""
        claim = self._store.ledger.claim_next(self._owner, self._lease)
        if claim is None:
            return False
        self._metrics.claims.inc()
        with self._held(claim):
            self._run(claim)
        return True

    def _run(self, claim: Claim) -> None:
        if claim.attempt > 1:
            self._reached(Checkpoint.RETRY_BEGINS)
        catalogue = self._catalogue()
        query = catalogue.queries.get(claim.key.query)
        if query is None:
            self._give_up(claim)
        else:
            rules = [rule for rule in catalogue.rules_for(query.name) if rule.enabled]
            self._promise(
                query.schedule.timeout_minutes * SECONDS_PER_MINUTE + MOST_FOR_COMMIT.total_seconds()
            )
            report = self._pipeline_of(catalogue).run_scheduled(claim, query, rules, self._retries)
            self._note(report, query.schedule)

    def _note(self, report: RunReport | None, schedule: Schedule) -> None:
        run_metrics.note_run(self._metrics, report, schedule)
        if new := run_metrics.new_alerts(report):
            for alert in self._store.alerts_of(new).values():
                self._metrics.alerts.labels(severity=alert.severity).inc()

    def _promise(self, seconds: float) -> None:
        """Say that this thread is alive, and when it will be heard of again."""
        self._pulse.beat(threading.current_thread().name, seconds)

    @contextmanager
    def _held(self, claim: Claim) -> Iterator[None]:
        """Have a claim in hand. If the run cannot be ended, it is given back as one that failed otherwise."""
        self._in_hand[claim] = None
        try:
            yield
        except ClaimLost as lost:
            self._metrics.claims_lost.inc()
            _log.warning("claim_lost", query=claim.key.query, run=claim.run_id, fault=str(lost))
        except Exception as error:
            self._hand_back(claim, error)
            raise
        finally:
            del self._in_hand[claim]

    def _hand_back(self, claim: Claim, error: Exception) -> None:
        """Give back what could not be stored; if the state database is away, the lease will lapse."""
        fault = RunFault(kind=type(error).__name__, message=str(error), transient=True)
        wait = self._retries.wait_after(error, claim.failures)
        with suppress(StoreError):
            if wait is None:
                self._store.fail(claim, RunState.FAILED, fault, policy=self._policy_of(claim))
            else:
                self._store.give_back(claim, fault, start_at=self._clock.now() + wait)

    def _policy_of(self, claim: Claim) -> FailurePolicy | None:
        catalogue = self._catalogue()
        query = catalogue.queries.get(claim.key.query)
        return None if query is None else self._pipeline_of(catalogue).policy_of(query)

    def _give_up(self, claim: Claim) -> None:
        """End a run whose query is not defined here; if others share the work, one of them may know it already."""
        fault = RunFault(kind="UnknownQuery", message="there is no sound definition of the query")
        wait = self._retries.wait_after(RunnerError(fault.message), claim.failures)
        if wait is None or not self._shares_work:
            self._store.fail(claim, RunState.FAILED, fault)
        else:
            self._store.give_back(claim, fault, start_at=self._clock.now() + wait)

    def _work_until_stopped(self) -> None:
        try:
            self._loop()
            self._pulse.end(threading.current_thread().name)
        finally:
            self._running.discard(threading.current_thread().name)
            self._on_end()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._promise(_QUIET_SECONDS)
            try:
                if not self.run_next():
                    self._rest(_IDLE_SECONDS)
            except StoreError as error:
                self._metrics.state_errors.inc()
                _log.error("state_unavailable", fault=str(error))
                self._rest(_TROUBLE_SECONDS)
            except Exception as error:  # noqa: BLE001  the boundary of a thread: the others go on, and so does this one
                self._metrics.faults.inc()
                _log.error("executor_failed", fault=repr(error))
                self._rest(_TROUBLE_SECONDS)

    def _rest(self, seconds: float) -> None:
        with self._work:
            if not self._stopping.is_set():
                self._work.wait(seconds)
