"""Runs side by side, as many as there are workers, with a progress bar for people."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from runner.cli import output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runner.app import App
    from runner.pipeline import RunReport

T = TypeVar("T")


def run_all(
    parts: App, items: Sequence[T], run: Callable[[T], RunReport], *, label: str, quiet: bool
) -> Iterator[RunReport]:
    """Run each item and yield the reports in the order of the items.

    On Ctrl-C what has ended is kept, what runs is written down as interrupted, and nothing new is begun.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = sys.stderr.isatty() and not quiet
    with (
        Progress(*columns, console=output.error_console(), transient=True, disable=not shown) as progress,
        ThreadPoolExecutor(parts.settings["workers.count"]) as threads,
    ):
        task = progress.add_task(label, total=len(items))
        try:
            for report in threads.map(run, items):
                progress.advance(task)
                yield report
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            parts.workers.interrupt()
            raise
