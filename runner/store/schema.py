"""The tables of the state database. A change here needs a migration; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

REVISION = "0001"
"""The newest migration; a database with another one is migrated, or refused if it is newer."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC; SQLite keeps it as text without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any aware moment into UTC."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  the library's signature
        """Return the moment as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


EVALUATED = "purpose = 'scheduled' AND state IN ('succeeded', 'truncated')"
"""Which runs have answered for their due time."""

RUNNING = "state = 'running'"
"""Which runs have begun and not ended."""

_RowId = BigInteger().with_variant(Integer(), "sqlite")

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("query", Text, nullable=False),
    Column("scheduled_for", UtcDateTime, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("start_at", UtcDateTime),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("rows", BigInteger, nullable=False, default=0),
    Column("bytes", BigInteger, nullable=False, default=0),
    Column("matches", BigInteger, nullable=False, default=0),
    Column("errors", BigInteger, nullable=False, default=0),
    Column("query_hash", String(64), nullable=False, default=""),
    Column("rule_hashes", JSON, nullable=False, default=dict),
    Column("git_commit", String(64)),
    Column("fault_kind", Text),
    Column("fault_message", Text),
    Column("fault_transient", Boolean),
    Column("stale", Text),
    Column("broken_rules", JSON, nullable=False, default=list),
    Column("reads", JSON, nullable=False, default=dict),
    Column("is_late", Boolean, nullable=False, default=False),
    UniqueConstraint("query", "scheduled_for", "purpose", "revision"),
    Index(
        "ix_runs_evaluated",
        *("query", "purpose", "scheduled_for", "state", "revision"),
        sqlite_where=text(EVALUATED),
        postgresql_where=text(EVALUATED),
    ),
    Index("ix_runs_running", "query", sqlite_where=text(RUNNING), postgresql_where=text(RUNNING)),
)
"""One row for each run: the latest attempt, its counts, and why it failed.

`start_at` is when a scheduled run might have begun; `started_at` is when its first attempt did. `reads` holds the
windows of time that an evaluation asked its tables for, in microseconds; `is_late` marks one that was made as logs had
come after the one before. The indexes make it cheap to know what was evaluated last, what share of a period, and what
never ended.
"""

attempts = Table(
    "attempts",
    metadata,
    Column("run_id", String(36), ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("state", String(16), nullable=False),
    Column("fault_kind", Text),
    Column("fault_message", Text),
)

run_files = Table(
    "run_files",
    metadata,
    Column("run_id", String(36), ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("document", Text, nullable=False),
)
"""As JSON: which files of the lake a run has read; only for runs that found something."""

definition_texts = Table(
    "definition_texts",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("definition_id", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Index(None, "used_at"),
)
"""The SQL of queries and the Python of rules, in every version by which something was found, by the definition's hash."""

epochs = Table(
    "epochs",
    metadata,
    Column("query", Text, primary_key=True),
    Column("start", UtcDateTime, primary_key=True),
    Column("cron", Text),
    Column("rate_minutes", BigInteger),
    Column("timeout_minutes", BigInteger),
)
"""Since when which schedule holds for a query; without `timeout_minutes` it does not run."""

watermarks = Table(
    "watermarks",
    metadata,
    Column("query", Text, primary_key=True),
    Column("recorded_until", UtcDateTime, nullable=False),
)
"""Up to when each query's due times are in the backlog, in the runs or in the gaps."""

backlog = Table(
    "backlog",
    metadata,
    Column("query", Text, primary_key=True),
    Column("due", UtcDateTime, primary_key=True),
    Column("start_at", UtcDateTime, nullable=False),
    Column("is_live", Boolean, nullable=False),
    Column("run_id", String(36)),
    Column("owner", Text),
    Column("lease_until", UtcDateTime),
    Column("is_late", Boolean, nullable=False, default=False),
    Column("rank", Integer, nullable=False, default=0),
    Column("may_be_skipped", Boolean, nullable=False, default=False),
    Index(None, "start_at"),
    Index(None, "lease_until"),
    Index(None, "is_live", "rank", "due", "query"),
)
"""Due times that are still to be run, or are running: then they have an owner, as long as its lease holds.

`is_late`: it was evaluated before, and logs have come since. `rank` is the priority with its sign turned, so that the
index is in order. `may_be_skipped`: it is a gap if the run before it still ran when it was to start.
"""

