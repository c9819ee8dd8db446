"""A daemon that is killed at any point loses no due time and no alert, and doubles none.

A scenario is a day in the life of one project: a real daemon is killed with SIGKILL at one named point, its successor at
another, and so on; the last one catches up. Then everything in the state database is compared with a computation
that knows neither the daemon nor its tables. A seed decides which points come together, in which order, and at the
how-many-th time of a point the kill comes. `CRASH_SEED` repeats a seed and `CRASH_SEEDS` says how many are
tried; without them it is one that changes every day, and is in the names of the tests.
"""

from __future__ import annotations

import os
import random
import signal
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from crash_project import CRON, DAY, MENDED, QUERIES, SAME_CRON, write_query, write_rule
from deadly_points import Kill

from runner.checkpoints import Checkpoint

pytestmark = pytest.mark.crash

SEED = int(os.environ.get("CRASH_SEED", datetime.now(UTC).date().toordinal()))
SEEDS = range(SEED, SEED + int(os.environ.get("CRASH_SEEDS", "1")))
SCENARIOS = 8

ON_FIRST_STATE = [
    Checkpoint.MIGRATION_BEGINS,
    Checkpoint.MIGRATION_UNCOMMITTED,
    Checkpoint.EPOCHS_RECORDED,  # so that queries are first seen when the day begins, however slow the machine is
]
AT_START = {
    *ON_FIRST_STATE,
    Checkpoint.LOCK_TAKEN,
    Checkpoint.STATE_OPENED,
    Checkpoint.LOST_CLAIMS_RELEASED,
    Checkpoint.DEFINITIONS_READ,
    Checkpoint.DAEMON_READY,
    Checkpoint.EPOCHS_BEGIN,
    Checkpoint.EPOCHS_UNCOMMITTED,
}
ON_EDIT = {Checkpoint.RELOAD_BEGINS, Checkpoint.RELOAD_SWAPPED, Checkpoint.RELOADED}
ON_STOP = {Checkpoint.DRAIN_BEGINS, Checkpoint.DRAIN_INTERRUPTS, Checkpoint.DRAINED}
ON_WORKER_DEATH = {
    Checkpoint.GIVE_BACK_BEGINS,
    Checkpoint.GIVE_BACK_UNCOMMITTED,
    Checkpoint.GIVEN_BACK,
    Checkpoint.RETRY_BEGINS,
}
WHILE_RUNNING = {
    Checkpoint.DRAIN_INTERRUPTS,
    Checkpoint.LEASES_UNCOMMITTED,
    Checkpoint.LEASES_EXTENDED,
}
"""Points that are reached only while a run takes its time: leases of nothing are not extended."""
ON_FAILURE = {Checkpoint.FAILURE_BEGINS, Checkpoint.FAILURE_UNCOMMITTED, Checkpoint.FAILED}
ON_NEW_DUE_TIMES = {Checkpoint.DUE_BEGINS, Checkpoint.DUE_UNCOMMITTED, Checkpoint.DUE_RECORDED}
ONCE = AT_START | ON_EDIT | ON_STOP | ON_WORKER_DEATH | ON_FAILURE | ON_NEW_DUE_TIMES
IN_WORKER = {point for point in Checkpoint if point.value.startswith("worker:")}
WHEN_FILLING = [
    Checkpoint.GAP_CLAIMED,
    Checkpoint.QUERY_BEGINS,
    Checkpoint.RUN_ENDED,
    Checkpoint.COMMIT_ENDS,
    Checkpoint.COMMITTED,
]
ONLY_SQLITE = {Checkpoint.LOST_CLAIMS_RELEASED}

