import pytest

from runner.definitions.codes import Code


def codes_and_messages(catalogue):
    return [(error.code, error.message) for error in catalogue.errors]


@pytest.mark.parametrize("line", ["QueryName: Failed Logins\n", "Enabled: true\n"])
def test_a_query_without_a_key_it_needs_names_the_key(project, line):
    project.query(old=line)

    catalogue = project.read()

    key = line.partition(":")[0]
    assert codes_and_messages(catalogue) == [(Code.MISSING_KEY, f"the key `{key}` is missing")]
    assert catalogue.queries == {}


def test_a_query_without_a_schedule_names_the_key(project):
    project.query(old="Schedule:\n  RateMinutes: 60\n  TimeoutMinutes: 5\n")

    catalogue = project.read()

    assert codes_and_messages(catalogue) == [(Code.MISSING_KEY, "the key `Schedule` is missing")]


@pytest.mark.parametrize(
    "line",
    ["RuleID: Okta.FailedLogins\n", "Enabled: true\n", "Filename: failed_logins.py\n", "Severity: Medium\n"],
)
def test_a_rule_without_a_key_it_needs_names_the_key(project, line):
    project.query()
    project.rule(old=line)

    catalogue = project.read()

    key = line.partition(":")[0]
    assert codes_and_messages(catalogue) == [(Code.MISSING_KEY, f"the key `{key}` is missing")]
    assert catalogue.rules == {}


@pytest.mark.parametrize("line", ["GlobalID: team_accounts\n", "Filename: team_accounts.py\n"])
def test_a_helper_without_a_key_it_needs_names_the_key(project, line):
    project.helper(old=line)

    catalogue = project.read()

    key = line.partition(":")[0]
    assert codes_and_messages(catalogue) == [(Code.MISSING_KEY, f"the key `{key}` is missing")]


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ("EmailConfig: {}\n", "EmailConfig.Recipients"),
        ("Schedule: {RateMinutes: 5}\n", "Schedule.TimeoutMinutes"),
    ],
)
def test_keys_within_a_querys_parts_are_needed_too(project, lines, missing):
    project.query(old="Schedule:\n  RateMinutes: 60\n  TimeoutMinutes: 5\n", new="")
    text = (project.root / "query.yml").read_text()
    complete = "" if lines.startswith("Schedule") else "Schedule: {RateMinutes: 5, TimeoutMinutes: 5}\n"
    project.write("query.yml", text + complete + lines)

    catalogue = project.read()

    assert codes_and_messages(catalogue) == [(Code.MISSING_KEY, f"the key `{missing}` is missing")]


@pytest.mark.parametrize("key", ["Name", "ExpectedResult", "Log"])
def test_a_test_without_a_key_it_needs_names_the_key_and_the_test(project, key):
    test = {"Name": "One", "ExpectedResult": "true", "Log": "{}"}
    del test[key]
    project.query()
    project.rule(
        new="Tests:\n  - " + "\n    ".join(f"{name}: {value}" for name, value in test.items()) + "\n"
    )

    catalogue = project.read()

    assert codes_and_messages(catalogue) == [(Code.MISSING_KEY, f"the key `Tests[0].{key}` is missing")]


TEXT, TRUTH, NUMBER, TEXTS = "a text", "true or false", "a whole number", "a list"
QUERY_TYPES = {
    "Query": TEXT,
    "SnowflakeQuery": TEXT,
    "AthenaQuery": TEXT,
    "DuckDBQuery": TEXT,
    "DatabricksQuery": TEXT,
    "QueryName": TEXT,
    "Description": TEXT,
    "Enabled": TRUTH,
    "Lookback": TRUTH,
    "LookbackWindowSeconds": NUMBER,
    "BaseVersion": NUMBER,
    "Tags": TEXTS,
    "Schedule": "a mapping",
    "EmailConfig": "a mapping",
}
RULE_TYPES = {
    "RuleID": TEXT,
    "Filename": TEXT,
    "Severity": TEXT,
    "Description": TEXT,
    "DisplayName": TEXT,
    "Runbook": TEXT,
    "Reference": TEXT,
    "Status": TEXT,
    "CreatedBy": TEXT,
    "Enabled": TRUTH,
    "CreateAlert": TRUTH,
    "OnlyUseBaseRiskScore": TRUTH,
    "DedupPeriodMinutes": NUMBER,
    "Threshold": NUMBER,
    "BaseVersion": NUMBER,
    "ScheduledQueries": TEXTS,
    "Tags": TEXTS,
    "SummaryAttributes": TEXTS,
    "OutputIds": TEXTS,
    "InlineFilters": TEXTS,
    "Tests": TEXTS,
    "Reports": "a mapping",
}
HELPER_TYPES = {"GlobalID": TEXT, "Filename": TEXT, "Description": TEXT, "Tags": TEXTS, "BaseVersion": NUMBER}
WRONG = {
    TEXT: ("[1]", "a list"),
    TRUTH: ("'true'", "the text 'true'"),
    NUMBER: ("true", "the truth value true"),
    TEXTS: ("{a: 1}", "a mapping"),
    "a mapping": ("3", "the number 3"),
}


