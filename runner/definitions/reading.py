"""What became of one definition file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from runner.definitions.global_helper import GlobalHelper
from runner.definitions.kind import OtherDefinition
from runner.definitions.scheduled_query import ScheduledQuery
from runner.definitions.scheduled_rule import ScheduledRule

if TYPE_CHECKING:
    from runner.definitions.findings import Finding
    from runner.definitions.kind import Kind
    from runner.definitions.location import Location

Definition: TypeAlias = ScheduledQuery | ScheduledRule | GlobalHelper | OtherDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One file that was taken for a definition: what it defines, or None, and everything found on the way.

    `definition_id` is known as soon as the id can be read, even if the rest is wrong, so that a broken query is not
    also reported as unknown. `listens_to` holds the queries that a rule names, and where.
    """

    location: Location
    findings: tuple[Finding, ...]
    kind: Kind | None = None
    definition_id: str | None = None
    definition: Definition | None = None
    listens_to: tuple[tuple[str, Location], ...] = ()
    text: str = ""
