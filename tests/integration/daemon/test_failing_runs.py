"""What can go wrong in a run, on the real executor, workers and state database: each is told, and the next run works."""

import os
import signal
import sqlite3
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import structlog

from runner import settings
from runner.clock import FrozenClock
from runner.daemon.executor import Executor
from runner.daemon.pulse import Pulse
from runner.definitions.catalogue import read_catalogue
from runner.definitions.frozen_mapping import FrozenMapping
from runner.definitions.scheduled_query import Dialect
from runner.errors import StoreError
from runner.metrics import Metrics
from runner.pipeline import Pipeline
from runner.runs.query_run import RunState
from runner.runs.retry import RetryPolicy
from runner.schedule.ledger import Epoch, GapReason
from runner.schedule.owed import DuePlan, OwedRun
from runner.store.alert_book import AlertFilter
from runner.store.state import StateStore
from runner.worker.pool import WorkerPool

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
LOGINS = "SELECT * FROM panther_logs.public.logins"
ENDLESS = "SELECT count(*) AS n FROM range(100000000000) AS t(i) WHERE i % 7 = 8"
DEAF = "SELECT sum(length(repeat('x', 200000000 + i::INT))) AS n FROM range(100000) AS t(i)"
GREEDY = "SELECT list(i) AS all_of_them FROM range(100000000) AS t(i)"
SPILLING = "SELECT i FROM range(60000000) AS t(i) ORDER BY hash(i)"
DEAF_RULE = """
def rule(event):
    while True:
        try:
            while True: pass
        except BaseException: pass
"""
EVERY_ROW = "def rule(event):\n    return True\n"
QUERY = """
AnalysisType: scheduled_query
QueryName: {name}
Enabled: true
Query: {sql}
Schedule:
  RateMinutes: 60
  TimeoutMinutes: 1
"""
RULE = """
AnalysisType: scheduled_rule
RuleID: A.Rule
Enabled: true
Filename: a_rule.py
ScheduledQueries: [Failing, Sound]
Severity: High
"""
MOST_SECONDS = 1.5


class Works:
    """An executor and its parts; `Failing` owes a due time and then another, and `Sound` one after it."""

    def __init__(self, root, store, workers, clock, catalogue):
        self.root, self.store, self.workers, self.clock = root, store, workers, clock
        self.catalogue = catalogue
        self.in_place_of_pipeline = lambda pipeline: pipeline
        loaded = settings.load(root, {})

        def pipeline_of(catalogue):
            made = Pipeline(catalogue=catalogue, settings=loaded, store=store, workers=workers, clock=clock)
            return self.in_place_of_pipeline(made)

        self.executor = Executor(
            store=store,
            clock=clock,
            catalogue=lambda: self.catalogue,
            pipeline_of=pipeline_of,
            owner="host/1-a",
            lease=timedelta(minutes=1),
            retries=RetryPolicy(failures=2),
            metrics=Metrics(),
            pulse=Pulse(),
        )

    def owe(self, query, hour):
        due = AT + timedelta(hours=hour)
        self.store.ledger.begin_epochs({query: Epoch(start=AT - timedelta(days=1), schedule=None)})
        run = OwedRun(due=due, start_at=AT, is_live=True)
        self.store.ledger.record_due([DuePlan(query=query, watermark=due, runs=(run,), gaps=())])

    def run(self):
        """Run what is owed first; returns the lines that were logged about it."""
        with structlog.testing.capture_logs() as lines:
            assert self.executor.run_next()
        return [
            (line["event"], line.get("fault_kind"), line.get("transient"))
            for line in lines
            if line["event"] in {"query_run_given_back", "query_run_finished"}
        ]

    def run_sound(self):
        """Run the other query, which shows that the program works as before."""
        self.owe("Sound", 0)
        self.run()
        return next(run.state for run in self.store.latest_runs(9) if run.key.query == "Sound")

    def failed(self):
        """Return the newest run of the failing query."""
        return next(run for run in self.store.latest_runs(9) if run.key.query == "Failing")

    def standing(self):
        return [
            alert.key.rule_id
            for alert in self.store.list_alerts(AlertFilter(), 9)
            if alert.key.kind == "system"
        ]


@pytest.fixture
def works(tmp_path):
    """Make the parts for a failing query: its SQL, and the Python of the rule."""
    opened = []

    def make(sql=LOGINS, python=EVERY_ROW, seconds=MOST_SECONDS, memory="1GiB", grace=0.3):
        folder = tmp_path / "datalake" / "panther_logs" / "logins" / "p_date=2026-01-15"
        folder.mkdir(parents=True)
        rows = {"p_event_time": [(AT - timedelta(minutes=5)).replace(tzinfo=None)], "p_row_id": ["1"]}
        pq.write_table(pa.table(rows), folder / "0.parquet")
        for name, text in (("failing", sql), ("sound", LOGINS)):
            (tmp_path / f"{name}.yml").write_text(QUERY.format(name=name.capitalize(), sql=text))
        (tmp_path / "a_rule.yml").write_text(RULE)
        (tmp_path / "a_rule.py").write_text(python)
        (tmp_path / "runner.toml").write_text(
            f'[workers]\nmemory = "{memory}"\n[limits]\nevaluation_seconds = 0.3\n'
        )
        clock = FrozenClock(AT)
        store = StateStore(settings.load(tmp_path, {}).state_url, clock=clock, events_per_alert=1)
        workers = WorkerPool(1, grace_seconds=grace)
        opened.extend([workers, store])
        made = Works(tmp_path, store, workers, clock, with_timeout(read_catalogue(tmp_path), seconds))
        made.owe("Failing", 0)
        return made

    yield make
    for part in opened:
        part.close()


