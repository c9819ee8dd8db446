from pathlib import Path

import pytest

from runner.definitions.catalogue import read_catalogue
from runner.definitions.codes import Code
from runner.definitions.scheduled_query import Dialect, EmailConfig, Schedule
from runner.definitions.severity import Severity
from runner.definitions.unit_test import Mock

EVERY_KEY = Path(__file__).parents[2] / "data" / "valid" / "every-key"


@pytest.fixture(scope="module")
def catalogue():
    return read_catalogue(EVERY_KEY)


def test_every_key_of_a_query_is_read(catalogue):
    query = catalogue.queries["Failed Logins"]

    assert query.enabled is False
    assert (query.sql.text, query.sql.dialect) == ("-- pragma: template SELECT 1", Dialect.SNOWFLAKE)
    assert query.is_template
    assert query.schedule == Schedule(cron="0 */4 * * *", timeout_minutes=10)
    assert (query.description, query.tags) == ("Logins that were refused.", ("Okta", "Identity"))
    assert query.email == EmailConfig(recipients=("team@example.com",), send_empty=True)
    assert str(query.location) == "queries/failed_logins.yml:2:1"


def test_every_key_of_a_rule_is_read(catalogue):
    rule = catalogue.rules["Okta.FailedLogins"]

    assert rule.enabled is True
    assert rule.queries == ("Failed Logins",)
    assert rule.severity is Severity.CRITICAL
    assert rule.python.path == Path("scheduled_rules/python/failed_logins.py")
    assert rule.python.text.startswith("import team_accounts\n")
    assert (rule.description, rule.display_name) == ("Somebody is guessing.", "Okta failed logins")
    assert (rule.runbook, rule.reference) == ("Ask the account's owner.", "https://example.com/okta")
    assert rule.tags == ("Okta",)
    assert rule.reports == {"MITRE ATT&CK": ("TA0006:T1110",), "CIS": (1.1, 2)}
    assert (rule.dedup_period_minutes, rule.threshold) == (1440, 1)
    assert (rule.summary_attributes, rule.output_ids) == (("actor", "client:ipAddress"), ("a1b2",))
    assert (rule.create_alert, rule.status, rule.created_by) == (False, "Experimental", "detection team")


def test_every_key_of_a_test_is_read_and_its_log_as_yaml_1_2(catalogue):
    many, few = catalogue.rules["Okta.FailedLogins"].tests

    assert (many.name, many.expected_result) == ("Many failures", True)
    assert many.log == {
        "failures": 9,
        "at": "2026-01-15",
        "since": "23:30:00",
        "account": 12345670,
        "on": "off",
    }
    assert many.mocks == (
        Mock(object_name="LIMIT", return_value="5"),
        Mock(object_name="is_admin", return_value=True),
    )
    assert many.expected_destinations == ()
    assert few.expected_destinations is None
    assert few.log == {**many.log, "failures": 1}
    assert str(few.location) == "scheduled_rules/failed_logins.yaml:42:5"


def test_every_key_of_a_helper_is_read(catalogue):
    helper = catalogue.helpers["team_accounts"]

    assert helper.python.path == Path("global_helpers/accounts.py")
    assert (helper.description, helper.tags) == ("Kinds of account.", ("Accounts",))


def test_a_helper_is_named_by_its_id_and_not_by_its_file(catalogue):
    sources = catalogue.helper_sources()

    assert list(sources) == ["team_accounts"]
    assert "def many" in sources["team_accounts"].text


def test_a_silent_rule_has_panthers_defaults(project):
    project.query()
    project.rule()

    rule = project.read().rules["Okta.FailedLogins"]

    assert (rule.threshold, rule.dedup_period_minutes, rule.create_alert) == (1, 60, True)
    assert (rule.display_name, rule.reports, rule.tests, rule.log_types) == ("", {}, (), ())


