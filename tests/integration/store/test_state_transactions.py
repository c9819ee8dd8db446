"""A run is stored as a whole or not at all, and by one hand only."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from state_lab import QUERY, RULE, after, key, match, result

from runner.errors import SlotTaken, StoreError
from runner.runs.query_run import RunFault, RunPurpose, RunState

FAULT = RunFault(kind="QueryTimeout", message="it took too long", transient=True)


def tables(lab) -> dict[str, int]:
    return {name: lab.number_of(name) for name in ("matches", "alerts")}


def states(lab) -> list[RunState]:
    return [run.state for run in lab.store.latest_runs(10)]


def test_what_is_stored_of_a_run_is_what_it_brought_home(lab):
    claim = lab.claim(0)
    lab.clock.advance(after(3) - after(0))

    finished = lab.store.finish(claim, result([[match()]]))

    (run,) = lab.store.latest_runs(10)
    assert run == finished.run
    assert (run.state, run.started_at, run.ended_at) == (RunState.SUCCEEDED, after(0), after(3))
    assert (run.counts.rows, run.rule_hashes) == (10, {RULE: "r" * 64})


def test_the_newest_runs_come_first(lab):
    for minute in range(3):
        lab.claim(minute)
        lab.clock.advance(after(1) - after(0))

    runs = lab.store.latest_runs(2)

    assert [run.key.scheduled_for for run in runs] == [after(2), after(1)]


def test_an_error_in_the_middle_of_the_matches_leaves_nothing(lab):
    def torn():
        yield [match(event="a")]
        raise OSError("the spool is gone")

    claim = lab.claim(0)

    with pytest.raises(OSError, match="the spool is gone"):
        lab.store.finish(claim, result(torn()))

    assert tables(lab) == {"matches": 0, "alerts": 0}
    assert states(lab) == [RunState.RUNNING]


def test_a_run_can_be_finished_after_an_attempt_to_do_so_failed(lab):
    claim = lab.claim(0)
    unreadable = match(event="a")._replace(details="not JSON")
    with pytest.raises(ValueError, match="invalid literal"):
        lab.store.finish(claim, result([[unreadable]]))

    lab.store.finish(claim, result([[match(event="a")]]))

    assert tables(lab) == {"matches": 1, "alerts": 1}


def test_a_stale_attempt_stores_nothing(lab):
    claim = lab.claim(0)
    stale = replace(claim, attempt=claim.attempt - 1)

    with pytest.raises(StoreError, match="taken over"):
        lab.store.finish(stale, result([[match()]]))

    assert tables(lab) == {"matches": 0, "alerts": 0}
    assert states(lab) == [RunState.RUNNING]


def test_a_run_that_has_ended_does_not_end_again(lab):
    claim = lab.claim(0)
    lab.store.finish(claim, result([]))

    with pytest.raises(StoreError, match="has ended"):
        lab.store.finish(claim, result([[match()]]))

    assert tables(lab) == {"matches": 0, "alerts": 0}


def test_a_run_that_has_ended_does_not_fail(lab):
    claim = lab.claim(0)
    lab.store.finish(claim, result([]))

    with pytest.raises(StoreError, match="has ended"):
        lab.store.fail(claim, RunState.FAILED, FAULT)

    assert states(lab) == [RunState.SUCCEEDED]


def test_a_failed_run_tells_why(lab):
    lab.store.fail(lab.claim(0), RunState.TIMED_OUT, FAULT)

    (run,) = lab.store.latest_runs(10)

    assert (run.state, run.fault) == (RunState.TIMED_OUT, FAULT)
    assert lab.rows("SELECT state, fault_kind FROM attempts") == [("timed_out", "QueryTimeout")]


def test_a_run_can_be_claimed_once(lab):
    lab.store.claim(key(0))

    with pytest.raises(SlotTaken, match=QUERY):
        lab.store.claim(key(0))

    assert lab.number_of("runs") == 1


def test_runs_of_another_time_query_or_purpose_are_other_runs(lab):
    keys = [key(0), key(1), key(0, query="Other"), key(0, purpose=RunPurpose.SCHEDULED)]

    claims = [lab.store.claim(one) for one in keys]

    assert len({claim.run_id for claim in claims}) == 4


def test_claiming_again_makes_the_next_revision(lab):
    claims = [lab.store.claim_again(key(0)) for _ in range(3)]

    assert [claim.key.revision for claim in claims] == [0, 1, 2]


def test_a_manual_run_that_should_have_ended_long_ago_is_written_down_as_cut_off_when_its_query_runs_again(
    lab,
):
    killed, others = lab.claim(0), lab.claim(0, query="Other")
    lab.clock.advance(timedelta(minutes=20))
    going_on = lab.claim(1)
    lab.clock.advance(timedelta(minutes=1))

    latest = lab.store.claim_again(key(2), ends_within=timedelta(minutes=20))

    states_of = {run.run_id: run.state for run in lab.store.latest_runs(10)}
    assert states_of[killed.run_id] is RunState.INTERRUPTED
    assert {states_of[one.run_id] for one in (others, going_on, latest)} == {RunState.RUNNING}
    with pytest.raises(StoreError, match="taken over"):
        lab.store.finish(killed, result([[match()]]))


def test_a_full_disk_leaves_the_state_as_it_was(file_lab):
    file_lab.run(0, match(event="a"))
    claim = file_lab.claim(5)
    many = [[match(event=str(number), row=True) for number in range(2_000)]]

    with (
        hindrance(file_lab, "PRAGMA max_page_count = 40"),
        pytest.raises(StoreError, match=r"state\.db.*full"),
    ):
        file_lab.store.finish(claim, result(many))

    assert file_lab.counts() == {"alice": 1}
    assert set(states(file_lab)) == {RunState.RUNNING, RunState.SUCCEEDED}
    file_lab.store.finish(claim, result(many))
    assert file_lab.counts() == {"alice": 2_001}


class hindrance:  # noqa: N801  reads as what it does
    """Make new connections of a store begin with a statement."""

    def __init__(self, lab, statement: str) -> None:
        self._engine, self._statement = lab.store._database.engine, statement

    def __enter__(self) -> None:
        self._engine.dispose()
        sa.event.listen(self._engine, "connect", self._hinder)

    def __exit__(self, *_: object) -> None:
        sa.event.remove(self._engine, "connect", self._hinder)
        self._engine.dispose()

    def _hinder(self, connection, _record) -> None:
        connection.execute(self._statement)
