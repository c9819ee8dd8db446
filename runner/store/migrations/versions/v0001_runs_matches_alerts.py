"""Runs with their attempts, what queries owe, matches, alerts with their history, and what rules remember."""

import sqlalchemy as sa
from alembic import op

from runner.store.schema import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the first tables."""
    _create_runs()
    _create_ledger()
    _create_definitions()
    _create_daemons()
    _create_matches()
    _create_alerts()
    _create_health()
    _create_rule_cache()
    _create_outbox()


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("scheduled_for", UtcDateTime, nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("start_at", UtcDateTime),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("matches", sa.BigInteger, nullable=False),
        sa.Column("errors", sa.BigInteger, nullable=False),
        sa.Column("query_hash", sa.String(64), nullable=False),
        sa.Column("rule_hashes", sa.JSON, nullable=False),
        sa.Column("git_commit", sa.String(64)),
        sa.Column("fault_kind", sa.Text),
        sa.Column("fault_message", sa.Text),
        sa.Column("fault_transient", sa.Boolean),
        sa.Column("stale", sa.Text),
        sa.Column("broken_rules", sa.JSON, nullable=False),
        sa.Column("reads", sa.JSON, nullable=False),
        sa.Column("is_late", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
        sa.UniqueConstraint(
            "query",
            "scheduled_for",
            "purpose",
            "revision",
            name="uq_runs_query_scheduled_for_purpose_revision",
        ),
    )
    evaluated = sa.text("purpose = 'scheduled' AND state IN ('succeeded', 'truncated')")
    op.create_index(
        "ix_runs_evaluated",
        "runs",
        ["query", "purpose", "scheduled_for", "state", "revision"],
        sqlite_where=evaluated,
        postgresql_where=evaluated,
    )
    running = sa.text("state = 'running'")
    op.create_index("ix_runs_running", "runs", ["query"], sqlite_where=running, postgresql_where=running)
    op.create_table(
        "attempts",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("fault_kind", sa.Text),
        sa.Column("fault_message", sa.Text),
        sa.PrimaryKeyConstraint("run_id", "attempt", name="pk_attempts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_attempts_run_id", ondelete="CASCADE"),
    )
    op.create_table(
        "run_files",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_files"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_run_files_run_id", ondelete="CASCADE"),
    )


def _create_ledger() -> None:
    op.create_table(
        "epochs",
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("start", UtcDateTime, nullable=False),
        sa.Column("cron", sa.Text),
        sa.Column("rate_minutes", sa.BigInteger),
        sa.Column("timeout_minutes", sa.BigInteger),
        sa.PrimaryKeyConstraint("query", "start", name="pk_epochs"),
    )
    op.create_table(
        "watermarks",
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("recorded_until", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("query", name="pk_watermarks"),
    )
    op.create_table(
        "backlog",
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("due", UtcDateTime, nullable=False),
        sa.Column("start_at", UtcDateTime, nullable=False),
        sa.Column("is_live", sa.Boolean, nullable=False),
        sa.Column("run_id", sa.String(36)),
        sa.Column("owner", sa.Text),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("is_late", sa.Boolean, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("may_be_skipped", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("query", "due", name="pk_backlog"),
    )
    op.create_index("ix_backlog_start_at", "backlog", ["start_at"])
    op.create_index("ix_backlog_lease_until", "backlog", ["lease_until"])
    op.create_index("ix_backlog_is_live_rank_due_query", "backlog", ["is_live", "rank", "due", "query"])
    op.create_table(
        "gaps",
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("due", UtcDateTime, nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("query", "due", name="pk_gaps"),
    )
    op.create_index("ix_gaps_due", "gaps", ["due"])


def _create_definitions() -> None:
    op.create_table(
        "good_definitions",
        sa.Column("definition_id", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("python_path", sa.Text),
        sa.Column("python_text", sa.Text),
        sa.PrimaryKeyConstraint("definition_id", name="pk_good_definitions"),
    )
    op.create_table(
        "definition_faults",
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("kept", sa.JSON, nullable=False),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("message", name="pk_definition_faults"),
    )
    op.create_table(
        "definition_texts",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("definition_id", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("used_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_definition_texts"),
    )
    op.create_index("ix_definition_texts_used_at", "definition_texts", ["used_at"])


def _create_daemons() -> None:
    op.create_table(
        "daemons",
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("beat_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("stopped_at", UtcDateTime),
        sa.Column("workers", sa.Integer, nullable=False),
        sa.Column("busy", sa.Integer, nullable=False),
        sa.Column("queries", sa.Integer, nullable=False),
        sa.Column("rules", sa.Integer, nullable=False),
        sa.Column("definitions_at", UtcDateTime, nullable=False),
        sa.Column("troubles", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_daemons"),
    )


def _create_matches() -> None:
    op.create_table(
        "matches",
        sa.Column("match_id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("dedup", sa.Text, nullable=False),
        sa.Column("identity", sa.LargeBinary, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("matched_at", UtcDateTime, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("occurrences", sa.BigInteger, nullable=False),
        sa.Column("unique_value", sa.Text),
        sa.Column("has_event", sa.Boolean, nullable=False),
        sa.Column("is_late", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("match_id", name="pk_matches"),
        sa.UniqueConstraint(
            "identity", "rule_id", "kind", "ordinal", name="uq_matches_identity_rule_id_kind_ordinal"
        ),
        sqlite_autoincrement=True,
    )
    key_and_time = ["rule_id", "kind", "dedup", "matched_at"]
    op.create_index("ix_matches_rule_id_kind_dedup_matched_at", "matches", key_and_time)
    op.create_index(
        "ix_matches_with_event",
        "matches",
        key_and_time,
        sqlite_where=sa.text("has_event = 1"),
        postgresql_where=sa.text("has_event"),
    )
    op.create_table(
        "match_contents",
        sa.Column("match_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("event", sa.Text),
        sa.Column("summary", sa.Text),
        sa.PrimaryKeyConstraint("match_id", name="pk_match_contents"),
    )


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.String(32), nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("dedup", sa.Text, nullable=False),
        sa.Column("window_start", UtcDateTime, nullable=False),
        sa.Column("window_last", UtcDateTime, nullable=False),
        sa.Column("match_count", sa.BigInteger, nullable=False),
        sa.Column("first_match", sa.BigInteger, nullable=False),
        sa.Column("created_at", UtcDateTime),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("severity", sa.String(8), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("runbook", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("destinations", sa.JSON),
        sa.Column("log_types", sa.JSON),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("merged_into", sa.String(32)),
        sa.Column("assignee", sa.Text),
        sa.Column("holds_matches", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("held_by", sa.String(32)),
        sa.Column("threshold", sa.BigInteger),
        sa.Column("period_minutes", sa.BigInteger),
        sa.Column("counted_at", UtcDateTime),
        sa.PrimaryKeyConstraint("alert_id", name="pk_alerts"),
    )
    op.create_index(
        "ix_alerts_rule_id_kind_dedup_window_start", "alerts", ["rule_id", "kind", "dedup", "window_start"]
    )
    op.create_index("ix_alerts_created_at", "alerts", ["created_at"])
    for column in ("severity", "rule_id", "status"):
        op.create_index(f"ix_alerts_{column}_created_at", "alerts", [column, "created_at"])
    assigned = sa.text("assignee IS NOT NULL")
    op.create_index(
        "ix_alerts_assigned",
        "alerts",
        ["assignee", "created_at"],
        sqlite_where=assigned,
        postgresql_where=assigned,
    )
    was_counted = sa.text("counted_at IS NOT NULL")
    op.create_index(
        "ix_alerts_counted",
        "alerts",
        ["rule_id", "counted_at"],
        sqlite_where=was_counted,
        postgresql_where=was_counted,
    )
    op.create_index(
        "ix_alerts_with_matches",
        "alerts",
        ["window_last"],
        sqlite_where=sa.text("holds_matches = 1"),
        postgresql_where=sa.text("holds_matches"),
    )
    op.create_index(
        "ix_alerts_without_matches",
        "alerts",
        ["window_last"],
        sqlite_where=sa.text("holds_matches = 0"),
        postgresql_where=sa.text("NOT holds_matches"),
    )
    is_held = sa.text("held_by IS NOT NULL")
    op.create_index(
        "ix_alerts_held_by", "alerts", ["held_by"], sqlite_where=is_held, postgresql_where=is_held
    )
    op.create_table(
        "alert_history",
        sa.Column("entry_id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("alert_id", sa.String(32), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name="pk_alert_history"),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.alert_id"], name="fk_alert_history_alert_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_alert_history_alert_id", "alert_history", ["alert_id"])


def _create_health() -> None:
    op.create_table(
        "query_health",
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", UtcDateTime, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("paused_at", UtcDateTime),
        sa.Column("probe_at", UtcDateTime),
        sa.Column("probe_seconds", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("query", name="pk_query_health"),
    )
    op.create_table(
        "standing_errors",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("as_of", UtcDateTime, nullable=False),
        sa.Column("alert_id", sa.String(32)),
        sa.PrimaryKeyConstraint("kind", "subject", name="pk_standing_errors"),
    )
    op.create_table(
        "match_horizons",
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("closed_until", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("rule_id", name="pk_match_horizons"),
    )


def _create_rule_cache() -> None:
    op.create_table(
        "rule_cache",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("counter", sa.BigInteger),
        sa.Column("strings", sa.JSON),
        sa.Column("dictionary", sa.Text),
        sa.Column("expires_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("key", name="pk_rule_cache"),
    )
    op.create_index("ix_rule_cache_expires_at", "rule_cache", ["expires_at"])


def _create_outbox() -> None:
    op.create_table(
        "announcements",
        sa.Column("announcement_id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("alert_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("announcement_id", name="pk_announcements"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("alert_id", sa.String(32), nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("next_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("group_id", sa.BigInteger),
        sa.Column("owner", sa.String(64)),
        sa.Column("lease_until", UtcDateTime),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_deliveries"),
        sa.UniqueConstraint(
            "alert_id", "destination", "sequence", name="uq_deliveries_alert_id_destination_sequence"
        ),
    )
    for state, column in (("waiting", "next_at"), ("failed", "delivery_id"), ("sent", "ended_at")):
        is_so = sa.text(f"state = '{state}'")
        op.create_index(
            f"ix_deliveries_{state}",
            "deliveries",
            ["destination", column],
            sqlite_where=is_so,
            postgresql_where=is_so,
        )
    has_group = sa.text("group_id IS NOT NULL")
    op.create_index(
        "ix_deliveries_members",
        "deliveries",
        ["group_id"],
        sqlite_where=has_group,
        postgresql_where=has_group,
    )
    op.create_table(
        "threads",
        sa.Column("alert_id", sa.String(32), nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("thread", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "destination", name="pk_threads"),
    )
    op.create_table(
        "destination_states",
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("retry_at", UtcDateTime),
        sa.Column("last_error", sa.Text),
        sa.Column("last_error_at", UtcDateTime),
        sa.Column("last_sent_at", UtcDateTime),
        sa.PrimaryKeyConstraint("destination", name="pk_destination_states"),
    )
    op.create_table(
        "silences",
        sa.Column("silence_id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("matcher", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("starts_at", UtcDateTime, nullable=False),
        sa.Column("ends_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("silence_id", name="pk_silences"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_silences_ends_at", "silences", ["ends_at"])
