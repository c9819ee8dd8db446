"""What follows from a run that failed for good: how many failures pause its query, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.definitions.fingerprint import digest
from runner.lake import table

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from runner.definitions.catalogue import Catalogue


@dataclass(frozen=True, kw_only=True, slots=True)
class FailurePolicy:
    """What the settings and the definitions say about a query that fails."""

    place: str
    """Where the query is defined, as `file:line:column`."""
    fingerprint: str
    """See `fingerprint_of`: failures count together as long as it stays the same."""
    pause_after: int
    """How many failures in a row pause the query; 0: none do."""
    probe_after: timedelta
    """How long after its last trial a paused query is tried again."""


def fingerprint_of(catalogue: Catalogue, query: str, lake: Path) -> str:
    """Return a digest of what a query's failure can depend on: its definition, its rules', the lake's tables."""
    rules = [catalogue.fingerprints[rule.rule_id] for rule in catalogue.rules_for(query) if rule.enabled]
    return digest(catalogue.fingerprints[query], *rules, *table.declared(lake))
