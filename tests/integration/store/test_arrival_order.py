"""In whatever order runs end, the windows are those that all their matches in order of time make."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from state_lab import EVENTS_PER_ALERT, TEN, StateLab, after, match, result
from thoroughness import examples

from runner.alerts.alert import AlertRules
from runner.alerts.fold import Step, windows_of
from runner.clock import FrozenClock
from runner.store.database import IN_MEMORY
from runner.store.state import StateStore

TWO_QUERIES = ("First query", "Second query")


class Run(NamedTuple):
    """A run of a query at a minute, with the events it sees, by name."""

    minute: int
    query: str
    events: tuple[int, ...]


class Row(NamedTuple):
    """A window as it is stored."""

    dedup: str
    start: datetime
    last: datetime
    count: int
    title: str
    is_alert: bool


runs = st.lists(
    st.builds(
        Run,
        st.integers(0, 40).map(lambda number: number * 5),
        st.sampled_from(TWO_QUERIES),
        st.lists(st.integers(0, 12), max_size=5).map(tuple),
    ),
    max_size=8,
    unique_by=lambda run: (run.minute, run.query),
)
some_rules = st.builds(
    AlertRules,
    period_minutes=st.sampled_from([10, 30, 60]),
    threshold=st.integers(1, 4),
    create_alert=st.booleans(),
    counts_unique=st.booleans(),
)


@pytest.fixture(scope="module")
def memory_lab():
    store = StateStore(IN_MEMORY, clock=FrozenClock(TEN), events_per_alert=EVENTS_PER_ALERT)
    yield StateLab(url=IN_MEMORY, store=store)
    store.close()


def matches_of(run: Run, rule: str, *, moves: bool):
    """Make a run's matches; with `moves`, an event's dedup string depends on the query that sees it."""
    for event in run.events:
        dedup = f"{event % 2} {run.query if moves else ''}"
        yield match(
            dedup, str(event), rule=rule, title=f"{event} by {run.query}", unique=str(event % 3), row=True
        )


def expected_rows(runs: list[Run], rules: AlertRules, *, moves: bool) -> list[Row]:
    """Fold everything at once: each event, as often as a run saw it at most, at its earliest time."""
    steps: dict[str, dict[datetime, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    counted: dict[int, int] = defaultdict(int)
    for run in sorted(runs):
        seen: dict[int, int] = defaultdict(int)
        for event, made in zip(run.events, matches_of(run, "", moves=moves), strict=True):
            seen[event] += 1
            if seen[event] > counted[event]:
                counted[event] += 1
                steps[made.dedup][after(run.minute)].append((f"{event} by {run.query}", made.unique_value))
    return sorted(
        Row(dedup, one.start, one.last, one.count, of_key[one.start][0][0], one.reached_at is not None)
        for dedup, of_key in steps.items()
        for one in windows_of(
            [
                Step(at=at, count=len(events), values=frozenset(value for _, value in events))
                for at, events in sorted(of_key.items())
            ],
            rules,
        )
    )


def stored_rows(lab: StateLab, rule: str) -> list[Row]:
    with lab.store._database.reading() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT dedup, window_start, window_last, match_count, title, created_at FROM alerts "
                "WHERE rule_id = :rule AND match_count > 0 AND merged_into IS NULL"
            ),
            {"rule": rule},
        ).all()
    return sorted(
        Row(dedup, _moment(start), _moment(last), count, title, created is not None)
        for dedup, start, last, count, title, created in rows
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def store_all(
    lab: StateLab, runs: list[Run], rules: AlertRules, *, moves: bool
) -> tuple[str, list[set[str]]]:
    """Store runs in the order given; returns the rule's name, and which alerts there were after each run."""
    rule = f"Rule.{uuid4()}"  # examples share a database, and so must not share rules
    present = []
    for run in runs:
        claim = lab.claim(run.minute, run.query)
        lab.store.finish(claim, _result(run, rule, rules, moves=moves))
        present.append(alert_ids(lab, rule))
    return rule, present


def _result(run: Run, rule: str, rules: AlertRules, *, moves: bool):
    return result([list(matches_of(run, rule, moves=moves))], rules, rule_ids=[rule])


def alert_ids(lab: StateLab, rule: str) -> set[str]:
    with lab.store._database.reading() as connection:
        return set(
            connection.scalars(
                sa.text("SELECT alert_id FROM alerts WHERE rule_id = :rule AND created_at IS NOT NULL"),
                {"rule": rule},
            )
        )


@examples(12)
@given(runs=runs, rules=some_rules, moves=st.booleans())
def test_runs_in_order_of_time_make_the_windows_of_one_fold(memory_lab, runs, rules, moves):
    expected = expected_rows(runs, rules, moves=moves)

    rule, _ = store_all(memory_lab, sorted(runs), rules, moves=moves)

    assert stored_rows(memory_lab, rule) == expected


@examples(12)
@given(runs=runs, rules=some_rules, moves=st.booleans())
def test_runs_in_any_order_make_the_windows_of_one_fold(memory_lab, runs, rules, moves):
    expected = expected_rows(runs, rules, moves=moves)

    rule, present = store_all(memory_lab, runs, rules, moves=moves)

    actual = stored_rows(memory_lab, rule)
    # An alert once created stays, even if a later fold would not have made it.
    assert [row[:5] for row in actual] == [row[:5] for row in expected]
    assert {row for row in expected if row.is_alert} <= set(actual)
    assert all(before <= now for before, now in itertools.pairwise(present))


@examples(6)
@given(runs=runs, rules=some_rules)
def test_running_everything_twice_changes_nothing(memory_lab, runs, rules):
    rule, _ = store_all(memory_lab, sorted(runs), rules, moves=False)
    before = (stored_rows(memory_lab, rule), alert_ids(memory_lab, rule))

    for run in sorted(runs):
        memory_lab.store.finish(
            memory_lab.claim(run.minute, run.query), _result(run, rule, rules, moves=False)
        )

    assert (stored_rows(memory_lab, rule), alert_ids(memory_lab, rule)) == before


@examples(6)
@given(runs=runs, rules=some_rules)
def test_no_alert_keeps_more_whole_rows_than_it_may(memory_lab, runs, rules):
    rule, _ = store_all(memory_lab, runs, rules, moves=False)

    kept = [
        len(memory_lab.store.events_of(alert, 100))
        for alert in memory_lab.store.alerts_of(alert_ids(memory_lab, rule)).values()
    ]

    assert all(
        number <= max(EVENTS_PER_ALERT, 5) for number in kept
    )  # 5: one run's own, which the worker limits
