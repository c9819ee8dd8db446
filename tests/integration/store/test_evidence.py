"""What a run's matches rest on, kept and found again; on SQLite and on PostgreSQL."""

from dataclasses import replace

from state_lab import HOURLY, QUERY, RULE, after, match, result

from runner.alerts.alert import AlertKey
from runner.alerts.match import MatchKind
from runner.lake.files_read import FileRead, FilesRead, TableRead
from runner.store.provenance import DefinitionText, Evidence

FILES = FilesRead(
    digest="f" * 16,
    tables=(
        TableRead(
            table="panther_logs.public.logins",
            time_column="p_event_time",
            since="2026-03-01T09:00:00Z",
            until="2026-03-01T10:00:00Z",
            count=1,
            size=1_000,
            files=(FileRead(path="panther_logs/logins/0.parquet", size=1_000, written=7),),
        ),
    ),
)
SQL = DefinitionText(digest="q" * 64, definition_id=QUERY, place="queries/logins.yml:1:1", text="SELECT 1")
PYTHON = DefinitionText(digest="r" * 64, definition_id=RULE, place="rules/logins.py", text="def rule…")
KEY = AlertKey(rule_id=RULE, kind=MatchKind.MATCH, dedup="alice")


def run(lab, minute, *matches, rules=HOURLY):
    claim = lab.claim(minute)
    found = replace(
        result([matches], rules),
        git_commit="c" * 40,
        evidence=Evidence(files=FILES, texts=(SQL, PYTHON, SQL)),
    )
    return lab.store.finish(claim, found).run


def test_what_is_kept_with_a_run_is_found_from_its_alert(lab):
    first = run(lab, 0, match("alice", "a", row=True))
    run(lab, 10, match("alice", "b"))
    (alert,) = lab.alerts()

    found = lab.store.desk.provenance_of(alert)

    assert [one.files for one in found.contributions] == [FILES, FILES]
    assert [one.run.git_commit for one in found.contributions] == ["c" * 40] * 2
    assert found.texts == {SQL.digest: SQL, PYTHON.digest: PYTHON}
    assert (found.decision.first.run_id, found.decision.first.row) == (first.run_id, {"name": "a"})
    assert (found.decision.threshold, found.decision.period_minutes) == (1, 60)


def test_a_counted_match_is_found_in_its_window(lab):
    counted = match("alice", "a")
    run(lab, 0, counted, match("alice", "b"), rules=replace(HOURLY, threshold=3))

    found = lab.store.inquiries.whereabouts(KEY, counted.identity, after(30))

    assert (found.match.matched_at, found.match.dedup) == (after(0), "alice")
    assert (found.window.count, found.window.created_at) == (2, None)
    assert found.deliveries == ()


def test_a_match_that_was_never_counted_meets_the_last_window_of_its_key(lab):
    run(lab, 0, match("alice", "a", unique="x"), match("alice", "b", unique="y"))

    found = lab.store.inquiries.whereabouts(KEY, b"0" * 16, after(30))
    earlier = lab.store.inquiries.whereabouts(KEY, b"0" * 16, after(-1))

    assert found.match is None
    assert (found.window.start, found.window.distinct) == (after(0), 2)
    assert earlier.window is None


def test_the_newest_run_for_a_time_is_found(lab):
    run(lab, 0, match("alice", "a"))
    second = run(lab, 0, match("alice", "a"))

    facts = lab.store.inquiries.due_facts(QUERY, after(0))
    nothing = lab.store.inquiries.due_facts(QUERY, after(60))

    assert (facts.run.run_id, facts.gap, facts.is_owed) == (second.run_id, None, False)
    assert (nothing.run, nothing.epochs) == (None, ())
