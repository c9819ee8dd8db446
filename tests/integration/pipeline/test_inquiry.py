"""Why there is no alert for a row: every reason, found on a real lake with real workers and a real state database."""

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.definitions.scheduled_query import Schedule
from runner.delivery.dispatch import RuleFacts, notice_of_alert
from runner.destinations.delivery import Letter
from runner.destinations.message import MessageKind
from runner.destinations.silence import Matcher, Silence
from runner.errors import UnusableRow
from runner.inquiry.answer import Due, Reason
from runner.inquiry.inquiry import Inquiry, Question
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.lake.index.lake_index import LakeIndex
from runner.schedule.ledger import Epoch
from runner.schedule.owed import DuePlan, OwedRun
from runner.store import outbox
from runner.store.alert_book import AlertFilter

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVERY_ROW = "def rule(event):\n    return True\n"
ONLY_BEA = 'def rule(event):\n    return event["user_name"] == "bea"\n'
FAILING = 'def rule(event):\n    return event["nothing"].upper()\n'
OF_ANN = "SELECT * FROM panther_logs.public.logins WHERE p_occurs_since('2 hours') AND user_name = 'ann'"
BY_USER = (
    "SELECT user_name, count(*) AS failures FROM panther_logs.public.logins "
    "WHERE p_occurs_since('1 day') GROUP BY user_name"
)
MANY = 'def rule(event):\n    return event["failures"] > 2\n'


def row(hours=-1.0, user="ann", row_id="0-0"):
    """Return a row as `Project.add_logins` writes them."""
    return {
        "p_event_time": (AT + timedelta(hours=hours)).isoformat(),
        "user_name": user,
        "p_row_id": row_id,
    }


@contextmanager
def asking(project):
    with project.open() as parts, tempfile.TemporaryDirectory() as spill:
        lake = parts.settings.lake
        index = LakeIndex(lake, None, project.clock)
        engine = DuckDBEngine(lake, EngineLimits(memory=2**29, spill=Path(spill)), index)
        inquiry = Inquiry(
            catalogue=parts.catalogue,
            pipeline=parts.pipeline,
            workers=parts.workers,
            engine=engine,
            store=parts.store.inquiries,
            clock=project.clock,
        )
        try:
            yield parts, inquiry
        finally:
            engine.close()


def ask(project, about, at=AT, silences=(), **options):
    with asking(project) as (parts, inquiry):
        query = parts.catalogue.queries["Failed Logins"]
        return replace(inquiry, silences=silences).answer(Question(query=query, row=about, at=at, **options))


def reason(answer):
    """Return the reason of the only rule."""
    (rule,) = answer.rules
    return rule.reason


@pytest.mark.parametrize(
    "hours",
    [
        -2.001,  # before the window
        0.0,  # at the reference time, which is no more in it
        1.0,
    ],
)
def test_a_row_of_another_time_is_outside_the_window(project, hours):
    project.add_logins(-1)

    answer = ask(project, row(hours))

    assert answer.of_query.reason is Reason.OUTSIDE_WINDOW
    assert (answer.of_query.since, answer.of_query.until) == (AT - 2 * HOUR, AT)
    assert answer.rules == ()


def test_the_first_moment_of_the_window_is_in_it(project):
    project.add_logins(-1)

    answer = ask(project, row(-2))

    assert (answer.of_query.reason, answer.of_query.rows) == (None, 1)


def test_a_row_without_a_time_is_seen_by_no_run(project):
    project.add_logins(-1)

    answer = ask(project, {"user_name": "ann"})

    assert answer.of_query.reason is Reason.NO_TIME


def test_a_row_that_the_query_does_not_want_is_not_returned(project):
    project.write_query(OF_ANN)
    project.add_logins(-1)

    assert ask(project, row(user="bea")).of_query.reason is Reason.NOT_RETURNED
    assert ask(project, row(user="ann")).of_query.reason is None


def test_a_query_that_counts_rows_cannot_be_judged_by_one(project):
    project.write_query(BY_USER)
    project.write_rule(MANY)
    project.add_logins(-1)

    answer = ask(project, row())

    assert reason(answer) is Reason.CANNOT_TELL
    assert "it groups rows" in answer.rules[0].sentence


def test_a_row_that_the_query_returned_is_put_to_the_rules_as_it_is(project):
    project.write_query(BY_USER)
    project.write_rule(MANY)
    project.add_logins(-1, -1, -1, -1)
    project.run()

    few = ask(project, {"user_name": "ann", "failures": 2}, is_result=True)
    many = ask(project, {"user_name": "ann", "failures": 4}, is_result=True)

    assert reason(few) is Reason.FILTERED
    assert reason(many) is Reason.ALERTED


