"""`runner destinations`, as somebody uses it who sets up where alerts go."""

import json

import pytest

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
