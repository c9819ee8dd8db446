"""What a run costs beside its query: the claim, the worker, the commit."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import duckdb
from figures import Figure
from workplace import put_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        whole = _median_of(lambda: parts.run("tiny", ("Benchmark.PlainGet",)), rounds)
        query = f"SELECT * FROM read_parquet({files!r}) LIMIT 10"  # noqa: S608  files of our own
        bare = _median_of(lambda: connection.sql(query).fetchall(), rounds)
    yield Figure(section=SECTION, name="a run of a tiny query, wall", measured=whole * 1e3, unit="ms")
    yield Figure(section=SECTION, name="the query in DuckDB alone, wall", measured=bare * 1e3, unit="ms")
    yield Figure(
        section=SECTION,
        name="claim, worker and commit, beyond the query, median",
        measured=(whole - bare) * 1e3,
        unit="ms",
        must=50,
    )


def _median_of(call: Callable[[], object], rounds: int) -> float:
    call()
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
