"""Rules that remember: they ask the parent, over the pipe on which their matches go."""

import pytest

from runner.detections.cache import CacheCall, MemoryCache
from runner.errors import StoreError
from runner.worker.pool import WorkerPool

COUNTING = (
    "from panther_detection_helpers.caching import increment_counter\n"
    "def rule(event):\n    return True\n"
    "def title(event):\n    return str(increment_counter('seen'))\n"
)
"""Counts its matches."""
SLOW = (
    "import time\nfrom panther_detection_helpers.caching import get_counter\n"
    "def rule(event):\n    get_counter('a')\n    return event['n'] != 1 or bool(time.sleep(5))\n"
)


@pytest.fixture(scope="module")
def cache():
    return MemoryCache(lambda: 0.0)


@pytest.fixture(scope="module")
def pool(cache):
    with WorkerPool(1, cache=cache, grace_seconds=0.3) as pool:
        yield pool


def test_what_a_rule_keeps_is_there_in_the_next_run(done, cache):
    rule = COUNTING.replace("seen", "seen twice")
    for _ in range(2):
        done(rule)

    item = cache.call(CacheCall(operation="get", key="seen twice"))

    assert item.count == 6


def test_a_rule_that_is_refused_fails_alone(done):
    refused = (
        "from panther_detection_helpers import caching\n"
        "def rule(event):\n    caching.put_dictionary('big', {'a': 'x' * 500_000})\n    return True\n"
    )

    outcome, matches = done(refused, "def rule(event):\n    return True\n")

    assert outcome.errors == 3
    assert outcome.rule_errors[0].kind == "ValueError"
    assert len([match for match in matches if match.kind == "match"]) == 3


def test_a_rule_that_is_stopped_does_not_spoil_the_answers_of_the_next(done):
    outcome, _ = done(SLOW, COUNTING, evaluation_seconds=0.3)

    assert [error.kind for error in outcome.rule_errors] == ["EvaluationTimeout"]
    assert outcome.matches == 5


def test_a_rule_imports_the_functions_by_their_old_name_too(done):
    old = "import panther_oss_helpers as old\ndef rule(event):\n    return old.get_counter('never') == 0\n"

    outcome, _ = done(old)

    assert (outcome.matches, outcome.errors) == (3, 0)


class BrokenCache:
    def call(self, call):  # noqa: ARG002  it fails whatever it is asked
        raise StoreError("the state database is gone")


def test_without_the_state_database_the_run_fails_and_not_the_rule(job, spool):
    with (
        WorkerPool(1, cache=BrokenCache(), grace_seconds=0.3) as pool,
        pytest.raises(StoreError, match="gone"),
    ):
        pool.run(job(COUNTING), spool)
