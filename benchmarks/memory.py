"""Peak memory of the worker and of its parent: it must not grow with the rows that a query returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from figures import Figure
from measured_run import measure_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workplace import Workplace

SECTION = "memory"
_RULES: Final = ("Benchmark.PlainGet", "Benchmark.Severity")
"""Two cheap rules: memory does not depend on how long a rule thinks."""
_FLAT: Final = 1.25
_MEGABYTE: Final = 1e6


def figures(workplace: Workplace, tables: Sequence[str]) -> Iterator[Figure]:
    """Run over tables of growing length; the peak over the last one is compared with that over the first."""
    runs = [measure_run(workplace, table, _RULES) for table in tables]
    for process in ("worker", "parent"):
        peaks = [getattr(run, f"{process}_peak") for run in runs]
        for run, peak in zip(runs, peaks, strict=True):
            name = f"{process}: peak at {run.rows:,} rows, {run.matches:,} matches"
            yield Figure(section=SECTION, name=name, measured=peak / _MEGABYTE, unit="MB")
        growth = f"{process}: peak at {runs[-1].rows:,} rows / at {runs[0].rows:,}"
        yield Figure(section=SECTION, name=growth, measured=peaks[-1] / peaks[0], unit="x", must=_FLAT)
    largest = max(run.worker_peak + run.parent_peak for run in runs)
    yield Figure(section=SECTION, name="both together", measured=largest / _MEGABYTE, unit="MB", goal=300)
