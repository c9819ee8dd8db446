"""What ten thousand queries cost: to find what is due, to claim it, to start it in time, and to do nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from figures import Figure
from stopwatch import cpu_of_process, medians, peak_memory
from workplace import REFERENCE

from runner.clock import FrozenClock, SystemClock
from runner.daemon.planner import Planner
from runner.definitions.location import Location
from runner.definitions.scheduled_query import Dialect, QueryText, Schedule, ScheduledQuery
from runner.schedule.ledger import Epoch
from runner.schedule.owed import DuePlan, OwedRun
from runner.schedule.timing import QueryTiming
from runner.store.state import StateStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workplace import Workplace

SECTION = "scheduling"
_DUE_TOGETHER = 50
_PLACE = Location(path=Path("q.yml"))
_TEXT = QueryText(text="SELECT 1", dialect=Dialect.DUCKDB, location=_PLACE)
_SOON = Schedule(rate_minutes=2, timeout_minutes=1)
_OTHERS = [Schedule(rate_minutes=rate, timeout_minutes=1) for rate in (1320, 1440, 9_999, 43_200)] + [
    Schedule(cron=f"{number % 60} {number % 24} {1 + number % 28} {1 + number % 6} *", timeout_minutes=1)
    for number in range(200)
]
_LEASE = timedelta(minutes=5)
_START_SECONDS = 300.0
_QUERY = """\
AnalysisType: scheduled_query
QueryName: Query {number:05d}
Enabled: true
DuckDBQuery: SELECT 1 AS one
Schedule:
  {when}
  TimeoutMinutes: 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulingSize:
    """How many queries there are, few and many; how many fall due at once, and what is watched for how long."""

    few: int
    many: int
    together: int
    start_seconds: float
    """How long the daemon is given to start; then it is watched while nothing is due."""
    idle_seconds: float
    rounds: int


def figures(workplace: Workplace, size: SchedulingSize) -> Iterator[Figure]:
    """Measure the planner, the backlog, and the daemon as a process."""
    yield from _planning(workplace, size)
    yield from _claiming(workplace, size)
    yield from _daemon(workplace, size)


def _figure(name: str, measured: float, unit: str, **limits: float) -> Figure:
    return Figure(section=SECTION, name=name, measured=measured, unit=unit, **limits)


def _planning(workplace: Workplace, size: SchedulingSize) -> Iterator[Figure]:
    with workplace.fresh_state() as few_state, workplace.fresh_state() as many_state:
        few, many = _Tick(few_state, size.few), _Tick(many_state, size.many)
        seconds = medians({"few": few.seconds, "many": many.seconds}, size.rounds)
        few.store.close()
        many.store.close()
    for name, count in (("few", size.few), ("many", size.many)):
        title = f"find and record {_DUE_TOGETHER} due of {count:,} queries, CPU"
        yield _figure(title, seconds[name] * 1e3, "ms")
    ratio = seconds["many"] / seconds["few"]
    yield _figure(f"the same, {size.many:,} queries / {size.few:,}", ratio, "x", must=2.0, goal=1.2)


class _Tick:
    """A planner over a state database, whose clock can be moved to the next moment at which something is due."""

    def __init__(self, state: Path, count: int) -> None:
        clock = FrozenClock(REFERENCE)
        self.store = StateStore(f"sqlite:///{state}", clock=clock, events_per_alert=1)
        self._now = REFERENCE
        self._planner = Planner(self.store.ledger, lambda _: QueryTiming())
        soon = [_query(number, _SOON) for number in range(_DUE_TOGETHER)]
        others = [_query(number, _OTHERS[number % len(_OTHERS)]) for number in range(_DUE_TOGETHER, count)]
        self._planner.load([*soon, *others], self._now)

    def seconds(self) -> float:
        """Move on until exactly the few frequent queries are due; return what it costs to record them."""
        while True:
            self._now += timedelta(minutes=2)
            started = time.process_time()
            recorded = self._planner.plan(self._now)
            seconds = time.process_time() - started
            if recorded == _DUE_TOGETHER:
                return seconds


def _query(number: int, schedule: Schedule) -> ScheduledQuery:
    return ScheduledQuery(
        name=f"Query {number:05d}", enabled=True, sql=_TEXT, schedule=schedule, location=_PLACE
    )


