"""A run from the query to the stored alerts, with its CPU time by part and its peak memory by process."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from stopwatch import peak_memory
from workplace import RULES, WatchedWorkers, Workplace, put_together

from runner import logs

if TYPE_CHECKING:
    from runner.worker.job import Job, JobOutcome
    from runner.worker.spool import MatchSpool

_SCRIPT = Path(__file__).parent / "one_run.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRun:
    """One run: what it did, CPU seconds by part, and peak bytes by process.

    `fetch` is the query and its Arrow batches; `evaluate` the conversion of columns, the rules, and the matches up
    to the pipe; `spool` the parent's side of the pipe; `store` the commit with the fold into alerts.
    """

    rows: int
    matches: int
    alerts: int
    fetch: float
    evaluate: float
    spool: float
    store: float
    worker_peak: int
    parent_peak: int

    @property
    def seconds(self) -> float:
        """CPU seconds of everything."""
        return self.fetch + self.evaluate + self.spool + self.store


def measure_run(workplace: Workplace, table: str, rule_ids: tuple[str, ...] = RULES) -> MeasuredRun:
    """Run a query in a fresh process with a fresh state database."""
    with workplace.fresh_state() as state:
        command = [sys.executable, str(_SCRIPT), str(workplace.folder), table, str(state), *rule_ids]
        written = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        return MeasuredRun(**json.loads(written))


class _TimedWorkers(WatchedWorkers):
    """Notes, after each job, what the parent and the worker have spent on it."""

    parent_seconds: float
    worker_peak: int

    def run(self, job: Job, spool: MatchSpool) -> JobOutcome:
        started = time.process_time()
        outcome = super().run(job, spool)
        self.parent_seconds = time.process_time() - started
        (worker,) = (one.pid for one in multiprocessing.active_children() if one.name == "runner-worker")
        assert worker is not None  # noqa: S101  it has just answered
        self.worker_peak = peak_memory(worker)
        return outcome


def main() -> None:
    """Do what `measure_run` asks on the command line."""
    folder, table, state, *rule_ids = sys.argv[1:]
    logs.configure(as_json=True)
    workers = _TimedWorkers(1)
    with put_together(Workplace(folder=Path(folder)), Path(state), workers) as parts:
        started = time.process_time()
        parts.run(table, tuple(rule_ids))
        parent = time.process_time() - started
        seconds = workers.outcome.seconds
        measured = MeasuredRun(
            rows=workers.outcome.rows,
            matches=workers.outcome.matches,
            alerts=_count_alerts(state),
            fetch=seconds["fetch"],
            evaluate=seconds["evaluate"],
            spool=workers.parent_seconds,
            store=parent - workers.parent_seconds,
            worker_peak=workers.worker_peak,
            parent_peak=peak_memory(),
        )
    print(json.dumps(asdict(measured)))


def _count_alerts(state: str) -> int:
    engine = sa.create_engine(f"sqlite:///{state}")
    with engine.connect() as connection:
        count = connection.scalar(sa.text("SELECT count(*) FROM alerts WHERE created_at IS NOT NULL"))
    engine.dispose()
    return int(count or 0)
