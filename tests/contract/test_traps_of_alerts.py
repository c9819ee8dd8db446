"""Traps 26 to 34, and 37: what becomes of matches, and when queries run."""

from datetime import UTC, datetime

import pytest

from runner.alerts.alert import AlertStatus
from runner.definitions.catalogue import read_catalogue
from runner.schedule.due import due_times

ROW = {"p_row_id": "1"}
BY_USER = "def rule(event):\n    return True\ndef dedup(event):\n    return event['user']\n"
TITLED = (
    "def rule(event):\n    return True\n"
    "def title(event):\n    return event['name']\n"
    "def dedup(event):\n    return 'one'\n"
    "def severity(event):\n    return event['grade']\n"
    "def alert_context(event):\n    return {'name': event['name']}\n"
)


def rows(number, start=0):
    """Return rows that are events of their own."""
    return [{"p_row_id": f"{start}-{place}"} for place in range(number)]


@pytest.mark.trap(26)
def test_a_window_is_fixed_from_its_first_match(project):
    project.rule(DedupPeriodMinutes=60)

    for minute in (0, 50, 70):
        project.run(minute, *rows(1, minute))

    assert project.counts() == [2, 1]


@pytest.mark.trap(27)
def test_a_threshold_begins_anew_when_the_window_is_over(project):
    project.rule(DedupPeriodMinutes=15, Threshold=5)

    project.run(0, *rows(4))
    project.run(16, *rows(1, 16))
    before = project.alerts()
    project.run(20, *rows(4, 20))

    assert before == []
    assert project.counts() == [5]


@pytest.mark.trap(28)
def test_title_severity_and_context_are_those_of_the_first_match_and_not_of_the_one_that_reached_the_threshold(
    project,
):
    project.rule(TITLED, Threshold=3)

    for minute, grade in ((0, "LOW"), (1, "HIGH"), (2, "CRITICAL")):
        project.run(minute, {"p_row_id": str(minute), "name": f"match {minute}", "grade": grade})

    (alert,) = project.alerts()
    assert (alert.title, alert.severity, alert.context) == ("match 0", "LOW", {"name": "match 0"})


@pytest.mark.trap(29)
@pytest.mark.parametrize(("rematch", "counts"), [("count", [3]), ("once", [])])
def test_a_row_of_two_overlapping_runs_counts_twice_with_panther_and_once_by_default_here(
    project, rematch, counts
):
    project.rule(Threshold=3)
    settings_text = f'[rules."My.Rule"]\nrematch = "{rematch}"\n'

    project.run(0, ROW, settings_text=settings_text)
    project.run(10, ROW, {"p_row_id": "2"}, settings_text=settings_text)

    assert project.counts() == counts


@pytest.mark.trap(30)
def test_a_match_within_the_window_joins_its_alert_even_if_that_is_resolved(project):
    project.rule()
    project.run(0, *rows(1))
    project.store.change_status(project.alerts(), AlertStatus.RESOLVED, actor="kim", comment="")

    project.run(10, *rows(1, 10))

    assert [(alert.status, alert.match_count) for alert in project.alerts()] == [(AlertStatus.RESOLVED, 2)]


@pytest.mark.trap(31)
def test_rules_never_share_an_alert_and_queries_of_one_rule_do(project):
    project.rule(BY_USER, "First.Rule", queries=("Rows", "Other Rows"))
    project.rule(BY_USER, "Second.Rule")

    project.run(0, {"p_row_id": "1", "user": "ann"})
    project.run(1, {"p_row_id": "2", "user": "ann"}, query="Other Rows")

    found = {alert.key.rule_id: alert.match_count for alert in project.alerts()}
    assert found == {"First.Rule": 2, "Second.Rule": 1}


@pytest.mark.trap(32)
def test_errors_ignore_the_threshold_share_an_alert_by_their_class_and_leave_the_matches_alone(project):
    project.rule("def rule(event):\n    return event['n'] > 0 or event['nothing']\n", Threshold=2)

    project.run(0, {"p_row_id": "1", "n": 0}, {"p_row_id": "2", "n": 0})
    project.run(1, {"p_row_id": "3", "n": 1}, {"p_row_id": "4", "n": 1})

    found = {(alert.type.value, alert.key.dedup): alert.match_count for alert in project.alerts()}
    assert found == {
        ("SCHEDULED_RULE_ERROR", "KeyError"): 2,
        ("SCHEDULED_RULE", "defaultDedupString:My.Rule"): 2,
    }


@pytest.mark.trap(33)
def test_a_rule_that_creates_no_alert_keeps_its_matches_with_their_context(project):
    project.rule(TITLED, CreateAlert=False)

    report = project.run(0, {"p_row_id": "1", "name": "a match", "grade": "LOW"})

    assert project.alerts() == []
    assert report.run.counts.matches == 1
    assert '"context":{"name": "a match"}' in project.stored_details()[0]


@pytest.mark.trap(37)
def test_cron_is_utc_and_sunday_is_day_0(project):
    project.rule()
    project.write(
        "queries/Rows",
        AnalysisType="scheduled_query",
        QueryName="Rows",
        Enabled=True,
        Query="SELECT 1 AS n",
        Schedule={"CronExpression": "30 1 * * 0", "TimeoutMinutes": 1},
    )
    schedule = read_catalogue(project.root).queries["Rows"].schedule

    # 29 March 2026 is a Sunday on which Europe's clocks go from two to three
    start, end = datetime(2026, 3, 22, 1, 30, tzinfo=UTC), datetime(2026, 4, 6, tzinfo=UTC)
    found = list(due_times(schedule, after=start, until=end))

    assert found == [datetime(2026, month, day, 1, 30, tzinfo=UTC) for month, day in ((3, 29), (4, 5))]
