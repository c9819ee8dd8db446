"""Traps 34 to 36, 38, 39, 46 and 47: how definitions and their SQL are read."""

from datetime import timedelta

import pytest

from runner.cli.options import find_scope
from runner.definitions.catalogue import read_catalogue
from runner.definitions.codes import Code

QUERY = {"AnalysisType": "scheduled_query", "QueryName": "Q", "Enabled": True, "Query": "SELECT 1 AS n"}
EVENTS = "(SELECT '1' AS p_row_id, TIMESTAMP '{}' AS p_event_time, TIMESTAMP '{}' AS p_parse_time) AS h"
NINE = "2026-01-15 09:00:00"


def codes(project):
    return {error.code for error in read_catalogue(project.root).errors}


@pytest.mark.trap(34)
@pytest.mark.parametrize(("event_time", "matches"), [("09:00:00", 1), ("08:59:59", 0)])
def test_a_late_run_looks_at_the_window_of_its_due_time(project, event_time, matches):
    project.rule()
    project.clock.advance(timedelta(minutes=7))
    events = EVENTS.format(f"2026-01-15 {event_time}", NINE)

    report = project.run(0, sql=f"SELECT p_row_id FROM {events} WHERE p_occurs_since('1 hour')")

    assert report.run.counts.matches == matches


@pytest.mark.trap(35)
@pytest.mark.parametrize(
    ("condition", "matches"),
    [
        ("p_occurs_since(1 hour)", 1),
        ("p_occurs_since('5m')", 0),
        ("p_occurs_since(3600)", 1),
        ("p_occurs_since(1h, , p_parse_time)", 0),
        ("p_occurs_since('12h', h, p_parse_time)", 1),
        ("NOT p_occurs_since('5m')", 1),
        ("p_occurs_since('1h') -- and not p_occurs_since(whatever", 1),
        ("'p_occurs_since(' <> '' AND p_occurs_since('1h')", 1),
    ],
)
def test_offsets_of_time_macros_are_read_in_all_forms_and_comments_are_left_alone(
    project, condition, matches
):
    project.rule()
    events = EVENTS.format("2026-01-15 09:30:00", "2026-01-15 05:00:00")

    report = project.run(0, sql=f"SELECT p_row_id FROM {events} WHERE {condition}\n")

    assert report.run.counts.matches == matches


@pytest.mark.trap(36)
@pytest.mark.parametrize(
    ("schedule", "wrong"),
    [
        ({"CronExpression": "0 * * * *", "RateMinutes": 10, "TimeoutMinutes": 1}, True),
        ({"RateMinutes": 1, "TimeoutMinutes": 1}, True),
        ({"RateMinutes": 5, "TimeoutMinutes": 6}, True),
        ({"RateMinutes": 5}, True),
        ({"CronExpression": "0 * * * *"}, True),
        ({"TimeoutMinutes": 1}, True),
        ({"RateMinutes": 5, "TimeoutMinutes": 5}, False),
    ],
)
def test_a_schedule_is_cron_or_a_rate_with_a_timeout_that_fits(project, schedule, wrong):
    project.write("queries/q", **QUERY, Schedule=schedule)

    assert bool(codes(project)) is wrong


@pytest.mark.trap(38)
def test_yaml_is_read_as_yaml_1_2(project):
    project.rule()
    with (project.root / "rules/My.Rule.yml").open("a") as file:
        file.write(
            "Tests:\n- Name: a test\n  ExpectedResult: true\n"
            "  Log: {On: off, day: 2024-01-01, time: 1:30:00, number: 01234567, e: 1e3}\n"
        )

    (test,) = read_catalogue(project.root).rules["My.Rule"].tests

    assert test.log == {"On": "off", "day": "2024-01-01", "time": "1:30:00", "number": 1_234_567, "e": "1e3"}


@pytest.mark.trap(38)
def test_yes_is_no_truth_value(project):
    project.rule()
    file = project.root / "rules/My.Rule.yml"
    file.write_text(file.read_text().replace("Enabled: true", "Enabled: yes"))

    assert codes(project) == {Code.WRONG_TYPE}


@pytest.mark.trap(39)
def test_a_rule_may_not_have_the_id_of_a_query(project):
    project.rule(rule_id="Rows")

    assert codes(project) == {Code.DUPLICATE_ID}


@pytest.mark.trap(39)
def test_tags_are_told_apart_without_their_case(project):
    project.rule(Tags=["a", "A"])

    assert codes(project) == {Code.REPEATED_VALUE}


@pytest.mark.trap(46)
def test_templates_are_left_out_of_the_project_and_read_when_they_are_named(project):
    project.rule()
    project.rule(rule_id="A.Template")
    (project.root / "templates").mkdir()
    for file in list(project.root.glob("rules/A.Template.*")):
        file.rename(project.root / "templates" / file.name)

    found = []
    for scope in (find_scope(project.root), find_scope(project.root / "templates")):
        catalogue = read_catalogue(
            scope.settings.root, exclude=scope.settings.not_definitions, folders=scope.folders
        )
        found.append([name for name, rule in catalogue.rules.items() if scope.holds(rule.location)])

    assert found == [["My.Rule"], ["A.Template"]]


@pytest.mark.trap(47)
def test_of_two_data_models_for_one_log_type_the_second_is_refused(project):
    for name, enabled in (("a", True), ("b", True), ("c", False)):
        project.write(
            f"data_models/{name}",
            AnalysisType="datamodel",
            DataModelID=name,
            Enabled=enabled,
            LogTypes=["Okta.SystemLog"],
            Mappings=[{"Name": "actor_user", "Path": "who"}],
        )

    catalogue = read_catalogue(project.root)

    assert {error.code for error in catalogue.errors} == {Code.SECOND_DATA_MODEL}
    assert catalogue.data_model_for("Okta.SystemLog").model_id == "a"
