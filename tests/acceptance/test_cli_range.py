"""`runner once --from … --to …`: every due time of a range, each for itself."""

from __future__ import annotations

import signal

import pytest
from watched_process import running, states, wait_until

QUERY = "Okta Failed Logins"
RANGE = ("--from", "2026-01-14T22:00:00Z", "--to", "2026-01-15T01:00:00Z")


def test_every_due_time_of_a_range_is_run_for_its_own_reference_time(project, here):
    ended = here("once", QUERY, *RANGE, "--format", "json", cwd=project)

    runs = ended.document["runs"]
    assert ended.code == 0
    assert [(run["scheduled_for"], run["rows"], len(run["alerts"])) for run in runs] == [
        ("2026-01-14T22:00:00Z", 0, 0),
        ("2026-01-14T23:00:00Z", 0, 0),
        ("2026-01-15T00:00:00Z", 6, 1),
        ("2026-01-15T01:00:00Z", 0, 0),
    ]


def test_a_range_that_was_run_before_goes_on_where_it_was_left(project, here):
    here("once", QUERY, "--from", "2026-01-14T22:00:00Z", "--to", "2026-01-14T23:00:00Z", cwd=project)

    ended = here("once", QUERY, *RANGE, cwd=project)

    assert ended.code == 0
    assert ended.out == (
        "2 due times run, 4 matches, 1 new alert. 2 due times had been run before.\nSee `runner alerts list`.\n"
    )


def test_a_range_begins_anew_when_a_definition_has_changed(project, here):
    here("once", QUERY, *RANGE, cwd=project)
    rule = project / "scheduled_rules" / "okta_failed_logins.py"
    rule.write_text(rule.read_text() + "\n# another version\n")

    ended = here("once", QUERY, *RANGE, cwd=project)

    assert ended.out.startswith("4 due times run, 4 matches, 0 new alerts.\n")


def test_a_range_that_is_interrupted_says_how_far_it_came(project, write_rule):
    write_rule(project, "Endless", "def rule(event):\n    while True:\n        pass\n")
    with running("once", QUERY, *RANGE, cwd=project) as process:
        wait_until(lambda: sorted(states(project)) == ["running", "succeeded", "succeeded"])

        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert err.split("\n")[0] == "2 of 4 due times have been run; the same command goes on from there"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "2026-01-14T22:00:00Z", "--at", "2026-01-15T00:00:00Z"),
        ("--to", "2026-01-14T22:00:00Z"),
    ],
)
def test_a_range_and_a_single_time_exclude_each_other(project, here, arguments):
    ended = here("once", QUERY, *arguments, cwd=project)

    assert ended.code == 2
    assert "give --at, or --from and perhaps --to" in ended.err


def test_a_range_is_run_again_if_asked_for(project, here):
    here("once", QUERY, *RANGE, cwd=project)

    ended = here("once", QUERY, *RANGE, "--again", cwd=project)

    assert ended.out.startswith("4 due times run, 4 matches, 0 new alerts.\n")


def test_due_times_to_come_are_left_out_and_told_of(project, here):
    ended = here(
        "once",
        QUERY,
        "--from",
        "2900-01-14T22:00:00Z",
        "--to",
        "2900-01-15T01:00:00Z",
        "--format",
        "json",
        cwd=project,
    )

    assert (ended.code, ended.document["runs"], ended.document["to_come"]) == (0, [], 4)
    assert ended.err == "note: 4 due times left out, for the time has not come yet\n"


def test_again_without_a_range_is_refused(project, here):
    ended = here("once", QUERY, "--again", cwd=project)

    assert ended.code == 2
    assert "--again is for a range" in ended.err
