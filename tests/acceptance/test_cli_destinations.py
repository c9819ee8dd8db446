"""`runner destinations`, as somebody uses it who sets up where alerts go."""

import json

import pytest
from receivers import Answer, Receiver

AT = "2026-01-15T00:00:00Z"
TABLES = """
[destinations.log]
kind = "file"
path = "alerts.jsonl"
severities = ["HIGH", "CRITICAL"]
updates = false

[destinations.hook]
kind = "webhook"
url = "http://127.0.0.1:9/"
"""


@pytest.fixture
def configured(project):
    with (project / "runner.toml").open("a") as file:
        file.write(TABLES)
    return project


def test_without_destinations_it_says_how_to_describe_one(project, here):
    ended = here("destinations", "list", cwd=project)

    assert (ended.code, ended.out) == (
        0,
        "No destinations. Describe one in runner.toml, as [destinations.<name>].\n",
    )


def test_destinations_are_listed_with_what_they_get(configured, here):
    ended = here("destinations", "list", cwd=configured)

    rows = [line.split() for line in ended.out.splitlines()]
    assert rows[1:] == [
        ["log", "file", "CRITICAL,", "HIGH", "no"],
        ["hook", "webhook", "everything", "yes"],
    ]


def test_the_list_as_json_names_every_filter(configured, here):
    log, _ = here("destinations", "list", "--format", "json", cwd=configured).document

    assert (log["severities"], log["tags"], log["updates"]) == (["CRITICAL", "HIGH"], [], False)


def test_a_test_message_arrives(configured, here):
    ended = here("destinations", "test", "log", cwd=configured)

    assert (ended.code, ended.out) == (0, "log: took the message\n")
    (line,) = (configured / "alerts.jsonl").read_text().splitlines()
    assert json.loads(line)["kind"] == "test"


def test_a_destination_that_cannot_be_reached_is_told_and_the_others_are_tried(configured, here):
    ended = here("destinations", "test", cwd=configured)

    assert ended.code == 1
    assert ended.out.startswith("log: took the message\nhook: no answer: ")


def test_an_unknown_name_is_refused_with_the_known_ones(configured, here):
    ended = here("destinations", "test", "hok", cwd=configured)

    assert (ended.code, ended.err) == (
        2,
        "Error: there is no destination hok (the destinations: log, hook)\n",
    )


def test_faults_in_the_tables_are_told(project, here):
    with (project / "runner.toml").open("a") as file:
        file.write('[destinations.log]\nkind = "file"\n[destinations]\nhook = 3\n')

    ended = here("destinations", "list", cwd=project)

    assert ended.code == 2
    assert "hook" in ended.err


class Echo(Receiver):
    """A server that refuses, and repeats what it was sent."""

    def take(self, handler):
        self.answers = [Answer(status=401, body=handler.headers["Authorization"].encode())]
        super().take(handler)


@pytest.fixture
def echo():
    receiver = Echo()
    yield receiver
    receiver.close()


def test_a_token_that_stands_plainly_and_comes_back_in_an_answer_is_shown_nowhere(project, here, echo):
    with (project / "runner.toml").open("a") as file:
        file.write(
            "[delivery]\npage_max_age_hours = 1000000\ngive_up_hours = 0.000001\n"
            f'[destinations.hook]\nkind = "webhook"\nurl = "{echo.url}/T0KEN-T0KEN"\n'
            'headers = {Authorization = "Bearer s3cret-s3cret"}\n'
        )

    shown = [
        here("destinations", "test", cwd=project),
        here("once", "--all", "--at", AT, "--notify", "--verbose", cwd=project),
        here("destinations", "missed", "hook", cwd=project),
        here("destinations", "list", "--format", "json", cwd=project),
        here("alerts", "list", "--format", "json", cwd=project),
    ]

    assert "refused with status 401: ***" in shown[0].out
    assert "refused with status 401: ***" in " ".join(shown[2].out.split())
    assert "does not take alerts" in shown[4].out
    assert [secret for one in shown for secret in ("s3cret", "T0KEN") if secret in one.out + one.err] == []
    assert b"s3cret" not in (project / ".runner" / "state.db").read_bytes()


