import pytest

from runner.definitions.codes import Code
from runner.definitions.severity import Severity

BASE = """\
AnalysisType: rule
RuleID: Base
DisplayName: The base
Enabled: true
Filename: base.py
LogTypes: [Okta.SystemLog]
Severity: Low
Tags: [one, two]
Threshold: 7
InlineFilters:
  - {KeyPath: a, Condition: Exists}
Tests:
  - {Name: One, ExpectedResult: true, Log: {}}
"""
DERIVED = "AnalysisType: rule\nRuleID: Derived\nBaseDetection: Base\n"


@pytest.fixture
def derive(project):
    """Write a base and a rule that derives from it, and return the catalogue."""

    def write(more="", base=BASE):
        project.write("base.py", "def rule(event):\n    return True\n")
        project.write("base.yml", base)
        project.write("derived.yml", DERIVED + more)
        return project.read()

    return write


def test_a_derived_rule_is_its_base_under_another_id(derive):
    catalogue = derive()

    base, derived = (catalogue.stream_rules[name] for name in ("Base", "Derived"))
    assert (derived.base_id, base.base_id) == ("Base", "")
    assert derived.location.path.name == "derived.yml"
    for field in (
        "python",
        "log_types",
        "enabled",
        "severity",
        "tags",
        "threshold",
        "inline_filters",
        "tests",
    ):
        assert getattr(derived, field) == getattr(base, field), field


@pytest.mark.parametrize(
    ("more", "field", "value"),
    [
        ("Enabled: false\n", "enabled", False),
        ("Severity: Critical\n", "severity", Severity.CRITICAL),
        ("Tags: [three]\n", "tags", ("three",)),
        ("Tags: []\n", "tags", ()),
        ("DisplayName: Mine\n", "display_name", "Mine"),
        ("Threshold: 1\n", "threshold", 1),  # also a value that is the default
        ("InlineFilters: []\n", "inline_filters", ()),
        ("Tests: []\n", "tests", ()),
    ],
)
def test_each_key_of_a_derived_rule_replaces_the_bases_whole(derive, more, field, value):
    derived = derive(more).stream_rules["Derived"]

    assert getattr(derived, field) == value


@pytest.mark.parametrize(
    "more", ["Detection: []\n", "LogTypes: [AWS.CloudTrail]\n", "Filename: nowhere.py\n"]
)
def test_logic_and_log_types_of_a_derived_rule_are_the_bases_whatever_it_says(derive, more):
    catalogue = derive(more)

    derived = catalogue.stream_rules["Derived"]
    assert catalogue.errors == ()
    assert [notice.code for notice in catalogue.warnings] == [Code.IGNORED_KEY]
    assert (derived.log_types, derived.python.path.name) == (("Okta.SystemLog",), "base.py")


def test_a_rule_whose_base_is_faulty_is_left_out_and_the_fault_is_told_once(derive):
    catalogue = derive(base=BASE.replace("Severity: Low", "Severity: Lowest"))

    assert [error.code for error in catalogue.errors] == [Code.UNKNOWN_SEVERITY]
    assert catalogue.stream_rules == {}


def test_a_change_of_the_base_changes_the_fingerprint_of_what_derives_from_it(derive):
    before = derive()

    after = derive(base=BASE.replace("Threshold: 7", "Threshold: 8"))

    assert before.fingerprints["Derived"] != after.fingerprints["Derived"]


def test_an_empty_base_is_no_base(project):
    project.write("rule.yml", BASE.replace("DisplayName: The base", "BaseDetection: ''"))

    catalogue = project.read()

    assert [error.code for error in catalogue.errors] == [Code.UNKNOWN_BASE]
