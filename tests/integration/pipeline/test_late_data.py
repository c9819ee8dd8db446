"""Logs that come after their window was evaluated: found, and evaluated once more."""

import json
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from runner import late_data
from runner.cli.main import cli
from runner.clock import FrozenClock, SystemClock
from runner.daemon.reopening import Reopening
from runner.definitions.scheduled_query import Schedule
from runner.lake.index.lake_index import LakeIndex
from runner.lake.landed_files import LandingWatch
from runner.metrics import Metrics
from runner.runs.query_run import QueryRun, RunKey, RunPurpose, RunState
from runner.runs.retry import RetryPolicy
from runner.schedule.ledger import Epoch, GapReason, Interval
from runner.status.coverage import Outcome

QUERY = "Failed Logins"
HOURLY = Schedule(cron=None, rate_minutes=60, timeout_minutes=1)
AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
LAST_HOUR = "SELECT * FROM panther_logs.public.logins WHERE p_occurs_since('1 hour')"


@pytest.fixture
def evaluated(project):
    """Evaluate the windows before 09:00 and before 06:00; files land by the machine's clock, so runs go by it too."""
    project.clock = SystemClock()
    project.write_query(LAST_HOUR)
    project.add_logins(-0.5, -3.5)
    with project.open() as parts:
        parts.store.ledger.begin_epochs({QUERY: Epoch(start=AT - timedelta(days=1), schedule=HOURLY)})
        for hours in (-3, 0):
            run_late(parts, AT + timedelta(hours=hours))
    return project


def run_late(parts, due):
    query = parts.catalogue.queries[QUERY]
    return parts.pipeline.run_late(query, due, parts.catalogue.rules_for(query.name))


def late(project, **options):
    """Return the due times, in hours from 09:00, of windows with late files, and how many files each has."""
    with project.open() as parts:
        index = LakeIndex(parts.settings.lake, parts.settings.lake_index, parts.clock)
        landings = LandingWatch(parts.settings.lake, index)
        queries = {name for name, query in parts.catalogue.queries.items() if query.enabled}
        since = AT - timedelta(days=1)
        found = list(late_data.find(parts.store, landings, queries=queries, since=since, **options))
        index.close()
    return [((one.due - AT) / timedelta(hours=1), len(one.files)) for one in found]


def test_a_window_without_new_files_is_not_late(evaluated):
    assert late(evaluated) == []


def test_only_the_windows_that_a_file_lands_in_are_late(evaluated):
    evaluated.add_logins(-0.25)
    first = late(evaluated)
    evaluated.add_logins(-9)
    evaluated.add_logins(1)

    assert first == [(0.0, 1)]
    assert late(evaluated) == first


def test_a_late_window_is_run_as_its_next_revision_and_counts_only_what_is_new(evaluated):
    evaluated.add_logins(-0.25)

    with evaluated.open() as parts:
        report = run_late(parts, AT)

    assert report.run.key.revision == 1
    assert report.run.counts.matches == 2
    assert sum(alert.match_count for alert in evaluated.alerts()) == 3
    assert late(evaluated) == []


def test_a_query_that_is_gone_has_no_late_windows(evaluated):
    evaluated.add_logins(-0.25)
    for file in (evaluated.root / "queries").iterdir():
        file.write_text(file.read_text().replace("Enabled: true", "Enabled: false"))

    assert late(evaluated) == []


def test_the_command_lists_late_windows_and_runs_them_again(evaluated):
    evaluated.add_logins(-0.25)
    where = ["--project", str(evaluated.root), "--days", "3000"]

    listed = CliRunner().invoke(cli, ["late", *where, "--format", "json"], standalone_mode=False)
    again = CliRunner().invoke(cli, ["late", "--run", *where], standalone_mode=False)
    after = CliRunner().invoke(cli, ["late", *where], standalone_mode=False)

    (found,) = json.loads(listed.output)
    assert (found["due"], found["revision"], len(found["files"])) == ("2026-01-15T09:00:00Z", 0, 1)
    assert "1 window run again, 0 failed." in again.output
    assert "No window got logs after it was evaluated." in after.output


@pytest.fixture
def watched(evaluated):
    """Let windows of years back be opened again, and let time stand still after the evaluations."""
    evaluated.write_settings("[late_data]\nreopen_hours = 1000000\nwait_minutes = 10\n")
    evaluated.clock = FrozenClock(SystemClock().now())
    return evaluated


@contextmanager
def reopening_of(parts):
    """Open what the daemon looks with."""
    index = LakeIndex(parts.settings.lake, parts.settings.lake_index, parts.clock)
    yield Reopening(
        settings=parts.settings,
        clock=parts.clock,
        store=parts.store,
        landings=LandingWatch(parts.settings.lake, index),
        catalogue=lambda: parts.catalogue,
        metrics=Metrics(),
    )
    index.close()


def look(project):
    """Look once, as a daemon that has just begun."""
    with project.open() as parts, reopening_of(parts) as reopening:
        return reopening.look()


