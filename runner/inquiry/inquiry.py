"""Inquiry: why there is no alert for a row at a due time, found by the parts that run queries and store alerts."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runner.alerts.alert import AlertKey
from runner.alerts.match import MatchKind
from runner.errors import QueryError, UnusableRow, WorkerError
from runner.inquiry.answer import Answer, QueryAnswer, Reason, RuleAnswer
from runner.inquiry.due_time import due_answer
from runner.inquiry.row_file import time_of, write_result, write_row
from runner.inquiry.standing import rule_answer, silenced
from runner.lake.dialect import other_rows
from runner.lake.freshness import FreshnessLimits
from runner.lake.index.table_file import TABLE_FILE
from runner.lake.log_types import table_name
from runner.lake.table import TableName
from runner.lake.windows import EARLIEST, moment
from runner.pipeline import alert_rules_of
from runner.worker.spool import MatchSpool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from runner.alerts.match import Match
    from runner.clock import Clock
    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.destinations.silence import Silence
    from runner.errors import DetectionError
    from runner.inquiry.answer import DueAnswer
    from runner.lake.dialect.compiler import CompiledQuery
    from runner.lake.duckdb_engine import DuckDBEngine
    from runner.lake.windows import Windows
    from runner.pipeline import Pipeline
    from runner.runs.query_run import QueryRun
    from runner.store.inquiry_store import InquiryStore
    from runner.worker.job import Job, JobOutcome
    from runner.worker.pool import WorkerPool

_RESULT = TableName(database="inquiry", table="result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A row for which somebody misses an alert."""

    query: ScheduledQuery
    row: Mapping[str, Any]
    at: datetime
    """The due time that it should have been found at (aware, UTC)."""
    table: str = ""
    """Which table of the lake the row is of: its name, whole or the last part; empty if that goes without saying."""
    is_result: bool = False
    """The row is one that the query returned, and the query is not asked."""


