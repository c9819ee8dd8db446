"""QueryRun: one evaluation of one scheduled query at one reference time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


Reads: TypeAlias = "Mapping[str, Sequence[Sequence[int]]]"
"""The windows of time that an evaluation asked its tables for: table (`db.schema.table`) → pairs of the first and the
last microsecond since 1970. Tables without a time column are left out."""


class RunPurpose(StrEnum):
    """Why a query runs: by its schedule, by hand, or for a report that writes no alerts."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    REPORT = "report"


class RunState(StrEnum):
    """Where a run stands; all but `running` and `waiting` are terminal."""

    RUNNING = "running"
    WAITING = "waiting"
    """An attempt failed or was given up, and another one will be made."""
    SUCCEEDED = "succeeded"
    TRUNCATED = "truncated"
    """It ended at a limit on rows or matches: what it found is stored, and something may be missing."""
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunKey:
    """What makes a run the same run: one row of the state database for each."""

    query: str
    scheduled_for: datetime
    purpose: RunPurpose
    revision: int = 0
    """Rises when the same due time is run again: by hand, or because late data re-opened it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCounts:
    """What a run has seen: rows of the query, bytes of the files read, matches and errors of its rules."""

    rows: int = 0
    bytes: int = 0
    matches: int = 0
    errors: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The right to run a key, won by inserting its row; `attempt` is the fencing token."""

    run_id: str
    key: RunKey
    attempt: int
    started_at: datetime
    """When its first attempt began."""
    start_at: datetime | None = None
    """When it might have begun, for a scheduled run: its due time, and what the settings add to it."""
    is_late: bool = False
    """It was evaluated before, and logs have come since: what is new is marked late."""
    failures: int = 0
    """How many attempts before this one have failed. Those that were interrupted, or lost with the process that
    made them, say nothing of the query."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFault:
    """Why a run did not succeed: the error's class name and its sentence."""

    kind: str
    message: str
    transient: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryRun:
    """A run as it is remembered. Times are UTC."""

    run_id: str
    key: RunKey
    state: RunState
    attempt: int
    started_at: datetime
    ended_at: datetime | None = None
    counts: RunCounts = field(default_factory=RunCounts)
    fault: RunFault | None = None
    stale: str = ""
    """Which tables of the query had no data as new as they should, in sentences; empty if none was so."""
    broken_rules: tuple[str, ...] = ()
    """The rules that could not be loaded, or failed on every row that they were asked about."""
    query_hash: str = ""
    rule_hashes: Mapping[str, str] = field(default_factory=dict)
    """The content hash of each rule that was put to the rows, by rule id."""
    git_commit: str = ""
    """The commit that the definitions were read from, if they lie in a git checkout."""
    start_at: datetime | None = None
    reads: Reads = field(default_factory=dict)
    is_late: bool = False
    """Made because logs had come after the evaluation before."""

    @property
    def lateness_seconds(self) -> float | None:
        """How long after it might have begun a scheduled run did begin; None for others."""
        return None if self.start_at is None else (self.started_at - self.start_at).total_seconds()
