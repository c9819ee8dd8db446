"""One run of one query, from claim to commit, on a real lake, real workers and a real state database."""

import _thread
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from runner.errors import QueryTimeout, StoreError
from runner.pipeline import Pipeline
from runner.runs.query_run import RunState

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
ENDLESS = "SELECT count(*) AS n FROM range(100000000000) AS t(i) WHERE i % 7 = 8"
BY_USER = (
    "SELECT user_name, count(*) AS failures FROM panther_logs.public.logins "
    "WHERE p_occurs_since('1 day') GROUP BY user_name"
)


class FailingWorkers:
    """Stands for a pool whose every job raises one error."""

    def __init__(self, error):
        self._error = error

    def run(self, _job, _spool):
        """Raise the error."""
        raise self._error


def with_failing_workers(parts, error):
    return Pipeline(
        catalogue=parts.catalogue,
        settings=parts.settings,
        store=parts.store,
        workers=FailingWorkers(error),
        clock=parts.clock,
    )


def counts_of(alerts):
    return [alert.match_count for alert in alerts]


def test_a_run_stores_its_alerts_and_what_it_did(project):
    project.add_logins(-1.5, -0.5, -0.25)

    (report,) = project.run()

    run = report.run
    assert (run.state, run.fault) == (RunState.SUCCEEDED, None)
    assert (run.counts.rows, run.counts.matches, run.counts.errors) == (3, 3, 0)
    assert run.counts.bytes == sum(
        file.stat().st_size for file in (project.root / "datalake").rglob("*.parquet")
    )
    assert counts_of(project.alerts()) == [3]


def test_a_run_remembers_the_hashes_of_what_it_ran(project):
    project.add_logins(-1)

    with project.open() as parts:
        report = project.run_in(parts)
        (run,) = parts.store.latest_runs(1)
        fingerprints = parts.catalogue.fingerprints

    assert report.run == run
    assert run.query_hash == fingerprints["Failed Logins"]
    assert run.rule_hashes == {"Failed.Logins": fingerprints["Failed.Logins"]}


def test_the_same_run_again_changes_nothing(project):
    project.add_logins(-1.5, -0.5)
    project.run()
    before = project.alerts()

    (again,) = project.run()

    assert again.run.key.revision == 1
    assert again.run.counts.matches == 2
    after = project.alerts()
    assert [(a.alert_id, a.match_count, a.created_at) for a in after] == [
        (a.alert_id, a.match_count, a.created_at) for a in before
    ]


@pytest.mark.parametrize("row_ids", [True, False], ids=["by row id", "by content"])
def test_overlapping_runs_count_an_event_once(project, row_ids):
    project.add_logins(-0.5, row_ids=row_ids)

    project.run(0, 1)

    assert counts_of(project.alerts()) == [1]


def test_identical_rows_of_one_run_count_each(project):
    project.add_logins(-0.5, -0.5, -0.5, row_ids=False)

    project.run(0, 1)

    assert counts_of(project.alerts()) == [3]


def test_an_aggregate_alerts_again_on_the_next_day(project):
    project.write_query(BY_USER)
    project.add_logins(-2, 20)

    project.run(0, 24)

    assert counts_of(project.alerts()) == [1, 1]


def test_an_aggregate_counts_once_however_often_its_day_is_run(project):
    project.write_query(BY_USER)
    project.add_logins(-2)
    project.run()
    project.add_logins(-3)  # late data: the row now says 2

    project.run()

    assert counts_of(project.alerts()) == [1]


def test_an_event_in_two_windows_reaches_no_threshold_of_two(project):
    project.write_rule(threshold=2)
    project.add_logins(-0.25)

    project.run(0, 0.5)

    assert project.alerts() == []


def test_under_rematch_count_it_does_as_in_panther(project):
    project.write_rule(threshold=2)
    project.write_settings('[rules."Failed.Logins"]\nrematch = "count"\n')
    project.add_logins(-0.25)

    project.run(0, 0.5)

    assert counts_of(project.alerts()) == [2]


def test_under_rematch_count_the_same_run_again_changes_nothing(project):
    project.write_settings('[rules."Failed.Logins"]\nrematch = "count"\n')
    project.add_logins(-0.25)

    project.run(0, 0)

    assert counts_of(project.alerts()) == [1]


def test_events_are_told_apart_by_the_columns_of_the_settings(project):
    project.write_settings('[rules."Failed.Logins"]\nidentity = ["user_name"]\n')
    project.add_logins(-0.5, user="ann")
    project.add_logins(0.5, user="ann")
    project.add_logins(0.5, user="bob")

    project.run(0, 1)

    assert counts_of(project.alerts()) == [1, 2]  # in the second run ann twice: one of them is new


def test_a_failing_query_is_recorded_and_stores_nothing(project):
    project.write_query("SELECT nothing FROM panther_logs.public.logins")
    project.add_logins(-1)

    with project.open() as parts:
        report = project.run_in(parts)
        (run,) = parts.store.latest_runs(1)

    assert report.finished is None
    assert (run.state, run.fault.kind, run.fault.transient) == (RunState.FAILED, "UnknownColumn", False)
    assert "nothing" in run.fault.message
    assert project.alerts() == []


