import pickle

import pytest

from runner.alerts.match import Match
from runner.worker import messages
from runner.worker.job import JobOutcome
from runner.worker.spool import MatchSpool


def match(number: int) -> Match:
    return Match(
        rule_id="A.Rule",
        kind="match",
        dedup="d",
        identity=number.to_bytes(16, "big"),
        occurrences=1,
        unique_value=None,
        details="{}",
        event="x" * 1000,
    )


@pytest.fixture
def spool():
    with MatchSpool() as spool:
        yield spool


def test_batches_come_back_in_their_order(spool):
    batches = [[match(1), match(2)], [], [match(3)]]

    for batch in batches:
        spool.add(pickle.dumps(batch))

    assert list(spool) == batches


def test_what_does_not_fit_into_memory_comes_back_too(spool):
    batches = [[match(row) for row in range(start, start + 1000)] for start in range(0, 20_000, 1000)]

    for batch in batches:
        spool.add(pickle.dumps(batch))

    assert sum(len(batch) for batch in spool) == 20_000


def test_a_cleared_spool_has_forgotten_everything(spool):
    spool.add(pickle.dumps([match(1), match(2)]))

    spool.clear()
    spool.add(pickle.dumps([match(3)]))

    assert list(spool) == [[match(3)]]


def test_a_message_of_matches_is_kept_without_being_read(spool):
    message = messages.of_matches([match(1)])

    batch = messages.matches_in(message)
    spool.add(batch)

    assert list(spool) == [[match(1)]]


def test_a_message_with_the_answer_holds_no_matches():
    message = messages.of_answer(JobOutcome(rows=3))

    assert messages.matches_in(message) is None
    assert messages.answer_in(message) == JobOutcome(rows=3)
