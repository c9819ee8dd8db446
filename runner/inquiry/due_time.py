"""Whether a time is a due time of a query, and what has become of it. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from runner.inquiry.answer import Due, DueAnswer
from runner.runs.query_run import RunPurpose, RunState
from runner.schedule import ledger
from runner.schedule.due import last_due, next_due

if TYPE_CHECKING:
    from datetime import datetime

    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.runs.query_run import QueryRun
    from runner.store.inquiry_store import DueFacts

_EVALUATED = (RunState.SUCCEEDED, RunState.TRUNCATED)
_MICROSECOND = timedelta(microseconds=1)


def due_answer(query: ScheduledQuery, facts: DueFacts, at: datetime, now: datetime) -> DueAnswer:
    """Say how a query stands at a time."""
    run = facts.run
    if run is not None and run.state in _EVALUATED:
        return _evaluated(run)
    if facts.gap is not None:
        fault = f": {run.fault.message}" if run and run.fault else ""
        sentence = f"{_written(at)} is a gap ({facts.gap.value}): it was not evaluated{fault}"
        return DueAnswer(due=Due.GAP, sentence=sentence, run_id=run.run_id if run else "")
    if run is not None:
        fault = f": {run.fault.message}" if run.fault else ""
        sentence = f"the run for {_written(at)} is {run.state.value.replace('_', ' ')}{fault}"
        return DueAnswer(due=Due.NOT_YET, sentence=sentence, run_id=run.run_id)
    if facts.is_owed:
        return DueAnswer(due=Due.NOT_YET, sentence=f"{_written(at)} is due, and has not been run yet")
    return _unrecorded(query, facts, at, now)


def _evaluated(run: QueryRun) -> DueAnswer:
    is_manual = run.key.purpose is not RunPurpose.SCHEDULED
    how = "run by hand" if is_manual else "evaluated"
    part = f", but not whole: {run.fault.message}" if run.state is RunState.TRUNCATED and run.fault else ""
    begun = _written(run.started_at)
    return DueAnswer(
        due=Due.BY_HAND if is_manual else Due.EVALUATED,
        sentence=f"{_written(run.key.scheduled_for)} was {how}, at {begun}, by the run {run.run_id}{part}",
        run_id=run.run_id,
    )


def _unrecorded(query: ScheduledQuery, facts: DueFacts, at: datetime, now: datetime) -> DueAnswer:
    is_owed = at in ledger.owed(facts.epochs, after=at - _MICROSECOND, until=at)
    if is_owed:
        when = "has not come yet" if at > now else "is due, and no daemon has recorded it yet"
        return DueAnswer(due=Due.NOT_YET, sentence=f"{_written(at)} {when}")
    before, after = last_due(query.schedule, at), next_due(query.schedule, at)
    if before != at:
        near = f"the nearest due times are {_written(before)} and {_written(after)}"
        return DueAnswer(due=Due.NOT_DUE, sentence=f"the query is not due at {_written(at)}: {near}")
    return DueAnswer(due=Due.NOT_DUE, sentence=_not_owed(query, facts, at))


def _not_owed(query: ScheduledQuery, facts: DueFacts, at: datetime) -> str:
    """Say why a due time of the schedule, as it is written now, is not owed."""
    if not query.enabled:
        return "the query is disabled"
    if not facts.epochs:
        return "no daemon has ever seen the query, and nobody has run it for this time by hand"
    first = facts.epochs[0].start
    if at <= first:
        return f"no daemon had seen the query at {_written(at)}: the first did at {_written(first)}"
    return f"at {_written(at)} the query was disabled, or had another schedule"


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
