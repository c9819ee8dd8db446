"""What an alert rests on: the runs, what they read, the definitions, and why the matches are one alert."""

from datetime import timedelta

import pytest

from runner.store import retention
from runner.store.retention import Cutoffs

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ONLY_BEA = 'def rule(event):\n    return event["user_name"] == "bea"\n'
BY_TITLE = 'def rule(event):\n    return True\n\ndef title(event):\n    return "Logins"\n'
BY_DEDUP = BY_TITLE + '\ndef dedup(event):\n    return "logins"\n'
FAILING = "def rule(event):\n    return event['nothing'].upper()\n"


def why(project):
    """Return the only alert, and what it rests on."""
    (alert,) = project.alerts()
    with project.open() as parts:
        return alert, parts.store.desk.provenance_of(alert)


def rows_in(project, table):
    with project.open() as parts, parts.store._database.reading() as connection:
        return connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()


def test_a_run_that_found_something_names_the_files_it_read_and_their_window(project):
    project.add_logins(-1.5)
    project.add_logins(-0.5)
    project.add_logins(-30)  # no run for 09:00 looks there
    project.run()

    _, found = why(project)

    (run,) = found.contributions
    (table,) = run.files.tables
    folder = project.root / "datalake"
    assert (table.table, table.time_column) == ("panther_logs.public.logins", "p_event_time")
    assert (table.since, table.until) == ("2026-01-15T07:00:00Z", "2026-01-15T09:00:00Z")
    assert [file.path for file in table.files] == [
        "panther_logs/logins/0.parquet",
        "panther_logs/logins/1.parquet",
    ]
    assert [file.size for file in table.files] == [
        (folder / file.path).stat().st_size for file in table.files
    ]
    assert (table.count, table.size) == (2, sum(file.size for file in table.files))


def test_of_many_files_the_first_are_named_and_all_are_counted(project):
    project.write_settings("[state]\nfiles_per_run = 2\n")
    for _ in range(5):
        project.add_logins(-1)
    project.run()

    (run,) = why(project)[1].contributions

    (table,) = run.files.tables
    assert (table.count, len(table.files)) == (5, 2)


def test_the_same_files_have_the_same_digest_until_one_comes(project):
    project.add_logins(-1)
    project.run()
    project.run()
    project.add_logins(-1.5, user="bea")
    project.run()

    with project.open() as parts, parts.store._database.reading() as connection:
        kept = connection.exec_driver_sql("SELECT document FROM run_files ORDER BY rowid").scalars().all()

    assert kept[0] == kept[1] != kept[2]


def test_a_run_that_found_nothing_keeps_nothing(project):
    project.write_rule(ONLY_BEA)
    project.add_logins(-1)

    project.run()

    assert (rows_in(project, "run_files"), rows_in(project, "definition_texts")) == (0, 0)


def test_the_texts_of_the_query_and_the_rule_are_kept_once_for_each_version(project):
    project.add_logins(-1)
    project.run(0, 0.5)
    first = why(project)[1]
    project.write_rule(BY_TITLE.replace("Logins", "Failed.Logins") + "# another version\n")
    project.add_logins(-0.1, user="bea")
    project.run(0.75)

    with project.open() as parts:
        known = parts.catalogue.fingerprints
        sql = parts.catalogue.queries["Failed Logins"].sql.text
    assert first.texts[known["Failed Logins"]].text == sql
    assert rows_in(project, "definition_texts") == 3
    (rule,) = [text for text in first.texts.values() if text.definition_id == "Failed.Logins"]
    assert rule.text == "def rule(event):\n    return True\n"
    assert rule.place == "scheduled_rules/failed_logins.py"


def test_the_git_commit_of_the_definitions_is_kept_with_the_run(project):
    (project.root / ".git").mkdir()
    (project.root / ".git" / "HEAD").write_text(f"{COMMIT}\n")
    project.add_logins(-1)

    project.run()

    assert [one.run.git_commit for one in why(project)[1].contributions] == [COMMIT]


@pytest.mark.parametrize(
    ("python", "origin"),
    [
        (ONLY_BEA.replace("bea", "ann"), "default"),
        (BY_TITLE, "title"),
        (BY_DEDUP, "dedup"),
        (FAILING, "error"),
    ],
    ids=["neither", "title", "dedup", "a failure"],
)
def test_it_is_told_what_gave_the_dedup_string(project, python, origin):
    project.write_rule(python)
    project.add_logins(-1)
    project.run()

    decision = why(project)[1].decision

    assert decision.first.dedup_from == origin
    assert (decision.threshold, decision.period_minutes) == (1, 60)


def test_the_first_match_is_named_with_its_run_and_its_row(project):
    project.write_rule(threshold=2)
    project.add_logins(-1)
    first = project.run(0)[0].run
    project.add_logins(-0.1, user="bea")
    project.run(0.5)

    alert, found = why(project)

    assert (found.decision.first.run_id, found.decision.first.query) == (first.run_id, "Failed Logins")
    assert found.decision.first.row["user_name"] == "ann"
    assert (found.decision.threshold, alert.match_count) == (2, 2)
    assert len(found.contributions) == 2


def test_an_alert_tells_which_others_it_took_in_when_its_period_grew(project):
    project.add_logins(-1, user="ann")
    project.run(0)
    project.add_logins(0.9, user="bea")
    project.run(1.25)
    first, second = project.alerts()
    rule = project.root / "scheduled_rules" / "failed_logins.yml"
    rule.write_text(rule.read_text().replace("DedupPeriodMinutes: 60", "DedupPeriodMinutes: 180"))
    project.add_logins(-1.9, user="cy")
    project.run(-0.5)  # a late window: everything after it is folded again

    alert, found = why(project)

    assert (alert.alert_id, alert.match_count) == (first.alert_id, 3)
    assert found.decision.took_in == (second.alert_id,)
    assert found.decision.period_minutes == 180


def test_what_is_kept_goes_with_the_runs(project):
    project.add_logins(-1)
    project.run()

    with project.open() as parts, parts.store._database.transaction() as connection:
        cutoffs = Cutoffs(runs=project.clock.now() + timedelta(days=1), matches=None, alerts=None)
        retention.prune_portion(connection, cutoffs)

    assert (rows_in(project, "run_files"), rows_in(project, "definition_texts")) == (0, 0)
    assert why(project)[1].contributions == ()
