import pickle

import pytest

from runner.definitions.codes import Code
from runner.definitions.kind import Kind


def test_a_query_knows_the_rules_that_listen_to_it_enabled_or_not(project):
    project.query()
    project.rule("b.yml", old="Okta.FailedLogins", new="B")
    project.rule("a.yml", old="Okta.FailedLogins\nEnabled: true", new="A\nEnabled: false")

    catalogue = project.read()

    assert [rule.rule_id for rule in catalogue.rules_for("Failed Logins")] == ["A", "B"]
    assert catalogue.rules_for("Nobody's Query") == ()


def test_a_rule_and_a_query_may_not_share_an_id(project):
    project.query("queries/a.yml")
    project.rule("rule.yml", old="Okta.FailedLogins", new="Failed Logins")

    catalogue = project.read()

    assert [str(error) for error in catalogue.errors] == [
        "rule.yml:2:9: E201 the id 'Failed Logins' already belongs to the scheduled query at queries/a.yml:2:12"
    ]
    assert (list(catalogue.queries), list(catalogue.rules)) == (["Failed Logins"], [])


def test_the_first_path_keeps_an_id_that_two_files_claim(project):
    project.query("b.yml")
    project.query("a.yml", old="RateMinutes: 60", new="RateMinutes: 30")

    catalogue = project.read()

    assert catalogue.queries["Failed Logins"].schedule.rate_minutes == 30
    assert [str(error.location) for error in catalogue.errors] == ["b.yml:2:12"]


def test_ids_that_differ_in_case_are_two_ids(project):
    project.query("a.yml")
    project.query("b.yml", old="Failed Logins", new="failed logins")

    assert project.read().errors == ()


def test_an_id_of_a_kind_that_is_not_run_is_taken_all_the_same(project):
    project.write("a.yml", "AnalysisType: saved_query\nQueryName: Failed Logins\nQuery: SELECT 1\n")
    project.query("b.yml")

    catalogue = project.read()

    assert [error.code for error in catalogue.errors] == [Code.DUPLICATE_ID]
    assert catalogue.counts == {Kind.SAVED_QUERY: 1, Kind.SCHEDULED_QUERY: 1}


def test_a_rule_that_names_an_unknown_query_is_reported_and_stays(project):
    project.query()
    project.rule(old="  - Failed Logins", new="  - Failed Logins\n  - Failed Login")

    catalogue = project.read()

    assert [str(error) for error in catalogue.errors] == [
        "rule.yml:7:5: E202 there is no scheduled query 'Failed Login'; did you mean `Failed Logins`?"
    ]
    assert len(catalogue.rules_for("Failed Logins")) == 1


def test_a_saved_query_is_not_one_that_a_rule_can_listen_to(project):
    project.write("a.yml", "AnalysisType: saved_query\nQueryName: Failed Logins\nQuery: SELECT 1\n")
    project.rule()

    assert [error.code for error in project.read().errors] == [Code.UNKNOWN_QUERY]


@pytest.mark.parametrize("change", [("Enabled: true", "Enabled: false"), ("Enabled: true", "Enabled: maybe")])
def test_a_query_that_is_disabled_or_wrong_is_not_unknown(project, change):
    project.query(old=change[0], new=change[1])
    project.rule()

    catalogue = project.read()

    assert Code.UNKNOWN_QUERY not in [error.code for error in catalogue.errors]
    assert list(catalogue.rules) == ["Okta.FailedLogins"]


def test_one_bad_definition_leaves_the_others_alone(project):
    project.query("a.yml")
    project.query("b.yml", old="Failed Logins\nEnabled: true", new="Bad\nEnabled: yes")
    project.write("c.yml", "AnalysisType: [\n")
    project.rule()

    catalogue = project.read()

    assert (list(catalogue.queries), list(catalogue.rules)) == (["Failed Logins"], ["Okta.FailedLogins"])
    assert [error.location.path.name for error in catalogue.errors] == ["b.yml", "c.yml"]


def test_the_same_files_give_the_same_fingerprints_wherever_they_lie(project):
    project.query("one/a.yml")
    project.query("two/a.yml")
    root = project.root

    project.root = root / "one"
    one = project.read()
    project.root = root / "two"
    two = project.read()

    assert one.fingerprint == two.fingerprint
    assert one.fingerprints == two.fingerprints


def test_a_change_in_the_yaml_changes_the_fingerprint_of_that_definition_alone(project):
    project.query()
    project.rule()
    before = project.read()

    project.query(old="RateMinutes: 60", new="RateMinutes: 61")
    after = project.read()

    assert before.fingerprints["Failed Logins"] != after.fingerprints["Failed Logins"]
    assert before.fingerprints["Okta.FailedLogins"] == after.fingerprints["Okta.FailedLogins"]
    assert before.fingerprint != after.fingerprint


@pytest.mark.parametrize(
    ("python", "depends"),
    [
        ("import team_accounts\n", True),
        ("from team_accounts import ADMINS\n", True),
        ("import other\n", True),  # which imports it in turn
        ("def late():\n    import team_accounts\n", True),
        ("import importlib\nx = importlib.import_module('team_' + 'accounts')\n", True),
        ("import json\n", False),
    ],
)
def test_a_rule_depends_on_the_helpers_it_imports_directly_or_not(project, python, depends):
    project.query()
    project.rule(python=python + "def rule(event):\n    return True\n")
    project.write("other.yml", "AnalysisType: global\nGlobalID: other\nFilename: other.py\n")
    project.write("other.py", "import team_accounts\nimport other\n")
    project.helper()
    before = project.read()

    project.helper(python="ADMINS = ('alex',)\n")
    after = project.read()

    changed = before.fingerprints["Okta.FailedLogins"] != after.fingerprints["Okta.FailedLogins"]
    assert changed is depends


def test_a_catalogue_can_be_sent_to_another_process(project):
    project.query()
    project.rule(new="Tests:\n  - {Name: One, ExpectedResult: true, Log: {a: 1}}\nThreshold: x\n")
    project.rule("sound.yml", old="Okta.FailedLogins", new="Sound")
    catalogue = project.read()

    arrived = pickle.loads(pickle.dumps(catalogue))  # noqa: S301 - our own bytes

    assert arrived.rules == catalogue.rules
    assert arrived.queries == catalogue.queries
    assert [str(error) for error in arrived.errors] == [str(error) for error in catalogue.errors]
    assert arrived.warnings == catalogue.warnings
    assert arrived.fingerprint == catalogue.fingerprint
