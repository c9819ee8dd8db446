"""What goes from a worker to its parent: matches, which the parent keeps as they come, and one answer."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.alerts.match import Match
    from runner.worker.job import Answer

PIPE_GONE = 87
"""The exit code of a worker that cannot reach its parent."""

_MATCHES = b"m"
_ANSWER = b"a"


def of_matches(matches: Sequence[Match]) -> bytes:
    """Write a batch of matches."""
    return _MATCHES + pickle.dumps(matches, pickle.HIGHEST_PROTOCOL)


def of_answer(answer: Answer) -> bytes:
    """Write how the job ended."""
    return _ANSWER + pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)


def matches_in(message: bytes) -> memoryview | None:
    """Return the pickled batch of matches in a message, unread; None if the message is an answer."""
    return memoryview(message)[1:] if message[:1] == _MATCHES else None


def answer_in(message: bytes) -> Answer:
    """Read how the job ended."""
    answer: Answer = pickle.loads(memoryview(message)[1:])  # noqa: S301  written by our own worker
    return answer
