from datetime import timedelta

import pytest

from runner.errors import OutOfMemory, QueryError, QueryTimeout, RunInterrupted, UnknownLogType, WorkerError
from runner.runs.retry import RetryPolicy

POLICY = RetryPolicy(attempts=3, first_wait=timedelta(seconds=30), longest_wait=timedelta(seconds=45))


@pytest.mark.parametrize(
    ("error", "attempt", "expected"),
    [
        (QueryTimeout("slow"), 1, 30),
        (QueryTimeout("slow"), 2, 45),  # twice as long, up to the longest
        (QueryTimeout("slow"), 3, None),  # that was the last attempt
        (OutOfMemory("big"), 1, 30),
        (WorkerError("died"), 1, 30),
        (QueryError("no such column"), 1, None),  # trying again will not help
        (UnknownLogType("no such table"), 1, None),
        (RunInterrupted("stop"), 99, 0),  # not the query's fault
    ],
)
def test_only_failures_that_may_pass_are_tried_again(error, attempt, expected):
    wait = POLICY.wait_after(error, attempt)

    assert wait == (None if expected is None else timedelta(seconds=expected))
