"""Workplace: the folder of the benchmark, with a lake, a project, and the program's real parts over them."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudtrail import DATABASE, RowTable, make_table

from runner.clock import FrozenClock
from runner.definitions.catalogue import read_catalogue
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.pipeline import Pipeline
from runner.settings import load
from runner.store.state import StateStore
from runner.worker.job import JobOutcome
from runner.worker.pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.catalogue import Catalogue
    from runner.settings import Settings
    from runner.worker.job import Job
    from runner.worker.spool import MatchSpool

REFERENCE: Final = datetime(2026, 1, 16, tzinfo=UTC)
"""The end of the day that the rows are of."""
RULES: Final = (
    "Benchmark.PlainGet",
    "Benchmark.DeepGet",
    "Benchmark.StringWork",
    "Benchmark.Regex",
    "Benchmark.AlertContext",
    "Benchmark.Severity",
)
"""The six rules, in the order in which the rows are made for them."""
_CONTENT: Final = Path(__file__).parent / "content"
_ENGINE_MEMORY: Final = 2 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where the benchmark works: `<folder>/lake` is kept from one time to the next."""

    folder: Path

    @property
    def lake(self) -> Path:
        """The data lake."""
        return self.folder / "lake"

    def files_of(self, table: str) -> list[str]:
        """Return the Parquet files of a table."""
        return [
            str(file) for file in sorted((self.lake / DATABASE / f"cloudtrail_{table}").rglob("*.parquet"))
        ]

    def prepare(self, tables: tuple[RowTable, ...]) -> None:
        """Make the project anew, and the tables that are not there yet."""
        shutil.rmtree(self.folder / "project", ignore_errors=True)
        shutil.copytree(_CONTENT, self.folder / "project")
        for table in tables:
            make_table(self.lake, table)

    def settings(self, state: Path) -> Settings:
        """Return the settings of the project, with a state database; the limits are out of the way."""
        flags = {"lake.location": str(self.lake), "state.url": str(state)}
        limits = dict.fromkeys(("limits.rows", "limits.matches", "limits.alerts_per_run"), 100_000_000)
        return load(self.folder / "project", {}, {**flags, **limits})

    @contextmanager
    def fresh_state(self) -> Iterator[Path]:
        """Give the path of a state database that is not there yet, and take it away at the end."""
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="state-") as folder:
            yield Path(folder) / "state.db"

    def engine(self) -> DuckDBEngine:
        """Return an engine over the lake, as a worker has one."""
        return DuckDBEngine(self.lake, EngineLimits(memory=_ENGINE_MEMORY, spill=self.folder / "spill"))


class WatchedWorkers(WorkerPool):
    """The real pool; keeps the last job and its outcome for whoever measures."""

    job: Job
    outcome: JobOutcome

    def run(self, job: Job, spool: MatchSpool) -> JobOutcome:
        """Do a job in a worker."""
        self.job = job
        self.outcome = super().run(job, spool)
        return self.outcome


class NoWorkers(WatchedWorkers):
    """Takes jobs, and does none of them: to see what the pipeline would have done."""

    def __init__(self) -> None:
        super().__init__(0)

    def run(self, job: Job, spool: MatchSpool) -> JobOutcome:  # noqa: ARG002  the signature of the pool
        """Note a job."""
        self.job = job
        return JobOutcome()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The program, put together for a measurement."""

    catalogue: Catalogue
    store: StateStore
    workers: WatchedWorkers
    pipeline: Pipeline

    def run(self, table: str, rule_ids: tuple[str, ...] = RULES) -> None:
        """Run the query over all rows of a table, with some of the rules.

        Raises:
            RuntimeError: the run did not succeed, or a rule failed: its figures would be worth nothing.
        """
        rules = [self.catalogue.rules[rule_id] for rule_id in rule_ids]
        query = self.catalogue.queries[f"Benchmark {table.title()}"]
        report = self.pipeline.run_manually(query, REFERENCE, rules)
        if report.finished is None or report.run.fault is not None or report.rule_errors:
            raise RuntimeError(f"the run over {table} failed: {report.run.fault} {report.rule_errors}")


@contextmanager
def put_together(workplace: Workplace, state: Path, workers: WatchedWorkers | None = None) -> Iterator[Parts]:
    """Put the program's parts together as the program itself does, with one worker that is watched."""
    settings = workplace.settings(state)
    store = StateStore(
        settings.state_url, clock=FrozenClock(REFERENCE), events_per_alert=settings["state.events_per_alert"]
    )
    with workers or WatchedWorkers(1) as watched:
        catalogue = read_catalogue(settings.root)
        pipeline = Pipeline(
            catalogue=catalogue, settings=settings, store=store, workers=watched, clock=FrozenClock(REFERENCE)
        )
        yield Parts(catalogue=catalogue, store=store, workers=watched, pipeline=pipeline)
    store.close()


def job_for(workplace: Workplace, table: str, rule_ids: tuple[str, ...] = RULES) -> Job:
    """Return the job that the pipeline makes of a table's query and some of the rules."""
    with (
        workplace.fresh_state() as state,
        put_together(workplace, state, NoWorkers()) as parts,
    ):
        parts.run(table, rule_ids)
        return parts.workers.job