def test_a_row_of_a_table_that_is_not_there_makes_the_query_fail(project):
    (project.root / "datalake").mkdir()

    answer = ask(project, row())

    assert answer.of_query.reason is Reason.QUERY_FAILS
    assert "panther_logs.public.logins" in answer.of_query.sentence


def test_what_rule_returned_or_raised_is_told(project):
    project.write_rule(ONLY_BEA)
    project.write_rule(FAILING, rule_id="Failing")
    project.add_logins(-1)

    answer = ask(project, row())

    assert {rule.rule_id: rule.reason for rule in answer.rules} == {
        "Failed.Logins": Reason.FILTERED,
        "Failing": Reason.RULE_FAILS,
    }
    failing = next(rule for rule in answer.rules if rule.rule_id == "Failing")
    assert "rule() raised KeyError" in failing.sentence
    assert "failing.py:2" in failing.sentence


def test_a_disabled_rule_is_not_asked(project):
    rule = project.root / "scheduled_rules" / "failed_logins.yml"
    rule.write_text(rule.read_text().replace("Enabled: true", "Enabled: false"))
    project.add_logins(-1)

    assert reason(ask(project, row())) is Reason.RULE_DISABLED


def test_without_a_rule_nobody_judges_the_row(project):
    for file in (project.root / "scheduled_rules").iterdir():
        file.unlink()
    project.add_logins(-1)

    assert ask(project, row()).of_query.reason is Reason.NO_RULE


def test_below_the_threshold_the_count_is_told(project):
    project.write_rule(threshold=3)
    project.add_logins(-1, -0.5)
    project.run()

    answer = ask(project, row())

    assert reason(answer) is Reason.BELOW_THRESHOLD
    assert "2 of 3 matches since 2026-01-15T09:00:00Z" in answer.rules[0].sentence


def test_the_row_that_opened_the_alert_has_alerted(project):
    project.add_logins(-1)
    project.run()
    (alert,) = project.alerts()

    answer = ask(project, row())

    assert (reason(answer), answer.rules[0].alert_id) == (Reason.ALERTED, alert.alert_id)
    assert answer.due.due is Due.BY_HAND


def test_a_row_of_an_open_alert_has_joined_it(project):
    project.add_logins(-1)
    project.run(0)
    project.add_logins(0.25)
    project.run(0.5)
    (alert,) = project.alerts()

    answer = ask(project, row(0.25, row_id="1-0"), AT + HOUR / 2)

    assert (reason(answer), answer.rules[0].alert_id) == (Reason.DEDUPLICATED, alert.alert_id)
    assert "before 2026-01-15T10:00:00Z" in answer.rules[0].sentence


def test_an_event_that_an_earlier_run_has_counted_is_found_where_it_counted(project):
    project.add_logins(-0.5)
    project.run(0, 1)

    answer = ask(project, row(-0.5), AT + HOUR)

    assert reason(answer) is Reason.ALERTED
    assert "counted at 2026-01-15T09:00:00Z" in answer.rules[0].sentence


def test_a_rule_that_raises_no_alerts_is_said_to(project):
    rule = project.root / "scheduled_rules" / "failed_logins.yml"
    rule.write_text(rule.read_text() + "CreateAlert: false\n")
    project.add_logins(-1)
    project.run()

    assert reason(ask(project, row())) is Reason.NO_ALERTS


def test_an_alert_that_was_held_back_is_told_to_nobody_and_why(project):
    project.add_logins(-1)
    project.run()
    with project.open() as parts, parts.store._database.transaction() as connection:
        (alert,) = parts.store.list_alerts(AlertFilter(), 10)
        letter = Letter(
            destination="soc",
            kind=MessageKind.NEW,
            notice=notice_of_alert(alert, RuleFacts(), ""),
            held_because="silence 1 by ada: load test",
        )
        outbox.put(connection, [letter], project.clock.now())

    answer = ask(project, row())

    assert reason(answer) is Reason.HELD
    assert "silence 1 by ada: load test" in answer.rules[0].sentence


def test_a_row_that_no_run_has_seen_would_alert(project):
    project.add_logins(-1)

    answer = ask(project, row())

    assert (answer.due.due, reason(answer)) == (Due.NOT_DUE, Reason.WOULD_ALERT)
    assert "no daemon has ever seen the query" in answer.due.sentence


def test_an_alert_that_another_stands_for_is_told_to_nobody_and_why(project):
    project.write_settings("[limits]\nalerts_per_run = 1\n")
    project.write_rule(EVERY_ROW + "def dedup(event):\n    return event['p_row_id']\n")
    project.add_logins(-1, -1)
    project.run()
    (summary,) = [alert for alert in project.alerts() if "0-" not in alert.key.dedup]

    told, held = (ask(project, row(row_id=row_id)) for row_id in ("0-0", "0-1"))

    assert (reason(told), reason(held)) == (Reason.ALERTED, Reason.HELD)
    assert f"the alert {summary.alert_id} stands for it" in held.rules[0].sentence