gaps = Table(
    "gaps",
    metadata,
    Column("query", Text, primary_key=True),
    Column("due", UtcDateTime, primary_key=True),
    Column("reason", String(16), nullable=False),
    Index(None, "due"),
)
"""Due times that were not evaluated, and why; a gap that is filled is removed."""

good_definitions = Table(
    "good_definitions",
    metadata,
    Column("definition_id", Text, primary_key=True),
    Column("path", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("python_path", Text),
    Column("python_text", Text),
)
"""The last good version of each definition: it goes on if its file is faulty when the daemon is started again."""

definition_faults = Table(
    "definition_faults",
    metadata,
    Column("message", Text, primary_key=True),
    Column("kept", JSON, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)
"""What is wrong with the definitions now, since when, and which of them run on in their last good version."""

daemons = Table(
    "daemons",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("stopped_at", UtcDateTime),
    Column("workers", Integer, nullable=False),
    Column("busy", Integer, nullable=False),
    Column("queries", Integer, nullable=False),
    Column("rules", Integer, nullable=False),
    Column("definitions_at", UtcDateTime, nullable=False),
    Column("troubles", JSON, nullable=False),
)
"""The daemons that work on this database or did, with what each said of itself last.

One is alive until `expires_at`, by the database's clock, unless it has stopped.
"""

query_health = Table(
    "query_health",
    metadata,
    Column("query", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failing_since", UtcDateTime, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("paused_at", UtcDateTime),
    Column("probe_at", UtcDateTime),
    Column("probe_seconds", BigInteger, nullable=False),
)
"""Queries whose last runs failed for good, and how often in a row; those with `paused_at` are paused."""

standing_errors = Table(
    "standing_errors",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("as_of", UtcDateTime, nullable=False),
    Column("alert_id", String(32)),
)
"""The alert that stands for a system error as long as it lasts; without one it is mended, as of that time."""

matches = Table(
    "matches",
    metadata,
    Column("match_id", _RowId, primary_key=True, autoincrement=True),
    Column("rule_id", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("dedup", Text, nullable=False),
    Column("identity", LargeBinary, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("matched_at", UtcDateTime, nullable=False),
    Column("query", Text, nullable=False),
    Column("run_id", String(36), nullable=False),
    Column("occurrences", BigInteger, nullable=False),
    Column("unique_value", Text),
    Column("has_event", Boolean, nullable=False),
    Column("is_late", Boolean, nullable=False, default=False),
    UniqueConstraint("identity", "rule_id", "kind", "ordinal"),
    Index(None, "rule_id", "kind", "dedup", "matched_at"),
    Index(
        "ix_matches_with_event",
        *("rule_id", "kind", "dedup", "matched_at"),
        sqlite_where=text("has_event = 1"),
        postgresql_where=text("has_event"),
    ),
    sqlite_autoincrement=True,
)
"""Every counted match. `matched_at` is the reference time of the earliest run that saw it; `is_late`: it came to light
as its window was evaluated again, for logs that had come late.

Within a run, ids rise in the order of its rows, and no id is ever used again: an alert remembers its first
match by it. The second index makes it cheap to know how many whole rows an alert has.
"""

match_contents = Table(
    "match_contents",
    metadata,
    Column("match_id", _RowId, primary_key=True, autoincrement=False),
    Column("details", Text, nullable=False),
    Column("event", Text),
    Column("summary", Text),
)
"""For every match, as JSON: what the alert says that it may open, for those that have one the whole row, and the
values of its rule's summary attributes.

A table of its own, as this is by far the largest part of a match: here it is written once, straight from the
worker, and what counts matches does not step over it. There is no foreign key: it is written before its match.
"""

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", String(32), primary_key=True),
    Column("rule_id", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("dedup", Text, nullable=False),
    Column("window_start", UtcDateTime, nullable=False),
    Column("window_last", UtcDateTime, nullable=False),
    Column("match_count", BigInteger, nullable=False),
    Column("first_match", BigInteger, nullable=False),
    Column("created_at", UtcDateTime),
    Column("type", String(32), nullable=False),
    Column("title", Text, nullable=False),
    Column("severity", String(8), nullable=False),
    Column("status", String(8), nullable=False),
    Column("description", Text, nullable=False),
    Column("runbook", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("destinations", JSON(none_as_null=True)),
    Column("log_types", JSON(none_as_null=True)),
    Column("run_id", String(36), nullable=False),
    Column("merged_into", String(32)),
    Column("assignee", Text),
    Column("holds_matches", Boolean, nullable=False, server_default=true()),
    Column("held_by", String(32)),
    Column("threshold", BigInteger),
    Column("period_minutes", BigInteger),
    Column("counted_at", UtcDateTime),
    Index(None, "rule_id", "kind", "dedup", "window_start"),
    Index(None, "created_at"),
    Index(None, "severity", "created_at"),
    Index(None, "rule_id", "created_at"),
    Index(None, "status", "created_at"),  # the last: SQLite prefers it then, and open alerts are few
    Index(
        "ix_alerts_assigned",
        *("assignee", "created_at"),
        sqlite_where=text("assignee IS NOT NULL"),
        postgresql_where=text("assignee IS NOT NULL"),
    ),
    Index(
        "ix_alerts_counted",
        *("rule_id", "counted_at"),
        sqlite_where=text("counted_at IS NOT NULL"),
        postgresql_where=text("counted_at IS NOT NULL"),
    ),
    Index(
        "ix_alerts_with_matches",
        "window_last",
        sqlite_where=text("holds_matches = 1"),
        postgresql_where=text("holds_matches"),
    ),
    Index(
        "ix_alerts_without_matches",
        "window_last",
        sqlite_where=text("holds_matches = 0"),
        postgresql_where=text("NOT holds_matches"),
    ),
    Index(
        "ix_alerts_held_by",
        "held_by",
        sqlite_where=text("held_by IS NOT NULL"),
        postgresql_where=text("held_by IS NOT NULL"),
    ),
)
"""The windows of every key. A window without `created_at` has not reached its threshold: no alert yet.

`threshold` and `period_minutes` are those of the rule when the window was folded last; a system error has none.

`holds_matches`: its matches have not been removed for their age. `ix_alerts_with_matches` and
`ix_alerts_without_matches` find what is old. `held_by` is the alert that stands for those beyond a run's limit.
"""

alert_history = Table(
    "alert_history",
    metadata,
    Column("entry_id", _RowId, primary_key=True, autoincrement=True),
    Column("alert_id", String(32), ForeignKey("alerts.alert_id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("status", String(8), nullable=False),
    Column("comment", Text, nullable=False),
    Index(None, "alert_id"),
)
"""Who changed an alert's status, when, and what they said."""

rule_cache = Table(
    "rule_cache",
    metadata,
    Column("key", Text, primary_key=True),
    Column("counter", BigInteger),
    Column("strings", JSON(none_as_null=True)),
    Column("dictionary", Text),
    Column("expires_at", BigInteger),
    Index(None, "expires_at"),
)
"""What rules keep by key, with the helpers of `panther_detection_helpers.caching`; times in seconds since 1970."""


announcements = Table(
    "announcements",
    metadata,
    Column("announcement_id", _RowId, primary_key=True, autoincrement=True),
    Column("alert_id", String(32), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("comment", Text, nullable=False),
    sqlite_autoincrement=True,
)
"""What has happened to alerts and nobody has been chosen to be told of yet."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", _RowId, primary_key=True, autoincrement=True),
    Column("alert_id", String(32), nullable=False),
    Column("destination", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("reason", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("group_id", BigInteger),
    Column("owner", String(64)),
    Column("lease_until", UtcDateTime),
    UniqueConstraint("alert_id", "destination", "sequence"),
    Index(
        "ix_deliveries_waiting",
        *("destination", "next_at"),
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "ix_deliveries_failed",
        *("destination", "delivery_id"),
        sqlite_where=text("state = 'failed'"),
        postgresql_where=text("state = 'failed'"),
    ),
    Index(
        "ix_deliveries_sent",
        *("destination", "ended_at"),
        sqlite_where=text("state = 'sent'"),
        postgresql_where=text("state = 'sent'"),
    ),
    Index(
        "ix_deliveries_members",
        "group_id",
        sqlite_where=text("group_id IS NOT NULL"),
        postgresql_where=text("group_id IS NOT NULL"),
    ),
)
"""The outbox: what each destination is to be told, is told again, and was told."""

threads = Table(
    "threads",
    metadata,
    Column("alert_id", String(32), primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("thread", Text, nullable=False),
)
"""What a destination said about the first message on an alert, so that others can follow it."""

destination_states = Table(
    "destination_states",
    metadata,
    Column("destination", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("retry_at", UtcDateTime),
    Column("last_error", Text),
    Column("last_error_at", UtcDateTime),
    Column("last_sent_at", UtcDateTime),
)
"""How each destination does: how often in a row it has failed, and until when it is left alone."""

silences = Table(
    "silences",
    metadata,
    Column("silence_id", _RowId, primary_key=True, autoincrement=True),
    Column("matcher", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Index(None, "ends_at"),
    sqlite_autoincrement=True,
)
"""Which alerts nobody is told of for a while."""

match_horizons = Table(
    "match_horizons",
    metadata,
    Column("rule_id", Text, primary_key=True),
    Column("closed_until", UtcDateTime, nullable=False),
)
"""Up to when matches of a rule have been removed for their age: none from before is stored any more."""

_workspace = MetaData()
"""Tables that exist for one transaction of one connection; not part of the migrated schema."""

staged = Table(
    "staged_matches",
    _workspace,
    Column("match_id", _RowId, primary_key=True, autoincrement=False),
    Column("rule_id", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("dedup", Text, nullable=False),
    Column("identity", LargeBinary, nullable=False),
    Column("occurrences", BigInteger, nullable=False),
    Column("unique_value", Text),
    Column("has_event", Boolean, nullable=False),
    Column("ordinal", Integer, nullable=False, server_default=text("1")),
    prefixes=["TEMPORARY"],
)
"""The matches of one run, with the ids that they will have if they are new, in the order of its rows."""

recognised = Table(
    "recognised_matches",
    _workspace,
    Column("staged_id", _RowId, primary_key=True, autoincrement=False),
    Column("match_id", _RowId, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("dedup", Text, nullable=False),
    Column("matched_at", UtcDateTime, nullable=False),
    Column("is_late", Boolean, nullable=False),
    prefixes=["TEMPORARY"],
)
"""The staged matches that another run has stored before, with the key and the time they have there.

`is_late`: the run that stored it has the later reference time, so that the match moves to this run.
"""

touched = Table(
    "touched_keys",
    _workspace,
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("rule_id", Text, primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("dedup", Text, primary_key=True),
    Column("base", UtcDateTime, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    prefixes=["TEMPORARY"],
    sqlite_with_rowid=False,
)
"""The keys that gain or lose a match.

Windows are folded again from `base` on, and matches are read from `since` on: a run at the end of its
key's time reads its own matches only, and takes the open window before them as one step.
"""