def without(text, key):
    """Leave out a key with all its lines."""
    kept, leaving = [], False
    for line in text.splitlines(keepends=True):
        leaving = line.startswith(f"{key}:") or (leaving and line.startswith(" "))
        if not leaving:
            kept.append(line)
    return "".join(kept)


def assert_wrong_type(project, path, key, expected):
    value, found = WRONG[expected]
    path.write_text(without(path.read_text(), key) + f"{key}: {value}\n")

    catalogue = project.read()

    messages = [error.message for error in catalogue.errors if error.code == Code.WRONG_TYPE]
    assert messages == [f"`{key}`: expected {expected}, found {found}"]


@pytest.mark.parametrize(("key", "expected"), QUERY_TYPES.items())
def test_a_querys_value_of_the_wrong_type_says_what_was_expected_and_what_was_found(project, key, expected):
    assert_wrong_type(project, project.query(), key, expected)


@pytest.mark.parametrize(("key", "expected"), RULE_TYPES.items())
def test_a_rules_value_of_the_wrong_type_says_what_was_expected_and_what_was_found(project, key, expected):
    assert_wrong_type(project, project.rule(), key, expected)


@pytest.mark.parametrize(("key", "expected"), HELPER_TYPES.items())
def test_a_helpers_value_of_the_wrong_type_says_what_was_expected_and_what_was_found(project, key, expected):
    assert_wrong_type(project, project.helper(), key, expected)


def test_a_set_is_of_the_wrong_type_anywhere_but_in_the_event_of_a_test(project):
    project.query()
    project.rule(new="\nOutputIds: !!set {pager, mail}")

    catalogue = project.read()

    assert [error.message for error in catalogue.errors] == [
        "`OutputIds`: expected a list or a mapping, found a set"
    ]


def test_a_key_that_is_given_nothing_is_of_the_wrong_type(project):
    project.query(new="Description:\n")

    catalogue = project.read()

    assert codes_and_messages(catalogue) == [
        (Code.WRONG_TYPE, "`Description`: expected a text, found nothing")
    ]


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("Descripton", "Description"),
        ("tags", "Tags"),
        ("Emailconfig", "EmailConfig"),
        ("Snowflake_Query", "SnowflakeQuery"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(project, misspelt, meant):
    project.query(new=f"{misspelt}: x\n")

    catalogue = project.read()

    assert codes_and_messages(catalogue) == [
        (Code.UNKNOWN_KEY, f"unknown key `{misspelt}`; did you mean `{meant}`?")
    ]


@pytest.mark.parametrize("key", ["Zzz", "1", "true", "~", "1.5"])
def test_an_unknown_key_that_is_like_none_is_refused_without_a_suggestion(project, key):
    project.query(new=f"{key}: x\n")

    catalogue = project.read()

    assert [(error.code, error.location.line) for error in catalogue.errors] == [(Code.UNKNOWN_KEY, 8)]
    assert "did you mean" not in catalogue.errors[0].message


def test_a_report_whose_name_is_no_text_is_of_the_wrong_type(project):
    project.query()
    project.rule(new="Reports:\n  1: [a]\n")

    catalogue = project.read()

    assert [str(error) for error in catalogue.errors] == [
        "rule.yml:9:3: E103 `Reports[1]`: expected a text as key, found the number 1"
    ]


def test_unknown_keys_within_tests_and_mocks_are_found(project):
    project.query()
    project.rule(
        new=(
            "Tests:\n  - Name: One\n    ExpectedResult: true\n    Log: {}\n    ExpectedResults: true\n"
            "    Mocks: [{objectname: x, returnValue: y, objectName: z}]\n"
        )
    )

    catalogue = project.read()

    assert [str(error) for error in catalogue.errors] == [
        "rule.yml:12:5: E101 unknown key `Tests[0].ExpectedResults`; did you mean `ExpectedResult`?",
        "rule.yml:13:14: E101 unknown key `Tests[0].Mocks[0].objectname`; did you mean `objectName`?",
    ]


@pytest.mark.parametrize("name", ["a<b", "a>b", "a&b", 'a"b', "100%"])
def test_an_id_with_a_character_that_panther_refuses_is_refused(project, name):
    project.query(old="Failed Logins", new=f"'{name}'")

    catalogue = project.read()

    assert [error.code for error in catalogue.errors] == [Code.BAD_ID]


@pytest.mark.parametrize("severity", ["Info", "LOW", "medium", "hIGH", "Critical"])
def test_a_severity_is_accepted_in_any_case(project, severity):
    project.query()
    project.rule(old="Medium", new=severity)

    catalogue = project.read()

    assert catalogue.rules["Okta.FailedLogins"].severity == severity.upper()
