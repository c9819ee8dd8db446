"""Several daemons on one PostgreSQL: one is killed, stopped or cut off, and the others see to its work."""

from __future__ import annotations

import signal
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa
from conftest import execute
from crash_lab import EVENING, PATIENCE
from crash_project import DAY
from deadly_points import Kill
from tcp_proxy import LoopbackProxy

from runner.checkpoints import Checkpoint

pytestmark = [pytest.mark.crash, pytest.mark.postgres]

MORNING = DAY + timedelta(hours=3)
FREES_LOCKS_SOON = {"options": "-c idle_in_transaction_session_timeout=1500"}
"""A server gives a daemon that is stopped within a transaction half a minute by default: too long for a test."""


@pytest.fixture
def lab(make_lab):
    return make_lab("postgres", lease=1.5, rule_takes=0.05)


def with_url(lab, url, name):
    """Return a copy of the project that reaches the database by another URL."""
    other = lab.root.with_name(name)
    other.mkdir()
    for folder in ("queries", "scheduled_rules"):
        (other / folder).symlink_to(lab.root / folder)
    text = (lab.root / "runner.toml").read_text()
    (other / "runner.toml").write_text(text.replace(lab.url, url.render_as_string()))
    return other


def wait_until(lab, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, lab.story()
        for daemon in lab.daemons:
            daemon.look(0.05)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(
    "point",
    [
        pytest.param(point, id=point.name)
        for point in (Checkpoint.BATCH_FETCHED, Checkpoint.CLAIM_UNCOMMITTED, Checkpoint.COMMIT_ENDS)
    ],
)
def test_the_others_take_over_from_a_daemon_that_is_killed(lab, count, point):
    killed = lab.start(Kill(point=point, nth=2, marker=lab.marker()))
    others = [lab.start() for _ in range(count - 1)]

    code = killed.end()
    lab.until_caught_up(others)
    codes = [daemon.stop() for daemon in others]

    assert lab.problems() == [], lab.story()
    assert (code, codes) == (-signal.SIGKILL, [0] * (count - 1)), lab.story()


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(point, id=point.name)
        # outside a transaction; within one that holds the run's locks; within one that holds everybody's
        for point in (Checkpoint.COMMIT_BEGINS, Checkpoint.COMMIT_ENDS, Checkpoint.CLAIM_UNCOMMITTED)
    ],
)
def test_a_daemon_that_was_stopped_longer_than_its_lease_stores_nothing_late_and_goes_on(lab, point):
    url = sa.make_url(lab.url).update_query_dict(FREES_LOCKS_SOON)
    marker = lab.marker()
    halt = Kill(point=point, nth=2, marker=marker, number=int(signal.SIGSTOP))
    stopped = lab.start(halt, project=with_url(lab, url, "stopped"))
    stopped.until_stopped()
    other = lab.start(at=MORNING, until=MORNING)

    wait_until(lab, lambda: lab.is_caught_up(MORNING))
    stopped.signal(signal.SIGCONT)
    lab.until_caught_up([stopped, other])
    codes = [stopped.stop(), other.stop()]

    assert lab.problems() == [], lab.story()
    assert codes == [0, 0], lab.story()
    if point is Checkpoint.COMMIT_BEGINS:
        assert stopped.events()["claim_lost"] == 1, lab.story()


@pytest.mark.parametrize("way", ["cut", "hole"])
def test_a_daemon_that_is_cut_off_from_the_database_loses_its_work_to_others_and_comes_back(lab, way):
    url = sa.make_url(lab.url)
    with LoopbackProxy(url.port) as proxy:
        away = lab.start(
            project=with_url(lab, url.set(port=proxy.port).update_query_dict(FREES_LOCKS_SOON), "away")
        )
        away.until("query_run_finished", 3)
        getattr(proxy, way)()
        other = lab.start(at=MORNING, until=MORNING)

        wait_until(lab, lambda: lab.is_caught_up(MORNING))
        proxy.restore()
        lab.until_caught_up([away, other])
        codes = [away.stop(), other.stop()]

    assert lab.problems() == [], lab.story()
    assert codes == [0, 0], lab.story()


def test_a_daemon_outlives_a_restart_of_its_database_server_and_says_so(lab, server):
    name = sa.make_url(lab.url).database
    daemon = lab.start()
    daemon.until("query_run_finished", 3)

    execute(server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    execute(server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    daemon.until("state_unavailable")
    execute(server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    lab.until_caught_up([daemon])
    code = daemon.stop()

    assert lab.problems() == [], lab.story()
    assert code == 0


def test_clocks_that_are_two_hours_apart_double_nothing_and_lose_nothing(lab):
    behind = lab.start(at=DAY)
    ahead = lab.start(at=DAY + timedelta(hours=2))

    lab.until_caught_up([behind, ahead])
    codes = [behind.stop(), ahead.stop()]

    assert lab.problems() == [], lab.story()
    assert codes == [0, 0], lab.story()


def test_a_daemon_that_does_not_know_a_query_leaves_it_to_others(lab):
    ignorant = with_url(lab, sa.make_url(lab.url), "ignorant")
    for folder in ("queries", "scheduled_rules"):
        (ignorant / folder).unlink()
        (ignorant / folder).mkdir()
    first = lab.start(at=EVENING, until=EVENING, project=ignorant)
    first.until("daemon_started")

    second = lab.start()
    lab.until_caught_up([first, second])
    codes = [first.stop(), second.stop()]

    assert codes == [0, 0], lab.story()
    assert lab.problems() == [], lab.story()
