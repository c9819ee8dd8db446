"""Results of queries in the outbox: once for their time, and again only if they have changed."""

from dataclasses import replace
from datetime import timedelta

from state_lab import TEN, after, result

from runner.destinations.delivery import DeliveryState
from runner.destinations.destination import Receipt
from runner.destinations.message import MessageKind
from runner.destinations.report import Report
from runner.runs.query_result import QueryResult
from runner.store.alert_book import AlertFilter
from runner.store.retention import Cutoffs

MINUTE = timedelta(minutes=1)


def report(csv="user\r\nada\r\n", rows=1, minute=0) -> Report:
    return Report(
        query="Failed logins",
        scheduled_for=after(minute),
        recipients=("soc@example.org", "desk@example.org"),
        as_attachment=False,
        result=QueryResult(csv=csv, kept=rows, rows=rows, head=(("user",), ("ada",))),
    )


def run(lab, one: Report, minute=0):
    """Commit a run with a result to be mailed."""
    return lab.store.finish(lab.claim(minute), replace(result([]), report=one, report_by="desk"))


def take(lab):
    return lab.store.outbox.take("desk", owner="me", lease=MINUTE, limit=10)


def test_a_result_is_owed_from_the_commit_of_its_run_on(lab):
    run(lab, report())

    (taken,) = take(lab)

    assert (taken.kind, taken.state, taken.sequence) == (MessageKind.REPORT, DeliveryState.WAITING, 1)
    assert taken.message.report == report()


def test_a_run_for_the_same_time_with_the_same_result_mails_nothing_more(lab):
    for _ in range(2):
        run(lab, report())

    assert lab.number_of("deliveries") == 1


def test_a_result_that_late_logs_have_changed_is_sent_as_a_correction_after_the_first(lab):
    run(lab, report())
    (first,) = take(lab)
    lab.store.outbox.sent(first, Receipt(thread="<first>"))

    run(lab, report("user\r\nada\r\nbob\r\n", rows=2))
    run(lab, report("user\r\nada\r\nbob\r\n", rows=2))
    (second,) = take(lab)

    assert second.message.report.corrects
    assert second.message.report.result.rows == 2
    assert (second.sequence, second.message.thread) == (2, "<first>")
    assert second.message.key != first.message.key


def test_every_time_has_its_own(lab):
    run(lab, report())
    run(lab, report(minute=60), minute=60)

    assert [one.message.report.corrects for one in take(lab)] == [False, False]


def test_rows_that_were_sent_are_not_kept_and_yet_known(lab):
    run(lab, report())
    lab.store.outbox.sent(take(lab)[0], Receipt())
    ((document,),) = lab.rows("SELECT document FROM deliveries")

    run(lab, report())

    assert "ada" not in document
    assert lab.number_of("deliveries") == 1


def test_a_result_that_nobody_takes_is_named_in_the_system_error(lab):
    run(lab, report())
    lab.store.outbox.give_up(take(lab)[0], "no such box")

    (alert,) = lab.store.list_alerts(AlertFilter(), 10)

    assert "the result of the query 'Failed logins' for 2026-03-01T10:00:00Z was not delivered to desk: " in (
        alert.description
    )
    assert lab.store.outbox.try_again("desk") == 1
    assert take(lab)[0].message.report == report()


def test_reports_that_were_sent_long_ago_are_removed(lab):
    run(lab, report())
    run(lab, report(minute=60), minute=60)
    lab.store.outbox.sent(take(lab)[0], Receipt(thread="<first>"))

    lab.store.retention.prune_portion(Cutoffs(runs=TEN + MINUTE, matches=None, alerts=None))

    assert lab.number_of("threads") == 0
    assert [one.message.report.scheduled_for for one in take(lab)] == []
    assert lab.rows("SELECT state FROM deliveries") == [("waiting",)]
