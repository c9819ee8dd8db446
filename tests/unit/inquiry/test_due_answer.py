"""How a query stands at the time that somebody asks about."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.definitions.location import Location
from runner.definitions.scheduled_query import Dialect, QueryText, Schedule, ScheduledQuery
from runner.inquiry.answer import Due
from runner.inquiry.due_time import due_answer
from runner.runs.query_run import QueryRun, RunFault, RunKey, RunPurpose, RunState
from runner.schedule.ledger import Epoch, GapReason
from runner.store.inquiry_store import DueFacts

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLACE = Location(Path("queries/logins.yml"), 1, 1)
HOURLY = Schedule(rate_minutes=60, timeout_minutes=5)
SINCE_YESTERDAY = (Epoch(start=AT - 24 * HOUR, schedule=HOURLY),)


def query(*, enabled=True):
    sql = QueryText(text="SELECT 1", dialect=Dialect.SNOWFLAKE, location=PLACE)
    return ScheduledQuery(name="Logins", enabled=enabled, sql=sql, schedule=HOURLY, location=PLACE)


def facts(run=None, *, gap=None, is_owed=False, epochs=SINCE_YESTERDAY):
    return DueFacts(epochs=tuple(epochs), run=run, gap=gap, is_owed=is_owed)


def run(state, purpose=RunPurpose.SCHEDULED, fault=""):
    return QueryRun(
        run_id="r1",
        key=RunKey(query="Logins", scheduled_for=AT, purpose=purpose),
        state=state,
        attempt=1,
        started_at=AT + timedelta(seconds=4),
        fault=RunFault(kind="K", message=fault) if fault else None,
    )


@pytest.mark.parametrize(
    ("known", "due", "said"),
    [
        (
            facts(run(RunState.SUCCEEDED)),
            Due.EVALUATED,
            "was evaluated, at 2026-01-15T09:00:04Z, by the run r1",
        ),
        (facts(run(RunState.TRUNCATED, fault="too many rows")), Due.EVALUATED, "not whole: too many rows"),
        (facts(run(RunState.SUCCEEDED, RunPurpose.MANUAL)), Due.BY_HAND, "was run by hand"),
        (facts(run(RunState.RUNNING)), Due.NOT_YET, "is running"),
        (facts(run(RunState.TIMED_OUT), gap=GapReason.TIMED_OUT), Due.GAP, "is a gap (timed out)"),
        (facts(run(RunState.FAILED, fault="no table"), gap=GapReason.FAILED), Due.GAP, "no table"),
        (facts(gap=GapReason.PAUSED), Due.GAP, "is a gap (paused)"),
        (facts(is_owed=True), Due.NOT_YET, "has not been run yet"),
        (facts(), Due.NOT_YET, "no daemon has recorded it yet"),
        (facts(epochs=()), Due.NOT_DUE, "no daemon has ever seen the query"),
        (
            facts(epochs=[Epoch(start=AT, schedule=HOURLY)]),
            Due.NOT_DUE,
            "the first did at 2026-01-15T09:00:00Z",
        ),
        (
            facts(
                epochs=[Epoch(start=AT - 2 * HOUR, schedule=HOURLY), Epoch(start=AT - HOUR, schedule=None)]
            ),
            Due.NOT_DUE,
            "was disabled, or had another schedule",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_recorded_of_a_due_time_is_told(known, due, said):
    answer = due_answer(query(), known, AT, AT + HOUR)

    assert (answer.due, said in answer.sentence) == (due, True), answer.sentence


def test_a_due_time_that_has_not_come_is_waited_for():
    answer = due_answer(query(), facts(), AT, AT - timedelta(seconds=1))

    assert (answer.due, answer.sentence) == (Due.NOT_YET, "2026-01-15T09:00:00Z has not come yet")


def test_of_a_time_between_two_due_times_the_nearest_are_told():
    answer = due_answer(query(), facts(), AT + HOUR / 2, AT + HOUR)

    assert answer.due is Due.NOT_DUE
    assert "the nearest due times are 2026-01-15T09:00:00Z and 2026-01-15T10:00:00Z" in answer.sentence


def test_a_disabled_query_is_said_to_be():
    answer = due_answer(query(enabled=False), facts(epochs=()), AT, AT + HOUR)

    assert (answer.due, answer.sentence) == (Due.NOT_DUE, "the query is disabled")
