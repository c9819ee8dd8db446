"""Removing what is old: what goes, what stays, and that nothing is counted anew; on SQLite and on PostgreSQL."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from state_lab import EVENTS_PER_ALERT, HOURLY, RULE, TEN, StateLab, after, match, result
from thoroughness import examples

from runner.alerts.alert import AlertRules, AlertStatus
from runner.alerts.system_fault import SystemFaultKind, definition_faulty
from runner.clock import FrozenClock
from runner.definitions.scheduled_query import Schedule
from runner.runs.query_run import RunFault, RunState
from runner.schedule.ledger import Epoch, GapReason
from runner.schedule.owed import DuePlan, OwedRun
from runner.store import retention
from runner.store.database import IN_MEMORY
from runner.store.retention import Cutoffs, Pruned
from runner.store.state import StateStore

SCHEDULE = Schedule(cron=None, rate_minutes=60, timeout_minutes=5)
UNIQUE = AlertRules(period_minutes=60, threshold=2, create_alert=True, counts_unique=True)


def prune(lab, *, runs=None, matches=None, alerts=None, rows=5_000):
    """Remove what is older than so many minutes after ten, portion by portion."""
    cutoffs = Cutoffs(
        **{
            name: None if minute is None else after(minute)
            for name, minute in (("runs", runs), ("matches", matches), ("alerts", alerts))
        }
    )
    total, portions, has_more = Pruned(), 0, True
    while has_more:
        with lab.store._database.transaction() as connection:
            portion, has_more = retention.prune_portion(connection, cutoffs, rows=rows)
        total, portions = total + portion, portions + 1
        assert portion.matches <= rows
        assert portions < 1_000
    return total


def close(lab, *alerts):
    lab.store.change_status(alerts or lab.alerts(), AlertStatus.CLOSED, actor="ann", comment="")


def rows_of(lab):
    return lab.number_of("matches"), lab.number_of("match_contents")


def test_matches_go_with_their_contents_and_the_alert_keeps_its_figures(lab):
    lab.run(0, *(match("alice", f"event {n}", row=True) for n in range(5)))
    lab.run(120, match("bob", "other"))
    before = lab.alerts()
    close(lab)

    pruned = prune(lab, matches=60)

    assert (pruned.matches, rows_of(lab)) == (5, (1, 1))
    assert [(a.alert_id, a.match_count, a.title) for a in lab.alerts()] == [
        (a.alert_id, a.match_count, a.title) for a in before
    ]


def test_an_alert_that_is_open_keeps_its_whole_rows(lab):
    lab.run(0, *(match("alice", f"event {n}", row=n < EVENTS_PER_ALERT) for n in range(5)))
    (alert,) = lab.alerts()

    pruned = prune(lab, matches=60, alerts=60)

    assert (pruned, rows_of(lab)) == (Pruned(matches=5 - EVENTS_PER_ALERT), (EVENTS_PER_ALERT,) * 2)
    assert len(lab.store.events_of(alert, 10)) == EVENTS_PER_ALERT


def test_alerts_that_are_dealt_with_go_with_all_that_belongs_to_them(lab):
    lab.run(0, match("alice", "one", row=True))
    lab.run(0, match("bob", "two", row=True), query="Other")
    prune(lab, matches=60)
    (alice,) = [alert for alert in lab.alerts() if alert.key.dedup == "alice"]
    close(lab, alice)

    pruned = prune(lab, matches=60, alerts=60)

    assert (pruned.alerts, lab.counts(), rows_of(lab)) == (1, {"bob": 1}, (1, 1))
    assert lab.number_of("alert_history") == 0


def test_an_alert_stays_as_long_as_its_matches(lab):
    lab.run(0, match("alice", "one"))
    close(lab)

    pruned = prune(lab, alerts=60)

    assert (pruned, lab.counts()) == (Pruned(), {"alice": 1})


def test_windows_that_are_no_alerts_go_with_their_matches(lab):
    lab.run(0, match("alice", "one"), rules=AlertRules(period_minutes=60, threshold=5, create_alert=True))

    prune(lab, matches=60)

    assert (rows_of(lab), lab.number_of("alerts")) == ((0, 0), 0)


def test_what_is_not_old_enough_stays(lab):
    lab.run(60, match("alice", "one"))
    close(lab)

    assert prune(lab, runs=0, matches=60, alerts=60) == Pruned()
    assert rows_of(lab) == (1, 1)


def test_a_run_for_a_time_before_what_was_removed_changes_no_kept_alert_and_says_so(lab):
    lab.run(0, match("alice", "one"), match("alice", "two"))
    prune(lab, matches=60)

    again = lab.run(0, match("alice", "one"), match("alice", "two"), match("alice", "late"))
    earlier = lab.run(-30, match("alice", "zero"))

    assert (lab.counts(), rows_of(lab)) == ({"alice": 2}, (0, 0))
    assert [run.run.fault.kind for run in (again, earlier)] == ["MatchesTooOld"] * 2
    assert again.run.fault.message.startswith(
        f"3 matches were not stored: older ones of {RULE} have been removed"
    )
    assert sum(run.fault is not None for run in lab.store.latest_runs(3)) == 2


def test_a_rule_whose_matches_were_never_removed_can_be_run_over_the_past(lab):
    lab.run(0, match("alice", "one"))
    prune(lab, matches=60)

    finished = lab.run(0, match("alice", "one", rule="Other.Rule"))

    assert finished.run.fault is None
    assert [(alert.key.rule_id, alert.match_count) for alert in lab.alerts()] in (
        [(RULE, 1), ("Other.Rule", 1)],
        [("Other.Rule", 1), (RULE, 1)],
    )


def test_a_match_after_a_window_whose_matches_are_gone_opens_another(lab):
    lab.run(0, match("alice", "one"), match("alice", "two"))
    prune(lab, matches=10)

    lab.run(30, match("alice", "three"))  # within the hour of the first window, which is closed
    lab.run(20, match("alice", "four"))

    assert [(alert.first_match_at, alert.match_count) for alert in lab.alerts()] == [
        (TEN, 2),
        (after(20), 2),
    ]


def test_a_window_that_reaches_beyond_the_time_keeps_all_its_matches(lab):
    lab.run(0, match("alice", "one"))
    lab.run(30, match("alice", "two"))
    prune(lab, matches=20)

    lab.run(25, match("alice", "late"))

    assert (lab.counts(), rows_of(lab)) == ({"alice": 3}, (3, 3))


def test_thresholds_of_distinct_values_do_not_read_what_is_gone(lab):
    lab.run(0, match("alice", "one", unique="a"), rules=UNIQUE)
    lab.run(5, match("alice", "two", unique="b"), rules=UNIQUE)
    prune(lab, matches=10)

    lab.run(70, match("alice", "three", unique="a"), rules=UNIQUE)
    lab.run(75, match("alice", "four", unique="c"), rules=UNIQUE)

    assert [(alert.created_at, alert.match_count) for alert in lab.alerts()] == [
        (after(5), 2),
        (after(75), 2),
    ]


def test_a_large_window_is_removed_in_several_portions(lab):
    lab.run(0, *(match("alice", f"event {n}") for n in range(95)), *(match("bob", f"b{n}") for n in range(7)))
    close(lab)

    pruned = prune(lab, matches=60, rows=10)

    assert (pruned.matches, rows_of(lab)) == (102, (0, 0))
    assert lab.counts() == {"alice": 95, "bob": 7}


def test_between_two_portions_the_rest_is_not_folded_again(lab):
    lab.run(0, *(match("alice", f"event {n}") for n in range(20)))
    with lab.store._database.transaction() as connection:
        retention.prune_portion(connection, Cutoffs(runs=None, matches=after(10), alerts=None), rows=5)

    lab.run(30, match("alice", "late"))

    assert [(alert.first_match_at, alert.match_count) for alert in lab.alerts()] == [
        (TEN, 20),
        (after(30), 1),
    ]


def test_runs_and_gaps_go_but_not_what_is_still_owed(lab):
    lab.run(0, match("alice", "one"))
    owe(lab, 0, 60)
    failed = lab.store.ledger.claim_next("me", timedelta(hours=1))
    lab.store.fail(failed, RunState.FAILED, RunFault(kind="QueryError", message=""))
    waiting = lab.store.ledger.claim_next("me", timedelta(hours=1))
    lab.store.give_back(waiting, RunFault(kind="QueryError", message=""), start_at=after(90))
    lab.clock.advance(timedelta(days=2))
    lab.run(0, match("alice", "one"))

    pruned = prune(lab, runs=24 * 60)

    assert (pruned.runs, pruned.gaps) == (2, 1)
    assert {run.run_id for run in lab.store.latest_runs(9)} >= {waiting.run_id}
    assert (len(lab.store.latest_runs(9)), lab.number_of("attempts")) == (2, 2)


def owe(lab, *minutes):
    lab.store.ledger.begin_epochs({"a": Epoch(start=after(-60), schedule=SCHEDULE)})
    due = [OwedRun(due=after(minute), start_at=after(-90), is_live=True) for minute in minutes]
    lab.store.ledger.record_due([DuePlan(query="a", watermark=after(max(minutes)), runs=tuple(due), gaps=())])


def test_a_query_keeps_its_newest_run_and_its_newest_success_however_old_they_are(lab):
    owe(lab, 0, 60, 120, 180)
    ends = [None, None, RunState.FAILED, RunState.TIMED_OUT]
    for end in ends:
        claim = lab.store.ledger.claim_next("me", timedelta(hours=1))
        if end is None:
            lab.store.finish(claim, result([]))
        else:
            lab.store.fail(claim, end, RunFault(kind="QueryError", message=""))
    (before,) = lab.store.standing.facts("a")
    lab.clock.advance(timedelta(days=400))

    pruned = prune(lab, runs=390 * 24 * 60)

    (facts,) = lab.store.standing.facts("a")
    assert pruned.runs == 2
    assert (facts.last_success, facts.last_run) == (before.last_success, before.last_run)
    assert facts.last_success.key.scheduled_for == after(60)


def test_gaps_that_are_not_old_stay(lab):
    lab.store.ledger.begin_epochs({"a": Epoch(start=after(-60), schedule=SCHEDULE)})
    gaps = (after(0), after(60))
    lab.store.ledger.record_due([DuePlan(query="a", watermark=after(60), runs=(), gaps=gaps)])

    prune(lab, runs=30)

    assert lab.store.ledger.list_gaps(None, 9) == [("a", after(60), GapReason.NOT_RUNNING)]


def test_epochs_that_ended_long_ago_go_but_the_one_that_holds_stays(lab):
    ledger = lab.store.ledger
    for minute in (-300, -200, -100):
        ledger.begin_epochs({"a": Epoch(start=after(minute), schedule=SCHEDULE)})
    ledger.begin_epochs({"behind": Epoch(start=after(-300), schedule=SCHEDULE)})
    ledger.begin_epochs({"behind": Epoch(start=after(-200), schedule=None)})
    ledger.record_due([DuePlan(query="a", watermark=after(0), runs=(), gaps=())])

    prune(lab, runs=-50)

    left = {query: [epoch.start for epoch in epochs] for query, epochs in ledger.epochs().items()}
    assert left == {"a": [after(-100)], "behind": [after(-300), after(-200)]}


def test_a_system_error_goes_once_it_is_mended_and_old(lab):
    health, kind = lab.store.health, SystemFaultKind.DEFINITION_FAULTY
    health.set_faults(kind, [definition_faulty(name, ("wrong",)) for name in ("a.yml", "b.yml")], mended="")
    health.set_faults(kind, [definition_faulty("b.yml", ("wrong",))], mended="it is sound")
    close(lab)  # that b.yml stands is known, and still it stands

    pruned = prune(lab, alerts=60)

    assert (pruned.alerts, lab.counts()) == (1, {"b.yml": 1})


def test_what_would_be_removed_is_what_is_removed(lab):
    for minute in (0, 10, 120):
        lab.run(minute, match("alice", f"at {minute}"), match("bob", f"b at {minute}"))
    close(lab)
    cutoffs = Cutoffs(runs=after(60), matches=after(60), alerts=after(60))

    expected = lab.store.retention.count(cutoffs)

    assert expected == prune(lab, runs=60, matches=60, alerts=60)
    assert (expected.matches, expected.alerts, lab.number_of("matches")) == (4, 2, 2)


actions = st.lists(
    st.tuples(st.sampled_from(["run", "run", "run", "prune"]), st.integers(0, 40), st.integers(0, 6)),
    min_size=1,
    max_size=14,
)


@given(actions)
@examples(8)  # each makes a state database
def test_whatever_is_removed_when_no_alert_shrinks_and_no_event_counts_twice(plan):
    store = StateStore(IN_MEMORY, clock=FrozenClock(TEN), events_per_alert=EVENTS_PER_ALERT)
    lab = StateLab(url=IN_MEMORY, store=store)
    seen, counts = set(), {}
    for what, ten_minutes, event in plan:
        minute = 10 * ten_minutes
        if what == "prune":
            prune(lab, matches=minute)
        else:
            store.finish(lab.claim(minute), result([[match("alice", f"{minute} {event}")]], HOURLY))
            seen.add((minute, event))
        now = {alert.alert_id: alert.match_count for alert in lab.alerts() if alert.merged_into is None}
        with store._database.reading() as connection:
            closed = retention.closed_until(connection, [RULE]).get(RULE, after(-1))
        if what == "prune" or after(minute) < closed:
            assert now == counts
        assert sum(now.values()) <= len(seen)
        counts = now
    store.close()