def with_timeout(catalogue, seconds):
    """Give the failing query a shorter timeout and another dialect than a file can."""
    assert catalogue.errors == ()
    failing = catalogue.queries["Failing"]
    short = replace(
        failing,
        schedule=replace(failing.schedule, timeout_minutes=seconds / 60),
        sql=replace(failing.sql, dialect=Dialect.DUCKDB),
    )
    return replace(catalogue, queries=FrozenMapping({**catalogue.queries, "Failing": short}))


def assert_given_back_then_told(made, state, kind, *, message):
    """Claim that such a failure is tried again, and if it does not pass, is a gap that somebody is told of."""
    first = made.run()
    waiting, told_early = made.failed(), made.standing()
    made.clock.advance(timedelta(minutes=10))
    second = made.run()
    ended = made.failed()

    assert (first, waiting.state, waiting.fault.kind, told_early) == (
        [("query_run_given_back", kind, True)],
        RunState.WAITING,
        kind,
        [],
    )
    assert (second, ended.state, ended.fault.transient) == (
        [("query_run_finished", kind, True)],
        state,
        True,
    )
    assert message in ended.fault.message
    assert made.standing() == ["QUERY_FAILED"]
    reason = GapReason.TIMED_OUT if state is RunState.TIMED_OUT else GapReason.FAILED
    assert made.store.ledger.list_gaps("Failing", 9) == [("Failing", AT, reason)]
    assert made.run_sound() is RunState.SUCCEEDED


def test_a_query_that_takes_too_long_is_interrupted(works):
    made = works(ENDLESS, grace=30)

    assert_given_back_then_told(
        made, RunState.TIMED_OUT, "QueryTimeout", message="interrupted at its deadline"
    )


def test_a_query_that_no_interrupt_stops_is_killed(works):
    made = works(DEAF, seconds=0.5)

    assert_given_back_then_told(made, RunState.TIMED_OUT, "QueryTimeout", message="was killed")


def test_a_query_that_needs_too_much_memory_is_told(works):
    made = works(GREEDY, seconds=60, memory="256MiB")

    assert_given_back_then_told(made, RunState.FAILED, "OutOfMemory", message="memory")


def test_a_worker_that_dies_is_replaced_and_the_run_is_made_again(works):
    made = works(ENDLESS, seconds=60)

    def kill_when_busy():
        while not made.workers.busy:
            pause.wait(0.01)
        os.kill(next(iter(made.workers.busy)), signal.SIGKILL)

    pause = threading.Event()
    killer = threading.Thread(target=kill_when_busy)
    killer.start()
    lines = made.run()
    killer.join()

    assert lines == [("query_run_given_back", "WorkerError", True)]
    assert (made.failed().state, made.standing()) == (RunState.WAITING, [])
    assert made.run_sound() is RunState.SUCCEEDED


@pytest.mark.parametrize(
    ("python", "kind"),
    [
        ("def rule(event):\n    while True: pass\n", "EvaluationTimeout"),
        (DEAF_RULE, "EvaluationTimeout"),
        ("import os\ndef rule(event):\n    os._exit(3)\n", "WorkerDied"),
        ("def rule(event):\n    return len(bytearray(1 << 40)) > 0\n", "MemoryError"),
    ],
    ids=["loops", "loops and does not listen", "ends its process", "takes all memory"],
)
def test_a_rule_that_does_harm_is_an_error_of_the_rule_and_the_run_succeeds(works, python, kind):
    made = works(python=python, seconds=60)

    lines = made.run()

    alerts = made.store.list_alerts(AlertFilter(), 9)
    assert lines == [("query_run_finished", None, None)]
    assert made.failed().state is RunState.SUCCEEDED
    assert [(alert.type, alert.key.dedup) for alert in alerts] == [("SCHEDULED_RULE_ERROR", kind)]


def test_a_query_that_cannot_spill_is_told_and_tried_again(works):
    made = works(SPILLING, seconds=60, memory="256MiB")
    (made.root / ".runner" / "spill").write_text("no folder")

    lines = made.run()

    ((event, kind, transient),) = lines
    assert (event, transient) == ("query_run_given_back", True)
    assert kind in {"UnreadableLake", "OutOfMemory", "WorkerError"}
    assert made.failed().fault.message


def test_a_state_database_that_others_write_to_is_waited_for(works):
    made = works()
    locked = sqlite3.connect(
        made.root / ".runner" / "state.db", isolation_level=None, check_same_thread=False
    )
    locked.execute("BEGIN IMMEDIATE")

    def release():
        while not made.workers.busy and time.monotonic() < deadline:
            pause.wait(0.01)
        locked.execute("COMMIT")

    pause, deadline = threading.Event(), time.monotonic() + 1
    releaser = threading.Thread(target=release)
    releaser.start()
    lines = made.run()
    releaser.join()
    locked.close()

    assert lines == [("query_run_finished", None, None)]
    assert made.failed().state is RunState.SUCCEEDED


class RefusingPipeline:
    """Stands for a pipeline that cannot even write a failure down."""

    def __init__(self, pipeline):
        self._pipeline = pipeline

    def run_scheduled(self, *_):
        raise StoreError("the disk is full")

    def policy_of(self, query):
        return self._pipeline.policy_of(query)


def test_a_run_that_could_not_be_written_down_ends_as_a_gap_that_somebody_is_told_of(works):
    made = works()
    made.in_place_of_pipeline = RefusingPipeline

    for _ in range(2):
        with pytest.raises(StoreError, match="the disk is full"):
            made.executor.run_next()
        made.clock.advance(timedelta(minutes=10))

    assert made.store.ledger.list_gaps("Failing", 9) == [("Failing", AT, GapReason.FAILED)]
    assert (made.failed().fault.kind, made.standing()) == ("StoreError", ["QUERY_FAILED"])