@pytest.mark.parametrize(("written", "taken"), [(0, 60), (1, 5), (4, 5), (5, 5), (60, 60)])
def test_a_short_dedup_period_is_taken_as_five_minutes_and_none_as_the_default(project, written, taken):
    project.query()
    project.rule(new=f"DedupPeriodMinutes: {written}\n")

    catalogue = project.read()

    assert catalogue.rules["Okta.FailedLogins"].dedup_period_minutes == taken
    assert [notice.code for notice in catalogue.warnings] == [Code.ADJUSTED_DEDUP] * (written < 5)


@pytest.mark.parametrize(
    ("keys", "used"),
    [
        (("AthenaQuery", "Query", "SnowflakeQuery", "DuckDBQuery"), ("DuckDBQuery", Dialect.DUCKDB)),
        (("AthenaQuery", "Query", "SnowflakeQuery"), ("SnowflakeQuery", Dialect.SNOWFLAKE)),
        (("AthenaQuery", "Query", "DatabricksQuery"), ("Query", Dialect.SNOWFLAKE)),
        (("DatabricksQuery", "AthenaQuery"), ("AthenaQuery", Dialect.TRINO)),
    ],
)
def test_of_several_query_texts_ours_is_used_then_snowflakes_then_athenas(project, keys, used):
    project.query(
        old="Query: SELECT actor FROM panther_logs.public.okta_systemlog\n",
        new="".join(f"{key}: SELECT '{key}'\n" for key in keys),
    )

    query = project.read().queries["Failed Logins"]

    assert (query.sql.text, query.sql.dialect) == (f"SELECT '{used[0]}'", used[1])


@pytest.mark.parametrize(
    ("schedule", "code"),
    [
        ("{CronExpression: '0 * * * *', RateMinutes: 60, TimeoutMinutes: 5}", Code.BAD_SCHEDULE),
        ("{TimeoutMinutes: 5}", Code.BAD_SCHEDULE),
        ("{RateMinutes: 1, TimeoutMinutes: 1}", Code.BAD_RATE),
        ("{RateMinutes: 4, TimeoutMinutes: 5}", Code.BAD_RATE),
        ("{RateMinutes: 60}", Code.MISSING_KEY),
        ("{CronExpression: hello, TimeoutMinutes: 5}", Code.BAD_CRON),
        ("{RateMinutes: 60, TimeoutMinutes: 0}", Code.BAD_TIMEOUT),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(project, schedule, code):
    project.query(old="Schedule:\n  RateMinutes: 60\n  TimeoutMinutes: 5\n", new=f"Schedule: {schedule}\n")

    catalogue = project.read()

    assert [error.code for error in catalogue.errors] == [code]
    assert catalogue.queries == {}


@pytest.mark.parametrize(
    "schedule",
    [
        "{RateMinutes: 2, TimeoutMinutes: 2}",  # equality is fine
        "{RateMinutes: 9999, TimeoutMinutes: 20}",
        "{CronExpression: '* * * * *', TimeoutMinutes: 900}",  # no relation is asked of cron
    ],
)
def test_a_schedule_that_can_be_kept_is_accepted(project, schedule):
    project.query(old="Schedule:\n  RateMinutes: 60\n  TimeoutMinutes: 5\n", new=f"Schedule: {schedule}\n")

    assert project.read().errors == ()


def test_the_first_character_of_the_sql_leads_back_to_the_yaml(project):
    project.query()

    sql = project.read().queries["Failed Logins"].sql

    assert str(sql.locate(1, 8)) == "query.yml:4:15"


def test_all_that_is_wrong_is_reported_at_once(project):
    project.query(old="Enabled: true\nQuery", new="Enabled: yes\nQeury")
    project.rule(
        old="Severity: Medium", new="Severity: Bad\nTags: [a, A]", python="def rules(event):\n    return 1\n"
    )

    catalogue = project.read()

    assert [(str(error.location), error.code) for error in catalogue.errors] == [
        ("failed_logins.py:1:1", Code.NO_RULE_FUNCTION),
        ("query.yml:1:1", Code.NO_QUERY),
        ("query.yml:3:10", Code.WRONG_TYPE),
        ("query.yml:4:1", Code.UNKNOWN_KEY),
        ("rule.yml:7:11", Code.UNKNOWN_SEVERITY),
        ("rule.yml:8:11", Code.REPEATED_VALUE),
    ]
