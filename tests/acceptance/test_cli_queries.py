"""`runner queries` and `runner next` on a paused query."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from runner import settings
from runner.clock import SystemClock
from runner.runs.failure_policy import FailurePolicy
from runner.runs.query_run import RunFault, RunKey, RunPurpose, RunState
from runner.store.state import StateStore

QUERY = """
AnalysisType: scheduled_query
QueryName: Failed Logins
Enabled: true
Query: SELECT 1 AS n
Schedule:
  RateMinutes: 60
  TimeoutMinutes: 1
"""


@pytest.fixture
def project(tmp_path):
    """Make a project whose only query is paused."""
    (tmp_path / "runner.toml").write_text("")
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "logins.yml").write_text(QUERY)
    store = StateStore(settings.load(tmp_path, {}).state_url, clock=SystemClock(), events_per_alert=1)
    policy = FailurePolicy(
        place="queries/logins.yml:2:1", fingerprint="", pause_after=1, probe_after=timedelta(hours=1)
    )
    due = datetime(2026, 1, 15, 9, tzinfo=UTC)
    claim = store.claim_again(RunKey(query="Failed Logins", scheduled_for=due, purpose=RunPurpose.SCHEDULED))
    store.fail(
        claim, RunState.FAILED, RunFault(kind="QueryError", message="there is no column n"), policy=policy
    )
    store.close()
    return tmp_path


def test_paused_queries_are_listed_with_their_fault(here, project):
    text = here("queries", "paused", cwd=project)
    listed = json.loads(here("queries", "paused", "--format", "json", cwd=project).out)

    assert "Failed Logins: QueryError: there is no column n" in text.out
    assert [(one["query"], one["failures"]) for one in listed] == [("Failed Logins", 1)]


def test_next_says_that_a_query_is_paused(here, project):
    text = here("next", "--count", "1", cwd=project)
    listed = json.loads(here("next", "--count", "1", "--format", "json", cwd=project).out)

    assert "Failed Logins (paused, next trial from 2" in text.out
    assert [one["paused"] for one in listed] == [True]


def test_next_names_the_definitions_that_are_broken(here, project):
    (project / "queries" / "broken.yml").write_text("AnalysisType: scheduled_query\nQuery: [\n")

    done = here("next", cwd=project)

    assert "broken.yml" in done.err
    assert "Failed Logins" in done.out


def test_next_makes_no_state_database(here, project, tmp_path):
    done = here("next", "--state", str(tmp_path / "other.db"), cwd=project)

    assert (done.code, (tmp_path / "other.db").exists()) == (0, False)


def test_resuming_ends_the_pause_and_says_who_did_it(here, project):
    done = here("queries", "resume", "Failed Logins", "--by", "ann", cwd=project)
    paused = here("queries", "paused", cwd=project)
    alerts = json.loads(here("alerts", "list", "--format", "json", cwd=project).out)
    (alert_id,) = [alert["alert_id"] for alert in alerts if alert["rule_id"] == "QUERY_PAUSED"]
    shown = here("alerts", "show", alert_id, cwd=project)

    assert (done.out, paused.out) == ("1 query resumed.\n", "No query is paused.\n")
    assert "runner: RESOLVED resumed by ann" in shown.out
    assert "SYSTEM_ERROR" in shown.out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["Failed Login"], "'Failed Login' is not paused: did you mean 'Failed Logins'?"),
        ([], "name one or more paused queries, or give --all"),
    ],
)
def test_a_wrong_name_is_refused(here, project, arguments, complaint):
    done = here("queries", "resume", *arguments, cwd=project)

    assert done.code == 2
    assert complaint in done.err