def _claiming(workplace: Workplace, size: SchedulingSize) -> Iterator[Figure]:
    with workplace.fresh_state() as few_state, workplace.fresh_state() as many_state:
        few, many = _backlog(few_state, size.few), _backlog(many_state, size.many)
        seconds = medians(
            {"few": partial(_claim_seconds, few), "many": partial(_claim_seconds, many)}, 5 * size.rounds
        )
        few.close()
        many.close()
    yield _figure(f"claim one of {size.few:,} due times, CPU", seconds["few"] * 1e3, "ms")
    yield _figure(f"claim one of {size.many:,} due times, CPU", seconds["many"] * 1e3, "ms")
    yield _figure(
        f"the same, {size.many:,} / {size.few:,}", seconds["many"] / seconds["few"], "x", must=3.0, goal=1.5
    )


def _backlog(state: Path, count: int) -> StateStore:
    store = StateStore(f"sqlite:///{state}", clock=FrozenClock(REFERENCE), events_per_alert=1)
    names = [f"Query {number:05d}" for number in range(count)]
    store.ledger.begin_epochs(
        {name: Epoch(start=REFERENCE - timedelta(days=1), schedule=_SOON) for name in names}
    )
    owed = (OwedRun(due=REFERENCE, start_at=REFERENCE, is_live=True),)
    store.ledger.record_due([DuePlan(query=name, watermark=REFERENCE, runs=owed, gaps=()) for name in names])
    return store


def _claim_seconds(store: StateStore) -> float:
    started = time.process_time()
    claim = store.ledger.claim_next("benchmark", _LEASE)
    assert claim is not None  # noqa: S101  there are more than are asked for
    return time.process_time() - started


def _daemon(workplace: Workplace, size: SchedulingSize) -> Iterator[Figure]:
    """Start the daemon over many queries of which a part falls due in a later minute, and watch it."""
    project = workplace.folder / "many"
    shutil.rmtree(project, ignore_errors=True)
    _write_project(project, size)
    with (project / "log").open("w+") as log:
        started = time.monotonic()
        daemon = subprocess.Popen(
            [sys.executable, "-m", "runner", "daemon", "--project", str(project)], stderr=log
        )
        try:
            _wait_for(project / "log", "daemon_started", 1)
            ready = time.monotonic() - started
            yield _figure(f"start with {size.many:,} queries, wall", ready, "s")
            time.sleep(2)  # what a start leaves to do
            before = cpu_of_process(daemon.pid)
            time.sleep(size.idle_seconds)
            idle = (cpu_of_process(daemon.pid) - before) / size.idle_seconds
            yield _figure(
                f"idle with {size.many:,} queries, CPU of one core", idle * 100, "%", must=5, goal=2
            )
            _wait_for(project / "log", "query_run_finished", size.together)
            yield _figure(
                f"memory of the daemon with {size.many:,} queries", peak_memory(daemon.pid) / 2**20, "MiB"
            )
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)
    yield from _lateness(project)


def _write_project(project: Path, size: SchedulingSize) -> None:
    """Write the queries: `together` of them are due in one minute of this hour, the others seldom."""
    wait = timedelta(seconds=size.start_seconds + size.idle_seconds + 60)
    minute = (SystemClock().now() + wait).minute
    (project / "queries").mkdir(parents=True)
    (project / "datalake").mkdir()
    (project / "runner.toml").write_text("", encoding="utf-8")
    for number in range(size.many):
        if number < size.together:
            when = f'CronExpression: "{minute} * * * *"'
        elif number % 2:
            when = f"RateMinutes: {1440 + number % 7}"
        else:
            when = f'CronExpression: "{number % 60} {number % 24} {1 + number % 28} 2 *"'
        file = project / "queries" / f"q{number:05d}.yml"
        file.write_text(_QUERY.format(number=number, when=when), encoding="utf-8")


def _wait_for(log: Path, event: str, count: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while log.read_text(encoding="utf-8").count(f'"event": "{event}"') < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the daemon did not say {event} {count} times:\n{log.read_text()[-2000:]}")
        time.sleep(0.5)


def _lateness(project: Path) -> Iterator[Figure]:
    """Tell how late runs started after a minute in which many fell due, and how many there were in a second."""
    lines = map(json.loads, (project / "log").read_text(encoding="utf-8").splitlines())
    runs = [line for line in lines if line["event"] == "query_run_finished"]
    first = [run for run in runs if run["scheduled_for"] == runs[0]["scheduled_for"]]
    late = sorted(run["lateness_seconds"] for run in first)
    workers = f"{os.cpu_count()} workers"
    yield _figure(
        f"start after the due time, {len(late):,} at once, {workers}: p50", statistics.median(late), "s"
    )
    yield _figure(
        f"start after the due time, {len(late):,} at once, {workers}: p99", late[int(len(late) * 0.99)], "s"
    )
    yield _figure(f"runs begun in a second, {workers}", len(late) / late[-1], "/s")
