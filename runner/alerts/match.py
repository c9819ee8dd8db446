"""A match: one row that a rule found, or the errors that a rule raised in one run."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class MatchKind(StrEnum):
    """Matches and rule errors are counted apart: they never share an alert."""

    MATCH = "match"
    ERROR = "error"


class Match(NamedTuple):
    """One counted match, as a worker hands it on. A plain tuple: there may be millions of them."""

    rule_id: str
    kind: str
    """A `MatchKind`."""
    dedup: str
    identity: bytes
    """16 bytes. Equal for the same event in another run; see `runner.worker.identity`."""
    occurrences: int
    """1 for a match; the number of rows on which the rule failed for an error."""
    unique_value: str | None
    """What the rule's `unique` function returned, if it has one."""
    details: str
    """JSON: what the alert says if this match is the first of its window; see `AlertDetails`."""
    event: str | None
    """JSON of the row; only for the first few matches of a dedup string in a run."""
    summary: str | None = None
    """JSON of the values of the rule's summary attributes, attribute → list of texts; None if it has none."""
