"""`runner gaps` lists what was not evaluated, with the reason, and the time in which a query was disabled."""

from datetime import UTC, datetime, timedelta

import pytest

from runner import settings
from runner.clock import SystemClock
from runner.definitions.scheduled_query import Schedule
from runner.schedule.ledger import Epoch, GapReason
from runner.schedule.owed import DuePlan
from runner.store.state import StateStore

QUERY = "Okta Failed Logins"
HOURLY = Schedule(rate_minutes=60, timeout_minutes=5)
TEN = datetime(2026, 1, 15, 10, tzinfo=UTC)


@pytest.fixture
def with_gaps(project):
    """Give the project a query that missed an hour, was disabled for two, and is enabled again."""
    store = StateStore(settings.load(project, {}).state_url, clock=SystemClock(), events_per_alert=10)
    for hours, schedule in ((0, HOURLY), (2, None), (4, HOURLY)):
        store.ledger.begin_epochs({QUERY: Epoch(start=TEN + timedelta(hours=hours), schedule=schedule)})
    eleven = TEN + timedelta(hours=1)
    store.ledger.record_due(
        [DuePlan(query=QUERY, watermark=eleven, runs=(), gaps=(eleven,), gap_reason=GapReason.LIMIT)]
    )
    store.close()
    return project


def test_gaps_tell_due_times_and_disabled_time_apart(with_gaps, here):
    text = here("gaps", cwd=with_gaps)
    document = here("gaps", QUERY, "--format", "json", cwd=with_gaps).document

    assert (text.code, text.out.splitlines()[1:]) == (
        0,
        [
            "2026-01-15T11:00:00Z                          Okta Failed Logins  limit",
            "2026-01-15T12:00:00Z to 2026-01-15T14:00:00Z  Okta Failed Logins  disabled",
        ],
    )
    assert document == [
        {"query": QUERY, "due": "2026-01-15T11:00:00Z", "reason": "limit"},
        {
            "query": QUERY,
            "from": "2026-01-15T12:00:00Z",
            "to": "2026-01-15T14:00:00Z",
            "reason": "disabled",
        },
    ]


def test_no_gaps_are_told_in_two_words(project, here):
    assert here("gaps", cwd=project).out == "No gaps.\n"


def test_a_query_that_never_was_is_no_query_without_gaps(with_gaps, here):
    wrong = here("gaps", "Okta Failed Login", cwd=with_gaps)
    (with_gaps / "queries" / "okta_failed_logins.yml").unlink()
    deleted = here("gaps", QUERY, cwd=with_gaps)

    assert (wrong.code, QUERY in wrong.err) == (2, True)
    assert (deleted.code, "limit" in deleted.out) == (0, True)


def test_what_filling_has_done_can_be_read_by_a_program(with_gaps, here):
    done = here("gaps", "--fill", "--format", "json", cwd=with_gaps)

    assert (done.code, done.document) == (
        0,
        [{"query": QUERY, "due": "2026-01-15T11:00:00Z", "state": "succeeded", "problem": None}],
    )


def test_a_gap_of_a_query_that_is_no_more_stays(with_gaps, here):
    (with_gaps / "queries" / "okta_failed_logins.yml").unlink()

    done = here("gaps", "--fill", cwd=with_gaps)

    assert done.code == 1
    assert done.out.splitlines() == [
        "2026-01-15T11:00:00Z Okta Failed Logins: the query is defined no longer",
        "0 gaps filled, 1 left.",
    ]
