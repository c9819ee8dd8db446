"""`runner state`: pruning, and taking back what a clock that was ahead recorded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runner import settings
from runner.clock import FrozenClock
from runner.daemon.lock import only_daemon
from runner.runs.query_run import RunFault, RunKey, RunPurpose, RunState
from runner.schedule.ledger import Epoch
from runner.store.state import StateStore

LONG_AGO = datetime(2020, 1, 15, 9, tzinfo=UTC)


@pytest.fixture
def project(tmp_path):
    """Make a project with one old run, whose due time is a gap."""
    (tmp_path / "runner.toml").write_text("")
    store = StateStore(settings.load(tmp_path, {}).state_url, clock=FrozenClock(LONG_AGO), events_per_alert=1)
    key = RunKey(query="Logins", scheduled_for=LONG_AGO, purpose=RunPurpose.SCHEDULED)
    store.fail(store.claim_again(key), RunState.FAILED, RunFault(kind="QueryError", message="wrong"))
    store.close()
    return tmp_path


def test_a_dry_run_tells_what_would_go_and_removes_nothing(here, project):
    told = here("state", "prune", "--dry-run", cwd=project)
    runs = here("runs", cwd=project)

    assert (told.code, told.out) == (0, "1 run, 1 gap, 0 matches and 0 alerts would be removed.\n")
    assert "Logins" in runs.out


def test_what_is_old_is_removed(here, project):
    told = here("state", "prune", "--format", "json", cwd=project)
    again = here("state", "prune", cwd=project)

    assert told.document == {"dry_run": False, "runs": 1, "gaps": 1, "matches": 0, "alerts": 0}
    assert again.out == "0 runs, 0 gaps, 0 matches and 0 alerts removed.\n"


def test_what_is_kept_for_ever_stays(here, project):
    (project / "runner.toml").write_text("[retention]\nruns_days = 0\n")

    told = here("state", "prune", cwd=project)

    assert told.out == "0 runs, 0 gaps, 0 matches and 0 alerts removed.\n"


def test_what_a_clock_that_was_ahead_recorded_is_taken_back_when_somebody_says_so(here, project):
    url = settings.load(project, {}).state_url
    store = StateStore(url, clock=FrozenClock(LONG_AGO), events_per_alert=1)
    store.ledger.begin_epochs({"Logins": Epoch(start=datetime(2900, 1, 1, tzinfo=UTC), schedule=None)})

    told = here("state", "take-back", "--yes", cwd=project)

    left = store.ledger.epochs()
    store.close()
    assert (told.code, told.out) == (0, "1 epoch, gap or due time taken back.\n")
    assert left == {}


def test_nothing_is_taken_back_beneath_a_daemon(here, project):
    with only_daemon(project / ".runner" / "state.db.daemon.lock"):
        told = here("state", "take-back", "--yes", cwd=project)

    assert told.code == 3
    assert "another daemon works on this state database" in told.err
