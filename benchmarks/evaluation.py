"""Rules put to rows: beside the bare loop on ready events, and with the fetch."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bare_loop import PlainEvent, count_matches, plain_events
from figures import Figure
from stopwatch import cpu_of, medians
from workplace import REFERENCE, job_for

from runner.definitions.severity import Severity
from runner.detections.evaluate import NOT_MATCHED, evaluate
from runner.detections.event import Event
from runner.detections.loading import Namespace
from runner.detections.row_event import RowEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from workplace import Workplace

    from runner.detections.detection import Detection
    from runner.lake.duckdb_engine import DuckDBEngine
    from runner.lake.rows import RowBatch
    from runner.worker.job import Job

SECTION = "evaluation"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSize:
    """How much is measured: rows on ready events and with the fetch, and rounds."""

    ready_rows: int
    fetched_rows: int
    rounds: int


def figures(workplace: Workplace, size: EvaluationSize) -> Iterator[Figure]:
    """Measure both, rule by rule; the mean over the rules is what has a limit."""
    job = job_for(workplace, "sample")
    detections = load_detections(job)
    yield from _on_ready_events(workplace, job, detections, size)
    yield from _with_the_fetch(workplace, job, detections, size)


def load_detections(job: Job) -> list[Detection]:
    """Load the rules of a job, as a worker does."""
    namespace = Namespace(job.helpers, root=job.root)
    return [
        namespace.load(
            rule.source,
            rule_id=rule.rule_id,
            severity=Severity(rule.severity),
            display_name=rule.display_name,
        )
        for rule in job.rules
    ]


def batches(engine: DuckDBEngine, job: Job) -> Iterator[RowBatch]:
    """Run the query of a job, as a worker does."""
    query = engine.compile(job.sql, dialect=job.dialect, reference=job.reference)
    return engine.run(query, engine.snapshot(query, REFERENCE), job.reference)


def row_events(found: Iterable[RowBatch], rows: int) -> Iterator[RowEvent]:
    """Yield the events of batches, up to a number of rows."""
    left = rows
    for batch in found:
        for row in range(min(batch.length, left)):
            yield RowEvent(batch, row)
        left -= batch.length
        if left <= 0:
            return


def ask(detection: Detection, events: Iterable[Event]) -> int:
    """Ask one rule about events, as a worker does; returns how many match (or fail)."""
    found = 0
    for event in events:
        if evaluate(detection, event) is not NOT_MATCHED:
            found += 1
    return found


def _on_ready_events(
    workplace: Workplace, job: Job, detections: Sequence[Detection], size: EvaluationSize
) -> Iterator[Figure]:
    """Compare on the same values: every column that a rule reads is converted before the clock starts."""
    engine = workplace.engine()
    in_columns = list(row_events(batches(engine, job), size.ready_rows))
    plain = [PlainEvent(event.to_dict()) for event in in_columns]
    ready = [Event(dict(event)) for event in plain]
    ratios, in_column_ratios = [], []
    for detection in detections:
        _check_equal(detection, plain, ready, in_columns)
        seconds = medians(_alternatives(detection, plain, ready, in_columns), size.rounds)
        ratios.append(seconds["ready"] / seconds["bare"])
        in_column_ratios.append(seconds["columns"] / seconds["bare"])
        yield _ratio(f"{_short(detection)}: ready events / bare loop", ratios[-1])
        yield _per_row(f"{_short(detection)}: bare loop", seconds["bare"] / len(plain))
    yield _ratio("mean of six: ready events / bare loop", statistics.mean(ratios), must=2.5, goal=1.6)
    yield _ratio(
        "mean of six: rows in columns / bare loop", statistics.mean(in_column_ratios), must=2.5, goal=1.6
    )
    engine.close()


def _alternatives(
    detection: Detection, plain: list[PlainEvent], ready: list[Event], in_columns: list[RowEvent]
) -> dict[str, Callable[[], float]]:
    return {
        "bare": lambda: cpu_of(lambda: count_matches([detection], plain)),
        "ready": lambda: cpu_of(lambda: ask(detection, ready)),
        "columns": lambda: cpu_of(lambda: ask(detection, in_columns)),
    }


def _with_the_fetch(
    workplace: Workplace, job: Job, detections: Sequence[Detection], size: EvaluationSize
) -> Iterator[Figure]:
    """Compare from the Parquet file to the answer: here the program may leave unread columns alone."""
    engine, files, rows = workplace.engine(), workplace.files_of("sample"), size.fetched_rows
    ratios = []

    def fetch_bare(detection: Detection) -> None:
        count_matches([detection], plain_events(files, rows))

    def fetch_lazily(detection: Detection) -> None:
        ask(detection, row_events(batches(engine, job), rows))

    for detection in detections:
        alternatives = {
            "bare": partial(cpu_of, partial(fetch_bare, detection)),
            "runner": partial(cpu_of, partial(fetch_lazily, detection)),
        }
        seconds = medians(alternatives, size.rounds)
        ratios.append(seconds["runner"] / seconds["bare"])
        yield _ratio(f"{_short(detection)}: fetch + evaluate / bare loop with fetch", ratios[-1])
        yield _per_row(f"{_short(detection)}: bare loop with fetch", seconds["bare"] / rows)
    yield _ratio("mean of six: fetch + evaluate / bare loop with fetch", statistics.mean(ratios), goal=1.0)
    engine.close()


def _check_equal(detection: Detection, plain: list[PlainEvent], *others: Iterable[Event]) -> None:
    """Make sure that all ways find the same matches, and some: else the figures would compare different work."""
    expected = sum(count_matches([detection], plain).values())
    found = [ask(detection, events) for events in others]
    if not expected or any(one != expected for one in found):
        raise RuntimeError(f"{detection.rule_id}: the bare loop finds {expected} matches, the others {found}")


def _ratio(name: str, measured: float, *, must: float | None = None, goal: float | None = None) -> Figure:
    return Figure(section=SECTION, name=name, measured=measured, unit="x", must=must, goal=goal)


def _per_row(name: str, seconds: float) -> Figure:
    return Figure(section=SECTION, name=name, measured=seconds * 1e9, unit="ns/row")


def _short(detection: Detection) -> str:
    return detection.rule_id.removeprefix("Benchmark.")
