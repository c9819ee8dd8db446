"""When a run that failed is tried again: a pure decision, apart from the deed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from runner.errors import QueryError, RunInterrupted


def may_pass(error: BaseException) -> bool:
    """Tell whether the same run may succeed when it is tried again: all but faults of the query may."""
    return error.transient if isinstance(error, QueryError) else True


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How often a failure that may pass is tried again, and after how long: twice as long each time."""

    failures: int
    """With so many failures of one run it is not tried again."""
    first_wait: timedelta = timedelta(seconds=30)
    longest_wait: timedelta = timedelta(minutes=15)

    def wait_after(self, error: Exception, before: int) -> timedelta | None:
        """Return how long to wait after a failure, with so many `before` it; None if it is not tried again.

        An interruption is no failure of the query: it is tried again at once, however often. What is no fault
        of the query either, such as a commit that the state database refused, may pass.
        """
        if isinstance(error, RunInterrupted):
            return timedelta(0)
        if not may_pass(error) or before + 1 >= self.failures:
            return None
        doubled: timedelta = self.first_wait * 2**before
        return min(doubled, self.longest_wait)