@pytest.mark.parametrize(("rule", "expected"), [("Failed.*", Reason.HELD), ("Other.*", Reason.WOULD_ALERT)])
def test_a_row_that_would_alert_while_a_silence_holds_would_be_told_to_nobody(project, rule, expected):
    silence = Silence(
        silence_id=7,
        matcher=Matcher(rule=rule),
        reason="load test",
        author="ada",
        starts_at=AT - HOUR,
        ends_at=AT + HOUR,
    )
    project.add_logins(-1)

    answer = ask(project, row(), silences=(silence,))

    assert reason(answer) is expected
    assert ("silence 7 by ada: load test" in answer.rules[0].sentence) == (expected is Reason.HELD)


def test_a_row_that_no_run_has_seen_would_join_what_is_open(project):
    project.add_logins(-1)
    project.run()

    answer = ask(project, row(0.1, row_id="new"), AT + HOUR / 2)

    assert reason(answer) is Reason.DEDUPLICATED
    assert "would join" in answer.rules[0].sentence


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda _: None, "not in the lake then"),
        (lambda project: project.write_rule(EVERY_ROW + "# new\n"), "the rule has been changed since"),
        (lambda project: project.write_query(OF_ANN), "the query has been changed since"),
        (
            lambda project: project.write_rule(EVERY_ROW, rule_id="New"),
            "the rule was not asked then",
        ),
    ],
    ids=["late", "rule", "query", "new rule"],
)
def test_of_a_row_that_the_run_did_not_count_it_is_said_why_that_may_be(project, change, why):
    project.add_logins(-1)
    project.run()
    change(project)

    answer = ask(project, row(row_id="landed later"))

    rule = next(one for one in answer.rules if one.rule_id == ("New" if "asked" in why else "Failed.Logins"))
    assert rule.reason is Reason.NOT_COUNTED
    assert why in rule.sentence


def test_a_gap_and_what_is_owed_are_told(project):
    project.add_logins(-1)
    hourly = Schedule(cron=None, rate_minutes=60, timeout_minutes=1)
    with project.open() as parts:
        ledger = parts.store.ledger
        ledger.begin_epochs({"Failed Logins": Epoch(start=AT - 3 * HOUR, schedule=hourly)})
        owed = OwedRun(due=AT, start_at=AT, is_live=True)
        ledger.record_due([DuePlan(query="Failed Logins", watermark=AT, runs=(owed,), gaps=(AT - HOUR,))])

    at_gap, owed, not_yet, before = (ask(project, row(), AT + number * HOUR).due for number in (-1, 0, 1, -4))

    assert (at_gap.due, "not running" in at_gap.sentence) == (Due.GAP, True)
    assert (owed.due, "has not been run yet" in owed.sentence) == (Due.NOT_YET, True)
    assert (not_yet.due, "has not come yet" in not_yet.sentence) == (Due.NOT_YET, True)
    assert (before.due, "the first did at 2026-01-15T06:00:00Z" in before.sentence) == (Due.NOT_DUE, True)


def test_nothing_is_stored_by_asking(project):
    project.add_logins(-1)

    ask(project, row())

    assert project.alerts() == []
    with project.open() as parts:
        assert parts.store.latest_runs(10) == []


def test_a_row_that_does_not_fit_its_table_is_refused_with_all_that_is_wrong(project):
    project.add_logins(-1)

    with pytest.raises(UnusableRow) as refused:
        ask(project, {"p_event_time": "yesterday", "user_name": "ann"})

    assert str(refused.value) == 'p_event_time: "yesterday" cannot be read as TIMESTAMP'


def test_a_field_that_the_table_does_not_have_is_left_out_and_told(project):
    project.add_logins(-1)

    answer = ask(project, {**row(), "USER_NAME": "ann", "shoe": 43})

    assert [note for note in answer.of_query.notes if "shoe" in note]


def test_of_a_query_over_two_tables_it_is_said_which_one_the_row_is_of(project):
    project.write_query(
        "SELECT a.* FROM panther_logs.public.logins a JOIN panther_logs.public.people b "
        "ON a.user_name = b.user_name WHERE p_occurs_since('2 hours', a)"
    )
    project.add_logins(-1)
    folder = project.root / "datalake" / "panther_logs"
    (folder / "people").mkdir()
    (folder / "people" / "_table.yml").write_text("time_column: null\n")
    (folder / "people" / "0.parquet").write_bytes((folder / "logins" / "0.parquet").read_bytes())

    with pytest.raises(UnusableRow, match="--table"):
        ask(project, row())
    answer = ask(project, row(), table="logins")

    assert (answer.of_query.reason, answer.of_query.rows) == (None, 1)