def test_a_query_that_ran_out_of_time_is_recorded_as_such(project):
    with project.open() as parts:
        pipeline = with_failing_workers(parts, QueryTimeout("too late"))
        report = pipeline.run_manually(parts.catalogue.queries["Failed Logins"], AT, ())

    assert (report.run.state, report.run.fault.kind, report.run.fault.transient) == (
        RunState.TIMED_OUT,
        "QueryTimeout",
        True,
    )


@pytest.mark.parametrize("error", [StoreError("no room left"), RuntimeError("a fault of ours")], ids=repr)
def test_any_other_failure_is_recorded_and_passed_on(project, error):
    with project.open() as parts:
        pipeline = with_failing_workers(parts, error)
        with pytest.raises(type(error)):
            pipeline.run_manually(parts.catalogue.queries["Failed Logins"], AT, ())
        (run,) = parts.store.latest_runs(1)

    assert (run.state, run.fault.message) == (RunState.FAILED, str(error))


def test_a_failing_rule_makes_an_error_alert_and_the_other_rule_alerts(project):
    project.write_rule("import os\ndef rule(event):\n    os._exit(1)\n", rule_id="Bad.Rule")
    project.add_logins(-1)

    (report,) = project.run()

    assert report.run.state == RunState.SUCCEEDED
    assert [error.rule_id for error in report.rule_errors] == ["Bad.Rule"]
    assert report.run.broken_rules == ("Bad.Rule",)
    assert sorted((a.key.rule_id, a.type, a.key.dedup) for a in project.alerts()) == [
        ("Bad.Rule", "SCHEDULED_RULE_ERROR", "WorkerDied"),
        ("Failed.Logins", "SCHEDULED_RULE", "defaultDedupString:Failed.Logins"),
    ]


@pytest.mark.parametrize("option", ["rows", "matches"])
def test_a_run_that_ends_at_a_limit_is_truncated_and_says_so(project, option):
    project.write_settings(f"[limits]\n{option} = 2\n")
    project.add_logins(-1, -1, -1)

    (report,) = project.run()

    assert report.run.state == RunState.TRUNCATED
    assert f"(limits.{option})" in report.truncated
    assert report.run.fault.message == report.truncated
    assert counts_of(project.alerts()) == [2]


def test_ctrl_c_is_recorded_passed_on_and_leaves_no_worker(project):
    project.write_query(ENDLESS)

    with project.open() as parts:

        def press_when_busy():
            pause = threading.Event()
            while not parts.workers.busy:
                pause.wait(0.01)
            workers.extend(parts.workers.busy)
            _thread.interrupt_main()

        workers = []
        threading.Thread(target=press_when_busy, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            project.run_in(parts)
        (run,) = parts.store.latest_runs(1)

    assert (run.state, run.fault.message) == (RunState.INTERRUPTED, "interrupted by the user")
    assert len(workers) == 1
    assert not Path(f"/proc/{workers[0]}").exists()


def test_a_run_in_another_thread_is_interrupted_and_recorded(project):
    project.write_query(ENDLESS)

    with project.open() as parts, ThreadPoolExecutor(1) as threads:
        future = threads.submit(project.run_in, parts)
        pause = threading.Event()
        while not parts.workers.busy:
            pause.wait(0.01)
        parts.workers.interrupt()
        report = future.result()

    assert report.run.state == RunState.INTERRUPTED


def test_runs_in_several_threads_lose_nothing(project):
    project.add_logins(*(-number / 100 for number in range(1, 101)))

    with project.open() as parts, ThreadPoolExecutor(2) as threads:
        times = [AT + timedelta(minutes=number) for number in range(6)]
        reports = list(threads.map(lambda at: project.run_in(parts, at), times))

    assert [report.run.state for report in reports] == [RunState.SUCCEEDED] * 6
    assert counts_of(project.alerts()) == [100]


def test_one_line_is_logged_at_the_end_of_a_run(project):
    project.add_logins(-1)

    with structlog.testing.capture_logs() as lines:
        project.run()

    ended = [line for line in lines if line["event"] == "query_run_finished"]
    assert [(line["state"], line["rows"], line["matches"], line["alerts"]) for line in ended] == [
        ("succeeded", 1, 1, 1)
    ]


def test_a_run_over_a_table_without_new_data_is_stale_and_succeeds(project):
    project.write_settings("[tables.logins]\nstale_after_minutes = 60\n")
    project.add_logins(-1.5)

    stale, fresh = project.run(0, -0.75)

    assert (stale.run.state, fresh.run.stale) == (RunState.SUCCEEDED, "")
    assert stale.run.stale == (
        "the newest data of panther_logs.public.logins is of 2026-01-15T07:30:00Z, older than its limit of 60 minutes"
    )


def test_a_query_has_its_own_idea_of_what_is_stale(project):
    project.write_settings(
        '[freshness]\nstale_after_minutes = 1\n[queries."Failed Logins"]\nstale_after_minutes = 0\n'
    )
    project.add_logins(-1.5)

    (report,) = project.run()

    assert report.run.stale == ""


def test_an_alert_is_of_the_log_that_its_query_read_if_its_rows_do_not_say(project):
    project.add_logins(-1)

    project.run()

    (alert,) = project.alerts()
    assert alert.log_types == ("logins",)
