"""`runner once`: what it finds, what it keeps, and how it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from watched_process import descendants, is_alive, only_column, running, states, wait_until

AT = "2026-01-15T00:00:00Z"
QUERY = "Okta Failed Logins"


def alerts_in(document):
    return [alert for run in document["runs"] for alert in run["alerts"]]


def disable(file):
    file.write_text(file.read_text().replace("Enabled: true", "Enabled: false"))


def test_the_first_run_of_a_new_project_prints_its_alert(project, here):
    ended = here("once", "--all", "--at", AT, cwd=project)

    assert ended.code == 0
    assert re.search(r"Okta Failed Logins +succeeded +6 +4 +1\n", ended.out)
    assert re.search(r"MEDIUM +[0-9a-f]{10} +3 +new +Failed logins of sam@example.com\n", ended.out)
    assert ended.out.endswith(f"1 alert at {AT}, 1 of them new.\n")
    assert ended.err == ""


def test_running_again_for_the_same_time_changes_nothing(project_with_alert, here):
    before = here("alerts", "list", "--format", "json", cwd=project_with_alert).document

    again = here("once", "--all", "--at", AT, "--format", "json", cwd=project_with_alert)

    after = here("alerts", "list", "--format", "json", cwd=project_with_alert).document
    assert [alert["change"] for alert in alerts_in(again.document)] == ["unchanged"]
    assert after == before


def test_a_run_over_a_table_without_new_data_says_so(project, here):
    (project / "runner.toml").write_text("[freshness]\nstale_after_minutes = 1\n")

    text = here("once", "--all", "--at", AT, "--dry-run", cwd=project)
    document = here("once", "--all", "--at", AT, "--dry-run", "--format", "json", cwd=project).document

    assert (text.code, text.err.startswith(f"{QUERY}: stale: ")) == (0, True)
    assert [run["stale"] is not None for run in document["runs"]] == [True]


def test_a_dry_run_shows_the_alert_and_writes_nothing(project, here):
    before = sorted(project.rglob("*"))

    ended = here("once", "--all", "--at", AT, "--dry-run", cwd=project)

    assert ended.code == 0
    assert ended.out.endswith(f"1 alert at {AT}, 1 of them new. Nothing was stored (--dry-run).\n")
    assert sorted(project.rglob("*")) == before


def test_a_disabled_query_runs_if_it_is_named_and_says_so(project, here):
    disable(project / "queries/okta_failed_logins.yml")

    ended = here("once", QUERY, "--at", AT, "--format", "json", cwd=project)

    assert ended.code == 0
    assert ended.err == f"note: {QUERY} is disabled, and runs because it was named\n"
    assert len(alerts_in(ended.document)) == 1


def test_disabled_queries_are_left_out_of_all(project, here):
    disable(project / "queries/okta_failed_logins.yml")

    ended = here("once", "--all", "--at", AT, "--format", "json", cwd=project)

    assert ended.document["runs"] == []


@pytest.mark.parametrize(("flags", "alerts"), [([], 0), (["--include-disabled"], 1)])
def test_disabled_rules_see_rows_only_when_asked_for(project, here, flags, alerts):
    disable(project / "scheduled_rules/okta_failed_logins.yml")

    ended = here("once", "--all", "--at", AT, "--dry-run", "--format", "json", *flags, cwd=project)

    assert ended.code == 0
    assert len(alerts_in(ended.document)) == alerts


def test_piped_output_has_no_colours_and_verbose_logs_each_run(project, here):
    ended = here("once", "--all", "--at", AT, "--dry-run", "--verbose", cwd=project)

    assert "\x1b" not in ended.out + ended.err
    assert '"event": "query_run_finished"' in ended.err


def test_a_reader_who_stops_early_is_no_fault(project_with_alert):
    command = f"{sys.executable} -m runner alerts show --events 3 $0 | true; exit ${{PIPESTATUS[0]}}"
    (alert_id,) = only_column(project_with_alert, "SELECT alert_id FROM alerts WHERE created_at NOT NULL")

    ended = subprocess.run(
        ["bash", "-c", command, alert_id], cwd=project_with_alert, capture_output=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, b"")


def test_output_that_cannot_be_written_is_told_in_one_line(project_with_alert):
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "runner", "alerts", "list"],
            cwd=project_with_alert,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (2, "Error: No space left on device\n")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "termination"])
def test_an_interrupted_run_is_written_down_and_leaves_no_worker_behind(project, write_rule, sent):
    write_rule(project, "Endless", "def rule(event):\n    while True:\n        pass\n")
    with running("once", "--all", "--at", AT, cwd=project) as process:
        wait_until(lambda: len(descendants(process.pid)) >= 2 and states(project) == ["running"])
        family = descendants(process.pid)

        process.send_signal(sent)
        _, err = process.communicate(timeout=60)

    assert (process.returncode, err.strip()) == (130, "Interrupted.")
    assert states(project) == ["interrupted"]
    wait_until(lambda: not any(is_alive(pid) for pid in family))
