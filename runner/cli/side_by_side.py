"""Runs side by side, as many as there are workers, with a progress bar for people."""

from __future__ import annotations

import heapq
import sys
from collections import defaultdict, deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from runner.cli import output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

    from runner.app import App
    from runner.pipeline import RunReport

T = TypeVar("T")
R = TypeVar("R")


def run_all(
    parts: App,
    items: Sequence[T],
    run: Callable[[T], RunReport],
    *,
    lane: Callable[[T], str],
    label: str,
    quiet: bool,
) -> Iterator[RunReport]:
    """Run each item and yield the reports in the order of the items; those of one lane, one after the other.

    On Ctrl-C what has ended is kept, what runs is written down as interrupted, and nothing new is begun.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = sys.stderr.isatty() and not quiet
    workers = parts.settings["workers.count"]
    with (
        Progress(*columns, console=output.error_console(), transient=True, disable=not shown) as progress,
        ThreadPoolExecutor(workers) as threads,
    ):
        task = progress.add_task(label, total=len(items))
        try:
            for report in in_lanes(threads, workers, items, run, lane):
                progress.advance(task)
                yield report
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            parts.workers.interrupt()
            raise


def in_lanes(
    threads: Executor, most: int, items: Sequence[T], run: Callable[[T], R], lane: Callable[[T], str]
) -> Iterator[R]:
    """Run items, at most so many at once and never two of one lane; yield what comes of them, in their order.

    What is to begin next is the first item whose lane is free, so each lane is run in order.
    """
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for number, item in enumerate(items):
        waiting[lane(item)].append(number)
    free = [(numbers.popleft(), name) for name, numbers in waiting.items()]
    heapq.heapify(free)
    running: dict[Future[R], tuple[int, str]] = {}
    ended: dict[int, R] = {}
    for number in range(len(items)):
        while number not in ended:
            while free and len(running) < most:
                first, name = heapq.heappop(free)
                running[threads.submit(run, items[first])] = first, name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                which, name = running.pop(future)
                ended[which] = future.result()
                if waiting[name]:
                    heapq.heappush(free, (waiting[name].popleft(), name))
        yield ended.pop(number)