both_databases = pytest.mark.parametrize(
    "kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
every_seed = pytest.mark.parametrize("seed", SEEDS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """One daemon: where it is killed, and when in the day it is started."""

    point: Checkpoint
    nth: int
    at: datetime
    until: datetime | None


def scenarios(kind: str, chance: random.Random) -> list[list[Checkpoint]]:
    """Deal all points out to scenarios.

    Those of the very first state come first in one of them. Those that want time to go on come last.
    """
    points = sorted(set(Checkpoint) - {Checkpoint.GAP_CLAIMED} - set(ON_FIRST_STATE))
    if kind != "sqlite":
        points = [point for point in points if point not in ONLY_SQLITE]
    chance.shuffle(points)
    dealt = [points[number::SCENARIOS] for number in range(SCENARIOS)]
    dealt[0] = [*ON_FIRST_STATE, *dealt[0]]
    return [sorted(hand, key=ON_WORKER_DEATH.__contains__) for hand in dealt]


def lives(points: list[Checkpoint], chance: random.Random) -> list[Life]:
    """Spread lives over the day, so that each of them finds due what makes it reach its point."""
    found, at = [], DAY
    for point in points:
        until = at + length_of(point)
        nth = 1 if point in ONCE else chance.randint(1, 2)
        found.append(Life(point=point, nth=nth, at=at, until=None if point in ON_WORKER_DEATH else until))
        at = until
    return found


def length_of(point: Checkpoint) -> timedelta:
    """Return how much of the day a daemon needs before it is sure to reach a point: every half hour has a run of each query."""
    if point in AT_START | ON_EDIT:
        return timedelta(0)
    return timedelta(minutes=60 if point in ON_FAILURE else 30)


def live(lab, life):
    """Let a daemon live until it is killed; return its exit code."""
    kills = [Kill(point=life.point, nth=life.nth, marker=lab.marker())]
    if life.point in ON_WORKER_DEATH:
        # twice: on a busy machine the first run may have been taken over before its worker's death is seen
        kills += [
            Kill(point=Checkpoint.RULES_LOADED, nth=1, marker=lab.marker() + name, victim="worker")
            for name in ("first", "second")
        ]
    if life.point in WHILE_RUNNING:
        make_rules_take(lab, 2.0)
    daemon = lab.start(*kills, at=life.at, until=life.until)
    daemon.name = f"{life.nth} times: {life.point.value}"
    provoke(lab, daemon, life.point)
    code = daemon.end()
    if life.point in WHILE_RUNNING:
        make_rules_take(lab, 0.0)
    return code


def provoke(lab, daemon, point):
    """Do what makes a daemon reach a point that it does not reach by itself."""
    if point in ON_EDIT:
        daemon.until("daemon_started")
        crons = [SAME_CRON, CRON] if f'"{CRON}"' in lab.text_of(QUERIES[0]) else [CRON]
        write_query(lab.root, QUERIES[0], cron=crons[0])
    if point is Checkpoint.DRAIN_INTERRUPTS:
        lab.until_running(daemon)
    if point in ON_STOP:
        daemon.until("daemon_started")
        daemon.signal(signal.SIGTERM)


def make_rules_take(lab, seconds):
    for query in QUERIES:
        write_rule(lab.root, query, seconds)


@both_databases
@every_seed
@pytest.mark.parametrize("number", range(SCENARIOS))
def test_daemons_killed_at_any_point_lose_nothing_and_double_nothing(make_lab, kind, number, seed):
    points = scenarios(kind, random.Random(f"{seed} {kind}"))[number]
    chance = random.Random(f"{seed} {kind} {number}")
    wants_one = not ON_WORKER_DEATH.isdisjoint(
        points
    )  # a second one might take over what is to be given back
    workers = 1 if wants_one else chance.randint(1, 2)
    lab = make_lab(kind, prepared=number > 0, workers=workers, drain=0.2, seed=str(seed))

    ends = {life.point: live(lab, life) for life in lives(points, chance)}
    last = lab.start()
    lab.until_caught_up([last])
    code = last.stop()

    assert ends == dict.fromkeys(points, -signal.SIGKILL), lab.story()
    assert lab.problems() == [], lab.story()
    assert code == 0, lab.story()


@both_databases
@every_seed
def test_workers_killed_at_any_point_cost_attempts_and_nothing_else(make_lab, kind, seed):
    chance = random.Random(f"{seed} {kind} worker")
    lab = make_lab(kind, workers=chance.randint(1, 2), seed=str(seed))
    kills = [
        Kill(point=point, nth=chance.randint(1, 4), marker=lab.marker() + point.name, victim="worker")
        for point in sorted(IN_WORKER)
    ]

    daemon = lab.start(*kills)
    lab.until_caught_up([daemon])
    code = daemon.stop()

    died = lab.number("SELECT count(*) FROM attempts WHERE fault_kind = 'WorkerError'")
    assert lab.problems() == [], lab.story()
    assert (code, died) == (0, len(kills)), lab.story()


@both_databases
@every_seed
def test_filling_gaps_can_be_killed_and_gone_on_with(make_lab, kind, seed):
    failing = next(query for query in QUERIES if query.fails_on_the_hour)
    lab = make_lab(kind, seed=str(seed))
    daemon = lab.start()
    lab.until_caught_up([daemon])
    daemon.stop()
    gaps = lab.number("SELECT count(*) FROM gaps")
    write_query(lab.root, failing, sql=MENDED)
    points = random.Random(f"{seed} {kind} gaps").sample(WHEN_FILLING, len(WHEN_FILLING))

    ends = [lab.start(Kill(point=point, nth=1, marker=lab.marker()), role="fill").end() for point in points]
    code = lab.start(role="fill").end()

    states = dict(lab.rows(f"SELECT state, count(*) FROM runs WHERE query = '{failing.name}' GROUP BY state"))
    assert (gaps, ends, code) == (6, [-signal.SIGKILL] * len(points), 0), lab.story()
    assert lab.number("SELECT count(*) FROM gaps") == 0
    assert (states["failed"], states["succeeded"], states.get("running", 0)) == (6, 12, 0)
    assert list(lab.leftovers()) == []


def test_every_point_has_its_scenario():
    dealt = {point for hand in scenarios("sqlite", random.Random(0)) for point in hand}

    assert dealt | set(WHEN_FILLING) == set(Checkpoint)
