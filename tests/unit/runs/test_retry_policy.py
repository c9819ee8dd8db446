from datetime import timedelta

import pytest

from runner.errors import OutOfMemory, QueryError, QueryTimeout, RunInterrupted, UnknownLogType, WorkerError
from runner.runs.retry import RetryPolicy

POLICY = RetryPolicy(failures=3, first_wait=timedelta(seconds=30), longest_wait=timedelta(seconds=45))


@pytest.mark.parametrize(
    ("error", "before", "expected"),
    [
        (QueryTimeout("slow"), 0, 30),
        (QueryTimeout("slow"), 1, 45),  # twice as long, up to the longest
        (QueryTimeout("slow"), 2, None),  # the third failure
        (OutOfMemory("big"), 0, 30),
        (WorkerError("died"), 0, 30),
        (QueryError("no such column"), 0, None),  # trying again will not help
        (UnknownLogType("no such table"), 0, None),
        (RunInterrupted("stop"), 99, 0),  # not the query's fault
    ],
)
def test_only_failures_that_may_pass_are_tried_again(error, before, expected):
    wait = POLICY.wait_after(error, before)

    assert wait == (None if expected is None else timedelta(seconds=expected))
