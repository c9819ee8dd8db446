"""What a run costs beside its query: the claim, the worker, the commit; and what it costs beside a backfill."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
from figures import Figure
from workplace import put_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workplace import Workplace

SECTION = "run overhead"


def figures(workplace: Workplace, rounds: int) -> Iterator[Figure]:
    """Run a query of ten rows with one rule again and again, beside the same query in DuckDB alone."""
    files = workplace.files_of("tiny")
    with (
        workplace.fresh_state() as state,
        put_together(workplace, state) as parts,
        duckdb.connect(config={"threads": 1}) as connection,
    ):

        def run() -> None:
            parts.run("tiny", ("Benchmark.PlainGet",))

        whole = _median_of(run, rounds)
        query = f"SELECT * FROM read_parquet({files!r}) LIMIT 10"  # noqa: S608  files of our own
        bare = _median_of(lambda: connection.sql(query).fetchall(), rounds)
        with _backfill(workplace, state):
            beside = _median_of(run, rounds)
    yield Figure(section=SECTION, name="a run of a tiny query, wall", measured=whole * 1e3, unit="ms")
    yield Figure(section=SECTION, name="the query in DuckDB alone, wall", measured=bare * 1e3, unit="ms")
    yield Figure(
        section=SECTION,
        name="claim, worker and commit, beyond the query, median",
        measured=(whole - bare) * 1e3,
        unit="ms",
        must=50,
    )
    yield Figure(
        section=SECTION,
        name="a run beside `once --from` with two workers / a run alone",
        measured=beside / whole,
        unit="x",
        must=2.0,
    )


@contextmanager
def _backfill(workplace: Workplace, state: Path) -> Iterator[None]:
    """Have the past run meanwhile, by hand, on the same lake and the same state database: a million rows a run."""
    project, lake = str(workplace.folder / "project"), str(workplace.lake)
    past = ("Benchmark Rare", "--from", "2006-01-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z")
    places = ("--project", project, "--lake", lake, "--state", str(state))
    command = [sys.executable, "-m", "runner", "once", *past, "--verbose", *places]
    log = state.with_name("backfill.log")
    with (
        log.open("wb") as told,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told) as backfill,
    ):
        try:
            while not log.stat().st_size:  # its first run has not ended
                _insist_that_it_runs(backfill)
                time.sleep(0.1)
            yield
            _insist_that_it_runs(backfill)
        finally:
            backfill.terminate()


def _insist_that_it_runs(backfill: subprocess.Popen[bytes]) -> None:
    if backfill.poll() is not None:
        raise RuntimeError("the backfill ended before the runs beside it did")


def _median_of(call: Callable[[], object], rounds: int) -> float:
    call()
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