def run_backlog(project):
    """Run what is in the backlog, as the daemon does; return the runs."""
    done = []
    with project.open() as parts:
        while claim := parts.store.ledger.claim_next("a daemon", timedelta(minutes=1)):
            rules = parts.catalogue.rules_for(QUERY)
            query = parts.catalogue.queries[QUERY]
            done.append(parts.pipeline.run_scheduled(claim, query, rules, RetryPolicy(failures=4)).run)
    return done


def test_the_daemon_opens_only_the_windows_that_a_file_landed_in_and_marks_what_is_new(watched):
    watched.add_logins(-0.25)

    opened = look(watched)
    watched.clock.advance(timedelta(minutes=10))
    (run,) = run_backlog(watched)

    assert opened == 1
    assert (run.key.scheduled_for, run.key.revision, run.is_late) == (AT, 1, True)
    assert matches_by_lateness(watched) == {False: 2, True: 1}


def matches_by_lateness(project):
    database = sqlite3.connect(project.root / ".runner" / "state.db")
    rows = database.execute("SELECT is_late, count(*) FROM matches GROUP BY 1").fetchall()
    database.close()
    return {bool(late): number for late, number in rows}


def test_a_window_is_opened_once_however_often_it_is_looked_at(watched):
    watched.add_logins(-0.25)

    with watched.open() as parts, reopening_of(parts) as reopening:
        looks = [reopening.look() for _ in range(3)]
    looks.append(look(watched))  # after a restart
    watched.clock.advance(timedelta(minutes=10))
    first = len(run_backlog(watched))
    looks.append(look(watched))

    assert (looks, first) == ([1, 0, 0, 0, 0], 1)
    assert sum(alert.match_count for alert in watched.alerts()) == 3


def test_what_lands_while_a_window_waits_needs_no_evaluation_of_its_own(watched):
    watched.add_logins(-0.25)
    look(watched)
    watched.add_logins(-0.75)

    again = look(watched)
    watched.clock.advance(timedelta(minutes=10))
    runs = run_backlog(watched)

    assert (again, len(runs)) == (0, 1)
    assert sum(alert.match_count for alert in watched.alerts()) == 4


def test_an_alert_tells_how_many_of_its_matches_came_late(watched):
    watched.add_logins(-0.25)
    look(watched)
    watched.clock.advance(timedelta(minutes=10))
    run_backlog(watched)

    newest = watched.alerts()[-1]
    where = ["--project", str(watched.root)]
    shown = CliRunner().invoke(cli, ["alerts", "show", newest.alert_id, *where, "--format", "json"])
    told = CliRunner().invoke(cli, ["alerts", "show", newest.alert_id, *where])

    assert json.loads(shown.output)["late_matches"] == 1
    assert "1 of them, by logs that came after their window was evaluated" in told.output


@pytest.mark.parametrize(
    ("revision", "minutes"),
    [
        (0, 10),
        (1, 20),  # a window of months gets late logs for ever
        (3, 80),
        (50, 10 * 1024),  # the waits end somewhere
    ],
)
def test_each_evaluation_of_a_window_waits_twice_as_long_as_the_one_before(revision, minutes):
    key = RunKey(query=QUERY, scheduled_for=AT, purpose=RunPurpose.SCHEDULED, revision=revision)
    run = QueryRun(run_id="r", key=key, state=RunState.SUCCEEDED, attempt=1, started_at=AT)

    again = late_data.LateWindow(run=run, files=()).again_at(timedelta(minutes=10))

    assert again - AT == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "hours",
    [
        "0",  # never
        "1",  # the windows are older
    ],
)
def test_windows_beyond_the_look_back_stay_closed(watched, hours):
    watched.write_settings(f"[late_data]\nreopen_hours = {hours}\n")
    watched.add_logins(-0.25)

    assert look(watched) == 0


def test_one_query_may_look_back_longer_than_others(watched):
    watched.write_settings(f'[late_data]\nreopen_hours = 0\n[queries."{QUERY}"]\nreopen_hours = 1000000\n')
    watched.add_logins(-0.25)

    assert look(watched) == 1


def test_a_window_whose_next_evaluation_fails_is_a_gap_and_its_coverage_stays(watched):
    watched.add_logins(-0.25)
    look(watched)
    watched.clock.advance(timedelta(minutes=10))
    watched.write_query("SELECT nothing FROM panther_logs.public.logins WHERE p_occurs_since('1 hour')")

    (run,) = run_backlog(watched)
    with watched.open() as parts:
        gaps = parts.store.ledger.list_gaps(None, 10)
        period = Interval(start=AT - timedelta(hours=1), end=AT)
        standing = parts.store.standing
        coverage = [
            standing.coverage(standing.facts(QUERY), period, exactly=exactly)[QUERY]
            for exactly in (False, True)
        ]

    assert run.state is RunState.FAILED
    assert gaps == [(QUERY, AT, GapReason.FAILED)]
    assert [found.outcomes for found in coverage] == [{Outcome.SUCCEEDED: 1}] * 2
