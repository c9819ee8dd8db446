"""What goes from a worker to its parent: matches, which the parent keeps as they come, and one answer.

In between, rules may ask for what the parent keeps for them in the state database.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.alerts.match import Match
    from runner.detections.cache import CacheCall
    from runner.worker.job import Answer

PIPE_GONE = 87
"""The exit code of a worker that cannot reach its parent."""

_MATCHES = b"m"
_ANSWER = b"a"
_CACHE_CALL = b"c"


def of_matches(matches: Sequence[Match]) -> bytes:
    """Write a batch of matches."""
    return _MATCHES + pickle.dumps(matches, pickle.HIGHEST_PROTOCOL)


def of_answer(answer: Answer) -> bytes:
    """Write how the job ended."""
    return _ANSWER + pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)


def matches_in(message: bytes) -> memoryview | None:
    """Return the pickled batch of matches in a message, unread; None if the message is something else."""
    return memoryview(message)[1:] if message[:1] == _MATCHES else None


def answer_in(message: bytes) -> Answer:
    """Read how the job ended."""
    answer: Answer = pickle.loads(memoryview(message)[1:])  # noqa: S301  written by our own worker
    return answer


def of_cache_call(call: CacheCall) -> bytes:
    """Write what a rule asks of its cache."""
    return _CACHE_CALL + pickle.dumps(call, pickle.HIGHEST_PROTOCOL)


def cache_call_in(message: bytes) -> CacheCall | None:
    """Read what a rule asks of its cache; None if the message is something else."""
    if message[:1] != _CACHE_CALL:
        return None
    call: CacheCall = pickle.loads(memoryview(message)[1:])  # noqa: S301  written by our own worker
    return call


def of_cache_answer(answer: Any) -> bytes:
    """Parent: write what the cache answered, or the `ValueError` with which it refused."""
    return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)


def cache_answer_in(message: bytes) -> Any:
    """Worker: read what the cache answered."""
    return pickle.loads(message)  # noqa: S301  written by our own parent
