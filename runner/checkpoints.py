"""Checkpoints: the named points in the life of a daemon at which a test may end it.

What is handed in from `runner daemon` does nothing there. A crash test hands in one that kills the process at the
n-th time of a point; so each name stands for one claim: whoever dies here loses nothing and doubles nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Checkpoint(StrEnum):
    """Every point, each of which stands at one place in the program; a test holds the two equal."""

    # The start
    LOCK_TAKEN = "lock taken, state not opened"
    MIGRATION_BEGINS = "schema about to be made or migrated"
    MIGRATION_UNCOMMITTED = "schema made, not committed"
    STATE_OPENED = "state opened"
    LOST_CLAIMS_RELEASED = "claims of a dead daemon released"
    DEFINITIONS_READ = "definitions read, not yet planned"
    DAEMON_READY = "about to begin work"
    # Due times
    EPOCHS_BEGIN = "epochs about to be recorded"
    EPOCHS_UNCOMMITTED = "epochs recorded, not committed"
    EPOCHS_RECORDED = "epochs committed"
    DUE_BEGINS = "due times about to be recorded"
    DUE_UNCOMMITTED = "due times recorded, not committed"
    DUE_RECORDED = "due times committed"
    # Claims
    CLAIM_BEGINS = "claim about to be made"
    CLAIM_UNCOMMITTED = "claim made, not committed"
    CLAIM_COMMITTED = "claim committed"
    RETRY_BEGINS = "another attempt claimed, not begun"
    LEASES_UNCOMMITTED = "leases extended, not committed"
    LEASES_EXTENDED = "leases extended"
    # The parent's side of a job
    JOB_BEGINS = "job about to be sent"
    JOB_SENT = "job sent"
    WORKER_LOOKED_AT = "waiting for the worker"
    MATCHES_SPOOLED = "batch of matches spooled"
    OUTCOME_READ = "outcome read"
    # The worker's side of a job
    JOB_RECEIVED = "worker: job received"
    RULES_LOADED = "worker: rules loaded"
    QUERY_BEGINS = "worker: query about to be answered"
    BATCH_FETCHED = "worker: batch of rows fetched"
    BATCH_EVALUATED = "worker: batch of rows evaluated"
    MATCHES_HANDED_OVER = "worker: matches handed over"
    EVALUATION_ENDED = "worker: outcome not handed over"
    # The commit
    COMMIT_BEGINS = "outcome about to be stored"
    RUN_ENDED = "in the commit: run ended"
    SPOOL_READ = "in the commit: batch of matches read"
    MATCHES_STAGED = "in the commit: matches staged"
    MATCHES_STORED = "in the commit: matches stored, no alert folded"
    ALERTS_FOLDED = "in the commit: a part of the alerts folded"
    COMMIT_ENDS = "in the commit: all done, not committed"
    COMMITTED = "outcome committed"
    # Runs that did not succeed
    GIVE_BACK_BEGINS = "run about to be given back"
    GIVE_BACK_UNCOMMITTED = "run given back, not committed"
    GIVEN_BACK = "run given back"
    FAILURE_BEGINS = "failure about to be written down"
    FAILURE_UNCOMMITTED = "failure written down, not committed"
    FAILED = "failure written down"
    GAP_CLAIMED = "gap claimed to be filled"
    # Reload and stop
    RELOAD_BEGINS = "definitions read again, not swapped"
    RELOAD_SWAPPED = "definitions swapped, not yet planned"
    RELOADED = "definitions swapped and planned"
    DRAIN_BEGINS = "told to stop"
    DRAIN_INTERRUPTS = "runs about to be interrupted"
    DRAINED = "runs ended or given back"


class Checkpoints:
    """What is told of every point that is reached. Goes to worker processes too, so it can be pickled."""

    def reached(self, point: Checkpoint) -> None:
        """Do nothing."""


NO_CHECKPOINTS: Final = Checkpoints()
"""What the program is given unless a test hands in its own; it holds no state."""
