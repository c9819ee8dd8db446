"""Makes rows of the pieces of a file, here or in worker processes; the order is that of the pieces."""

from __future__ import annotations

import gc
import multiprocessing
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from typing import TYPE_CHECKING

from runner.errors import IngestError
from runner.ingest import formats
from runner.ingest.rows import RowMaker, RowPlan, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from runner.ingest.formats import Piece

_AHEAD = 2


def rows_of(plan: RowPlan, pieces: Iterable[Piece], *, workers: int) -> Iterator[Rows]:
    """Yield the rows of each piece in order; more than one worker means worker processes.

    Raises `IngestError` if a worker process dies.
    """
    if workers <= 1:
        maker = RowMaker(plan)
        return (maker.rows(formats.batches_of(piece)) for piece in pieces)
    return _by_workers(plan, pieces, workers)


def _by_workers(plan: RowPlan, pieces: Iterable[Piece], workers: int) -> Iterator[Rows]:
    context = multiprocessing.get_context("forkserver")
    # records have no cycles, and a worker has little else: the search for cycles would find nothing
    with ProcessPoolExecutor(workers, mp_context=context, initializer=gc.disable) as pool:
        waiting: deque[Future[Rows]] = deque()
        try:
            for piece in pieces:
                waiting.append(pool.submit(_rows, plan, piece))
                if len(waiting) > _AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise IngestError("a process that makes rows died, perhaps for want of memory") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _rows(plan: RowPlan, piece: Piece) -> Rows:
    return _maker(plan).rows(formats.batches_of(piece))


@lru_cache(maxsize=1)
def _maker(plan: RowPlan) -> RowMaker:
    """Keep the maker from piece to piece, with all that it remembers."""
    return RowMaker(plan)
