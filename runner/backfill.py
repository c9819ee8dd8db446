"""Many runs over the past: every due time of a range, each with its own reference time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from runner.schedule.due import due_times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.store.state import StateStore

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRun:
    """A due time of the past that is to be run."""

    query: ScheduledQuery
    rules: tuple[ScheduledRule, ...]
    due: datetime


def plan(
    queries: Iterable[tuple[ScheduledQuery, tuple[ScheduledRule, ...]]], *, start: datetime, end: datetime
) -> list[PastRun]:
    """Return every due time from `start` to `end` (both included, aware) of some queries, oldest first.

    Those of one query are to be run in this order, one after the other.
    """
    runs = [
        PastRun(query=query, rules=rules, due=due)
        for query, rules in queries
        for due in due_times(query.schedule, after=start - _INSTANT, until=end)
    ]
    return sorted(runs, key=lambda run: (run.due, run.query.name))


def past(
    runs: Iterable[PastRun], now: datetime, settle_of: Callable[[ScheduledQuery], timedelta]
) -> list[PastRun]:
    """Leave out what has not come yet at `now` (aware): its window goes on, or late data is still waited for."""
    return [run for run in runs if run.due + settle_of(run.query) <= now]


def remaining(runs: Sequence[PastRun], store: StateStore, catalogue: Catalogue) -> list[PastRun]:
    """Leave out what the very same definitions have been run for before, with success.

    So a backfill that was stopped goes on where it was, and one after an edit begins anew. A run that began before
    its due time does not count: it cannot have seen the whole window.
    """
    if not runs:
        return []
    done = {
        query.name: store.succeeded(
            query.name,
            start=runs[0].due,
            end=runs[-1].due,
            query_hash=catalogue.fingerprints[query.name],
            rule_hashes={rule.rule_id: catalogue.fingerprints[rule.rule_id] for rule in rules},
        )
        for query, rules in {run.query.name: (run.query, run.rules) for run in runs}.values()
    }
    return [run for run in runs if run.due not in done[run.query.name]]
