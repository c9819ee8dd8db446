"""From Parquet to stored alerts: what a row costs, where it goes, and how that compares with the bare loop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bare_loop import count_matches, plain_events
from evaluation import ask, batches, load_detections, row_events
from figures import Figure
from measured_run import measure_run
from stopwatch import cpu_of
from workplace import job_for

from runner.worker.beat import Beat
from runner.worker.execution import execute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from measured_run import MeasuredRun
    from workplace import Workplace

SECTION = "end to end"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndToEndSize:
    """The tables that are run over, and on how many of their rows the bare loop and the split are measured."""

    tables: tuple[str, ...]
    sample_rows: int


def figures(workplace: Workplace, size: EndToEndSize) -> Iterator[Figure]:
    """Run the six rules over each table."""
    for table in size.tables:
        run = measure_run(workplace, table)
        bare = _bare_seconds(workplace, table, size.sample_rows)
        split = _split(workplace, table, size.sample_rows)
        name = f"{run.matches / run.rows:.1%} of {run.rows:,} rows match"
        yield from _of_run(name, run, bare / size.sample_rows)
        yield from _shares(name, run, split)


def _of_run(name: str, run: MeasuredRun, bare: float) -> Iterator[Figure]:
    per_row = run.seconds / run.rows
    yield _figure(f"{name}: CPU to stored alerts", per_row * 1e6, "us/row")
    yield _figure(f"{name}: bare loop, storing nothing", bare * 1e6, "us/row")
    yield _figure(f"{name}: to stored alerts / bare loop", per_row / bare, "x")
    yield _figure(f"{name}: alerts", run.alerts, "")


def _shares(name: str, run: MeasuredRun, rules_share: float) -> Iterator[Figure]:
    parts = {
        "fetch": run.fetch,
        "evaluate (columns, rules)": run.evaluate * rules_share,
        "fold (identity, JSON, hand over, spool)": run.evaluate * (1 - rules_share) + run.spool,
        "store (with the fold into alerts)": run.store,
    }
    for part, seconds in parts.items():
        yield _figure(f"{name}: share of {part}", 100 * seconds / run.seconds, "%")
    if run.matches:
        yield _figure(f"{name}: store", run.store / run.matches * 1e6, "us/match")


def _bare_seconds(workplace: Workplace, table: str, rows: int) -> float:
    detections = load_detections(job_for(workplace, table))
    files = workplace.files_of(table)
    return cpu_of(lambda: count_matches(detections, plain_events(files, rows)))


def _split(workplace: Workplace, table: str, rows: int) -> float:
    """Return the share of columns and rules in what a worker does beside the fetch, on some rows."""
    whole = job_for(workplace, table)
    job = replace(whole, sql=f"{whole.sql} LIMIT {rows}")
    detections = load_detections(job)
    engine = workplace.engine()

    def rules_only() -> None:
        for batch in batches(engine, job):
            events = list(row_events([batch], batch.length))
            for detection in detections:
                ask(detection, events)

    try:
        fetch = cpu_of(lambda: [None for _ in batches(engine, job)])
        rules = cpu_of(rules_only) - fetch
        everything = cpu_of(lambda: execute(job, engine, Beat(), lambda _: None)) - fetch
    finally:
        engine.close()
    return min(1.0, rules / everything)


def _figure(name: str, measured: float, unit: str) -> Figure:
    return Figure(section=SECTION, name=name, measured=measured, unit=unit)
