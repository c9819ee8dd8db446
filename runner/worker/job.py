"""What a worker is asked to do, and what it answers. All of it is plain data that can be pickled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from runner.lake.freshness import FreshnessLimits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from runner.definitions.lookup_table import LookupTable
    from runner.definitions.python_source import PythonSource
    from runner.definitions.severity import Severity
    from runner.errors import DetectionError, RunnerError
    from runner.lake.database.address import DatabaseAddress
    from runner.lake.files_read import FilesRead
    from runner.lake.freshness import TableAge
    from runner.lake.table import TableName
    from runner.runs.query_result import QueryResult, ResultLimits
    from runner.runs.query_run import Reads


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleJob:
    """A rule that is put to the rows of a query."""

    rule_id: str
    source: PythonSource
    severity: Severity
    display_name: str = ""
    identity: tuple[str, ...] = ()
    """The columns that tell this rule's events apart, if the settings name some."""
    summary_attributes: tuple[str, ...] = ()
    """The fields whose values are counted over an alert's matches."""
    counts_again: bool = False
    """An event counts in every run that returns it (`rematch = "count"`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobLimits:
    """What a job may use: `memory` in bytes, `seconds` until its deadline."""

    memory: int
    seconds: float
    evaluation_seconds: float
    rows: int
    matches: int
    events_per_alert: int
    files: int = 100
    """How many of the files that were read are named, of each table."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One run of one query with its rules, at a reference time (aware, UTC)."""

    query: str
    sql: str
    dialect: str
    reference: datetime
    lake: Path
    lake_index: Path | None = None
    """The folder of the lake's index; None for one that is forgotten with the worker."""
    database: DatabaseAddress | None = None
    """The database that the query goes to; None for the lake."""
    spill: Path
    root: Path
    """The project folder: what the paths of the rules' Python are relative to."""
    rules: tuple[RuleJob, ...]
    helpers: Mapping[str, PythonSource]
    limits: JobLimits
    library: Mapping[str, str] = field(default_factory=dict)
    """The texts of the saved queries, by name, if the query is a template: it may import from them."""
    freshness: FreshnessLimits = field(default_factory=FreshnessLimits)
    result: ResultLimits | None = None
    """How much of the rows is to be brought home; None: nothing."""
    destinations: Mapping[str, str] | None = None
    """Name → id of the destinations that rules may name; None if there are none, and then any name will do."""
    lookup_tables: tuple[LookupTable, ...] = ()
    """What `event.lookup` finds rows in; a table's file is read when a rule first asks for it."""
    stand_ins: Mapping[TableName, Path] = field(default_factory=dict)
    """Files of one table each, in the index's folder, that are read in place of the lake's: to ask about other rows."""
    blamed: Mapping[str, DetectionError] = field(default_factory=dict)
    """The rules that ended a worker, by id: they are not asked, and this is their error."""

    def spill_of(self, pid: int) -> Path:
        """Return the folder for what the query of one worker process cannot hold in memory."""
        return self.spill / str(pid)

    def blaming(self, error: DetectionError) -> Job:
        """Return the same job, with one more rule that is not asked."""
        return replace(self, blamed={**self.blamed, error.rule_id: error})


@dataclass(frozen=True, kw_only=True, slots=True)
class JobOutcome:
    """How a job went, once all its matches have been handed over."""

    rows: int = 0
    bytes: int = 0
    matches: int = 0
    errors: int = 0
    """On how many rows a rule failed, all rules together."""
    truncated: str = ""
    """Which limit ended the job early, in a sentence; empty if none did."""
    rule_errors: tuple[DetectionError, ...] = ()
    """The first error of each kind of each rule."""
    broken_rules: tuple[str, ...] = ()
    """The rules that could not be loaded, or failed on every row that they were asked about."""
    ages: tuple[TableAge, ...] = ()
    """How old the tables of the query are that have a limit."""
    files: FilesRead | None = None
    """What was read, if anything was found that may have to be accounted for."""
    reads: Reads = field(default_factory=dict)
    counts_unique: frozenset[str] = frozenset()
    """The rules that define `unique`."""
    result: QueryResult | None = None
    """The rows, if they were asked for."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """CPU seconds by phase: `fetch`, `evaluate`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFailure:
    """The job could not be done."""

    error: RunnerError


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleHarm:
    """A rule has left its process unfit for other rules: the job has to be done elsewhere, without it."""

    error: DetectionError


Answer: TypeAlias = JobOutcome | JobFailure | RuleHarm
"""How a job ends."""