class Asked(NamedTuple):
    """What the query and the rules made of the row."""

    outcome: JobOutcome
    matches: tuple[Match, ...]


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """Answers questions. Nothing is stored, and rules remember nothing of it if `workers` have a cache of their own."""

    catalogue: Catalogue
    pipeline: Pipeline
    workers: WorkerPool
    engine: DuckDBEngine
    store: InquiryStore
    clock: Clock
    silences: Sequence[Silence] = ()
    """Those that hold now, maintenance windows too."""

    def answer(self, question: Question) -> Answer:
        """Answer a question. Raises `UnusableRow` and `StoreError`."""
        facts = self.store.due_facts(question.query.name, question.at)
        due = due_answer(question.query, facts, question.at, self.clock.now())
        rules = self.catalogue.rules_for(question.query.name)
        with tempfile.TemporaryDirectory(prefix="runner-inquiry-") as folder:
            of_query, asked = self._ask(question, rules, Path(folder))
        answers: tuple[RuleAnswer, ...] = ()
        if asked is not None:
            looked_up = _LookedUp(self, question, facts.run, due, asked, of_query.notes)
            answers = tuple(looked_up.of(rule) for rule in rules)
            if not rules:
                of_query = replace(
                    of_query, reason=Reason.NO_RULE, sentence=f"{of_query.sentence}; no rule listens to it"
                )
        return Answer(query=question.query.name, at=question.at, due=due, of_query=of_query, rules=answers)

    def _ask(
        self, question: Question, rules: Sequence[ScheduledRule], folder: Path
    ) -> tuple[QueryAnswer, Asked | None]:
        """Ask the query; and if it returns the row, the rules."""
        enabled = [rule for rule in rules if rule.enabled]
        job = replace(
            self.pipeline.job_of(question.query, enabled, question.at),
            freshness=FreshnessLimits(),
            result=None,
        )
        try:
            if question.is_result:
                return self._ask_rules(_result_job(job, question.row, folder))
            return self._ask_query(job, question, folder)
        except (QueryError, WorkerError) as error:
            return QueryAnswer(reason=Reason.QUERY_FAILS, sentence=f"the query fails: {error}"), None

    def _ask_rules(self, job: Job) -> tuple[QueryAnswer, Asked]:
        asked = self._run(job)
        sentence = "the query is not asked: the row is one that it returned"
        return QueryAnswer(reason=None, sentence=sentence, rows=asked.outcome.rows), asked

    def _ask_query(self, job: Job, question: Question, folder: Path) -> tuple[QueryAnswer, Asked | None]:
        compiled = self.engine.compile(
            job.sql, dialect=job.dialect, reference=job.reference, library=job.library
        )
        table = _table_of(question, compiled)
        file = folder / "row.parquet"
        unknown = write_row(question.row, self.engine.columns(table), file)
        column = self.engine.time_column(table)
        windows = self.engine.windows(compiled, question.at)[table]
        since, until = _bounds(windows)
        found = QueryAnswer(
            reason=None,
            sentence="",
            row_time=time_of(question.row, column),
            since=since,
            until=until,
            notes=tuple(f"{table.qualified} has no column {name}: it is left out" for name in unknown),
        )
        if column is not None and found.row_time is None:
            sentence = f"the row has no {column}, and a row without a time is seen by no run"
            return replace(found, reason=Reason.NO_TIME, sentence=sentence), None
        if _is_outside(found, windows, question.at):
            return replace(found, reason=Reason.OUTSIDE_WINDOW, sentence=_outside(found, question.at)), None
        asked = self._run(replace(job, lake_index=folder, stand_ins={table: file}))
        return _returned(found, asked.outcome.rows, compiled, table), asked if asked.outcome.rows else None

    def _run(self, job: Job) -> Asked:
        with MatchSpool() as spool:
            outcome = self.workers.run(job, spool)
            return Asked(outcome, tuple(match for batch in spool for match in batch))


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """What there is to say of the rules, once they have been asked."""

    inquiry: Inquiry
    question: Question
    run: QueryRun | None
    due: DueAnswer
    asked: Asked
    notes: Sequence[str]

    def of(self, rule: ScheduledRule) -> RuleAnswer:
        """Return what a rule, and the alerts, make of the row."""
        if not rule.enabled:
            return RuleAnswer(
                rule_id=rule.rule_id, reason=Reason.RULE_DISABLED, sentence="it is disabled, and not asked"
            )
        outcome = self.asked.outcome
        error = next((one for one in outcome.rule_errors if one.rule_id == rule.rule_id), None)
        if error is not None:
            return RuleAnswer(rule_id=rule.rule_id, reason=Reason.RULE_FAILS, sentence=_failure(error))
        own = (one for one in self.asked.matches if one.rule_id == rule.rule_id)
        match = next((one for one in own if one.kind == MatchKind.MATCH), None)
        if match is None:
            return _unmatched(rule, outcome.rows, self.notes)
        key = AlertKey(rule_id=rule.rule_id, kind=match.kind, dedup=match.dedup)
        answer = rule_answer(
            match,
            alert_rules_of(rule, outcome),
            self.inquiry.store.whereabouts(key, match.identity, self.question.at),
            self.due,
            at=self.question.at,
            doubt=self._doubt(rule),
        )
        return silenced(answer, match, rule, self.inquiry.silences, self.inquiry.clock.now())

    def _doubt(self, rule: ScheduledRule) -> str:
        """Return why the run may not have counted what is found now, as half a sentence."""
        if self.run is None:
            return "it has not been run"
        known, asked = self.inquiry.catalogue.fingerprints, self.run.rule_hashes
        if rule.rule_id not in asked:
            return "the rule was not asked then: it was disabled, or not there"
        if self.run.query_hash != known[self.question.query.name]:
            return "the query has been changed since"
        if asked[rule.rule_id] != known[rule.rule_id]:
            return "the rule has been changed since"
        return "the row was not in the lake then, or its matches have been removed for their age (see runner late)"


