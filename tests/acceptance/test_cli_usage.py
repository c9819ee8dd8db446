"""Wrong usage and wrong settings end with 2 and say what would be right."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["onec"], "there is no command 'onec': did you mean once?"),
        (["once"], "name one or more queries, or give --all"),
        (["once", "--all", "Okta Failed Logins"], "name one or more queries, or give --all"),
        (["once", "Okta Faild Logins"], "did you mean 'Okta Failed Logins'?"),
        (["once", "--all", "--at", "yesterday"], "'yesterday' is no time: write it as 2026-01-15T09:30:00Z"),
        (["check", "nowhere"], "'nowhere' does not exist"),
        (["check", "--strickt"], "Did you mean '--strict'?"),
        (["test", "--rule", "Okta.FailedLogin"], "did you mean 'Okta.FailedLogins'?"),
        (["alerts", "list", "--severity", "awful"], "'awful' is not one of"),
        (["alerts", "resolve"], "name alerts by their ids"),
        (["ingest", "Okta.SystemLog", "gone.jsonl"], "'gone.jsonl' does not exist"),
        (["runs", "--limit", "0"], "0 is not in the range"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_a_hint(here, project, arguments, words):
    code, out, err = here(*arguments, cwd=project)

    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[lake]\nlocatoin = 'x'", "there is no option lake.locatoin: did you mean lake.location?"),
        ("[limits]\nrows = 'many'", "limits.rows: expected a whole number of 1 or more, found 'many'"),
        ("[workers]\nmemory = 4", "expected a size such as '2GiB'"),
        ("[rules.'A.B']\nrematch = 'twice'", "expected 'once' or 'count', found 'twice'"),
        ("[lake", "runner.toml: not TOML"),
    ],
)
def test_a_wrong_setting_ends_with_2_and_says_what_is_expected(here, project, line, words):
    (project / "runner.toml").write_text(line + "\n")

    code, out, err = here("runs", cwd=project)

    assert (code, out) == (2, "")
    assert words in err


def test_a_log_type_that_cannot_be_a_table_is_told(here, project):
    code, _, err = here("ingest", "../Okta", "sample_logs/okta_systemlog.jsonl", cwd=project)

    assert code == 2
    assert "Error: '../Okta' is not a log type" in err


def test_help_is_there_for_the_program_and_every_command(here, tmp_path):
    names = [
        [],
        ["once"],
        ["check"],
        ["test"],
        ["alerts"],
        ["alerts", "list"],
        ["runs"],
        ["ingest"],
        ["init"],
    ]

    codes = [here(*name, "--help", cwd=tmp_path)[0] for name in names]

    assert codes == [0] * len(names)
