"""No statement of a commit reads all matches or all alerts, however many there are."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from state_lab import HOURLY, key, match

from runner.alerts.alert import AlertStatus
from runner.store.alert_book import AlertFilter

UNIQUE = replace(HOURLY, counts_unique=True)


@contextmanager
def plans_of(lab):
    """Collect how SQLite goes about each statement that works on matches or alerts."""
    engine, plans = lab.store._database.engine, {}

    def explain(_connection, cursor, statement, parameters, _context, many):
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            first = parameters[0] if many else parameters
            explained = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", first)
            plans[statement] = [detail for _, _, _, detail in explained]

    sa.event.listen(engine, "before_cursor_execute", explain)
    yield plans
    sa.event.remove(engine, "before_cursor_execute", explain)


def scans(plans) -> list[str]:
    return [
        f"{detail}: {statement}"
        for statement, details in plans.items()
        for detail in details
        if detail.startswith(("SCAN match", "SCAN alerts", "SCAN runs")) or "AUTOMATIC" in detail
    ]


@pytest.mark.parametrize("rules", [HOURLY, UNIQUE], ids=["matches", "distinct values"])
def test_a_commit_looks_matches_and_windows_up(file_lab, rules):
    file_lab.run(0, match("alice", "a", row=True), rules=rules)

    with plans_of(file_lab) as plans:
        file_lab.run(10, match("alice", "a"), match("alice", "b", row=True), rules=rules)  # live
        file_lab.run(-30, match("alice", "late"), match("bob", "b"), rules=rules)  # late

    assert len(plans) > 15
    assert scans(plans) == []


def test_a_commit_takes_as_many_statements_for_many_keys_as_for_one(file_lab):
    def statements_for(minute: int, keys: int) -> int:
        engine, statements = file_lab.store._database.engine, []

        def note(_connection, _cursor, statement, *_) -> None:
            statements.append(statement)

        sa.event.listen(engine, "before_cursor_execute", note)
        file_lab.run(minute, *(match(f"user {number}", f"{minute} {number}") for number in range(keys)))
        sa.event.remove(engine, "before_cursor_execute", note)
        return len(statements)

    one, many = statements_for(0, 1), statements_for(120, 500)

    assert many == one


@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        (AlertFilter(), "ix_alerts_created_at"),
        (AlertFilter(severities=("CRITICAL",)), "ix_alerts_severity_created_at"),
        (AlertFilter(rule_id="A.Rule"), "ix_alerts_rule_id_created_at"),
        (AlertFilter(assignee="ada"), "ix_alerts_assigned"),
        # of all these, the open ones are fewest
        (
            AlertFilter(statuses=(AlertStatus.OPEN,), severities=("HIGH",), rule_id="A.Rule"),
            "ix_alerts_status_created_at",
        ),
    ],
    ids=["all", "of a severity", "of a rule", "of a person", "open"],
)
def test_a_list_of_alerts_is_read_in_order_and_only_as_far_as_it_is_shown(file_lab, chosen, index):
    with plans_of(file_lab) as plans:
        file_lab.store.list_alerts(chosen, 50)

    (details,) = plans.values()
    assert f"INDEX {index} " in details[0]
    assert "USE TEMP B-TREE FOR ORDER BY" not in details  # it would read all that fit


def test_what_people_ask_is_looked_up(file_lab):
    file_lab.run(0, match("alice", "a", row=True))
    (alert,) = file_lab.alerts()

    with plans_of(file_lab) as plans:
        file_lab.store.find_alert(alert.alert_id[:8])
        file_lab.store.events_of(alert, 10)
        file_lab.store.alerts_of([alert.alert_id])
        file_lab.store.desk.provenance_of(alert)
        file_lab.store.inquiries.due_facts("a query", alert.created_at)
        file_lab.store.inquiries.whereabouts(alert.key, b"1" * 16, alert.created_at)
        file_lab.store.change_status([alert], AlertStatus.CLOSED, actor="op", comment="")
        file_lab.store.history_of(alert)

    assert len(plans) == 20
    assert scans(plans) == []


def test_runs_that_never_ended_are_found_without_reading_all_runs(file_lab):
    file_lab.run(0)

    with plans_of(file_lab) as plans:
        file_lab.store.claim_again(key(1), ends_within=timedelta(minutes=20))

    assert any("ix_runs_running" in detail for details in plans.values() for detail in details)
    assert scans(plans) == []