def _result_job(job: Job, row: Mapping[str, Any], folder: Path) -> Job:
    """Return a job whose query returns just the row, from a lake of its own."""
    table = folder / _RESULT.folder / _RESULT.table
    table.mkdir(parents=True)
    (table / TABLE_FILE).write_text("time_column: null\n", encoding="utf-8")
    write_result(row, table / "row.parquet")
    sql = f"SELECT * FROM {_RESULT.database}.{_RESULT.table}"  # noqa: S608  names of our own
    return replace(job, sql=sql, dialect="duckdb", library={}, lake=folder, lake_index=None)


def _table_of(question: Question, compiled: CompiledQuery) -> TableName:
    """Return which table of the query the row is of. Raises `UnusableRow` if that cannot be told."""
    tables = sorted(compiled.tables)
    wanted = question.table.lower()
    if not wanted:
        log_type = str(question.row.get("p_log_type") or "")
        wanted = table_name(log_type) if log_type and len(tables) > 1 else ""
    found = [one for one in tables if not wanted or wanted in (one.table, one.qualified, one.view)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(one.qualified for one in tables) or "no table"
    raise UnusableRow(
        f"say by --table of which table the row is: the query {question.query.name!r} reads {names}"
    )


def _bounds(windows: Windows | None) -> tuple[datetime | None, datetime | None]:
    if not windows:
        return None, None
    low = windows[0].low
    return None if low == EARLIEST else moment(low), moment(windows[-1].high + 1)


def _is_outside(found: QueryAnswer, windows: Windows | None, at: datetime) -> bool:
    if found.row_time is None or windows is None:
        return False  # a table without time: the query sees it as it is now
    when = found.row_time
    return when >= at or not any(moment(one.low) <= when < moment(one.high + 1) for one in windows)


def _outside(found: QueryAnswer, at: datetime) -> str:
    since = f"from {_written(found.since)} " if found.since else ""
    until = _written(min(found.until or at, at))
    return f"the row's time is {_written(found.row_time)}; the window is {since}to before {until}"


def _returned(found: QueryAnswer, rows: int, compiled: CompiledQuery, table: TableName) -> QueryAnswer:
    needs = [*other_rows.reasons(compiled.sql)]
    if len(compiled.tables) > 1:
        needs.append("it reads other tables, which are taken as they are now")
    notes = (
        *found.notes,
        *(f"the row is looked at alone, and the query needs others: {one}" for one in needs),
    )
    if rows:
        number = f"{rows} row{'' if rows == 1 else 's'}"
        return replace(found, sentence=f"the query returns {number} for it", rows=rows, notes=notes)
    if needs:
        sentence = f"over {table.qualified} with this row alone the query returns nothing: {'; '.join(needs)}"
        return replace(found, reason=Reason.CANNOT_TELL, sentence=sentence)
    sentence = "the row is in the window, and does not meet the query's other conditions"
    return replace(found, reason=Reason.NOT_RETURNED, sentence=sentence)


def _unmatched(rule: ScheduledRule, rows: int, notes: Sequence[str]) -> RuleAnswer:
    said = "rule() returned False" + (f" for each of {rows} rows" if rows > 1 else "")
    alone = [note for note in notes if note.startswith("the row is looked at alone")]
    if alone:
        return RuleAnswer(
            rule_id=rule.rule_id, reason=Reason.CANNOT_TELL, sentence=f"{said}; but {'; '.join(alone)}"
        )
    return RuleAnswer(rule_id=rule.rule_id, reason=Reason.FILTERED, sentence=said)


def _failure(error: DetectionError) -> str:
    return f"{error.function}() raised {error.kind}: {error.message}"


def _written(when: datetime | None) -> str:
    assert when is not None  # noqa: S101  asked for where there is one
    text = when.isoformat(timespec="seconds" if not when.microsecond else "auto")
    return text.replace("+00:00", "Z")
