"""When a run starts: its due time, plus time for late data, plus a little to spread queries out.

Neither moves the window: that ends at the due time, whenever the run starts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from runner.schedule.ledger import CatchUp, Overlap


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryTiming:
    """What the settings say about one query's time."""

    settle: timedelta = timedelta(0)
    """How long after its due time a run waits for late data to land."""
    skew: timedelta = timedelta(0)
    """The most that the query's own share is; see `skew_of`."""
    catch_up: CatchUp = CatchUp.ALL
    catch_up_limit: int = 100
    """How many missed due times are run, the newest ones; those before them become gaps."""
    overlap: Overlap = Overlap.WAIT
    priority: int = 0
    """Of what may start, the highest goes first."""

    def start_of(self, query: str, due: datetime) -> datetime:
        """Return when the run of a due time may start."""
        return due + self.settle + skew_of(query, self.skew)


def skew_of(query: str, most: timedelta) -> timedelta:
    """Return a query's share of the skew: always the same for one name, spread evenly over all names."""
    digest = hashlib.blake2b(query.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return most * (int.from_bytes(digest, "big") / 2**64)