def test_once_tells_nobody_unless_asked(configured, here):
    here("once", "--all", "--at", AT, cwd=configured)

    assert not (configured / "alerts.jsonl").exists()


def test_once_with_notify_tells_who_is_to_be_told(project, here):
    with (project / "runner.toml").open("a") as file:
        file.write(
            '[delivery]\npage_max_age_hours = 1000000\n[destinations.log]\nkind = "file"\npath = "a.jsonl"\n'
        )

    ended = here("once", "--all", "--at", AT, "--notify", cwd=project)

    lines = [json.loads(line) for line in (project / "a.jsonl").read_text().splitlines()]
    assert (ended.code, ended.err) == (0, "1 message delivered.\n")
    assert [line["kind"] for line in lines] == ["new"]


def test_a_time_long_ago_wakes_nobody(configured, here):
    ended = here("once", "--all", "--at", AT, "--notify", cwd=configured)

    assert (ended.code, ended.err) == (0, "0 messages delivered.\n")


def test_notify_without_a_destination_is_refused_before_anything_runs(project, here):
    ended = here("once", "--all", "--at", AT, "--notify", cwd=project)

    assert ended.code == 2
    assert here("runs", "--format", "json", cwd=project).document == []


def test_a_maintenance_window_keeps_an_alert_back_and_is_named_as_the_reason(project, here):
    with (project / "runner.toml").open("a") as file:
        file.write(
            '[delivery]\npage_max_age_hours = 1000000\n[destinations.log]\nkind = "file"\npath = "a.jsonl"\n'
            '[maintenance.always]\ncron = "* * * * *"\nminutes = 2\nrule = "Okta.*"\nreason = "works"\n'
        )

    ended = here("once", "--all", "--at", AT, "--notify", cwd=project)
    (alert,) = here("alerts", "list", "--format", "json", cwd=project).document
    why = here("alerts", "show", alert["alert_id"], "--why", cwd=project).out
    (listed,) = here("silences", "list", "--format", "json", cwd=project).document

    assert (ended.code, ended.err) == (0, "0 messages delivered.\n")
    assert "maintenance window always: works" in " ".join(why.split())
    assert (listed["window"], listed["matcher"], listed["silence_id"]) == ("always", "rule=Okta.*", None)
    assert "maintenance always" in here("silences", "list", cwd=project).out


def test_a_silence_is_added_listed_and_ended(project, here):
    added = here("silences", "add", "--rule", "Okta.*", "--for", "2h", "--reason", "works", cwd=project)
    (listed,) = here("silences", "list", "--format", "json", cwd=project).document
    ended = here("silences", "end", "1", cwd=project)

    assert (added.code, added.out.startswith("Silence 1: rule=Okta.*, until ")) == (0, True)
    assert (listed["matcher"], listed["reason"]) == ("rule=Okta.*", "works")
    assert (ended.code, ended.out) == (0, "Silence 1 has ended.\n")
    assert here("silences", "list", cwd=project).out == "No silences.\n"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--for", "2h"], "say which alerts are meant, or give --everything"),
        (["--rule", "A", "--for", "2 hours"], "'2 hours' is no duration: write it as 30m, 2h or 7d"),
        (["--rule", "A"], "give --for or --until"),
        (["--rule", "A", "--until", "2020-01-01"], "that silence would have ended already"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(project, here, arguments, fault):
    ended = here("silences", "add", "--reason", "works", *arguments, cwd=project)

    assert ended.code == 2
    assert fault in ended.err


def test_a_silence_that_is_not_there_cannot_be_ended(project, here):
    ended = here("silences", "end", "7", cwd=project)

    assert (ended.code, ended.err) == (2, "Error: there is no silence 7 that goes on\n")


def test_nothing_was_missed_as_long_as_nothing_was_given_up(configured, here):
    assert here("destinations", "missed", "hook", cwd=configured).out == "Nothing was missed.\n"


def test_what_was_missed_is_not_sent_again_to_a_destination_that_is_gone(configured, here):
    ended = here("destinations", "missed", "old", "--resend", cwd=configured)

    assert ended.code == 2
    assert ended.err == "Error: there is no destination old to send them to (the destinations: log, hook)\n"
