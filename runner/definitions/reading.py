"""What became of one definition file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from runner.definitions.correlation_rule import CorrelationRule
    from runner.definitions.data_model import DataModel
    from runner.definitions.derived_rule import DerivedRule
    from runner.definitions.findings import Finding
    from runner.definitions.global_helper import GlobalHelper
    from runner.definitions.kind import Kind, OtherDefinition
    from runner.definitions.location import Location
    from runner.definitions.lookup_table import LookupTable
    from runner.definitions.pack import Pack
    from runner.definitions.policy import Policy
    from runner.definitions.python_source import PythonSource
    from runner.definitions.saved_query import SavedQuery
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.definitions.stream_rule import StreamRule
    from runner.errors import DefinitionError

    Definition: TypeAlias = (
        ScheduledQuery
        | ScheduledRule
        | GlobalHelper
        | StreamRule
        | DerivedRule
        | Policy
        | DataModel
        | SavedQuery
        | LookupTable
        | CorrelationRule
        | Pack
        | OtherDefinition
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One file that was taken for a definition: what it defines, or None, and everything found on the way.

    `definition_id` is known as soon as the id can be read, even if the rest is wrong, so that a broken query is not
    also reported as unknown. `names` holds the ids that the definition names, and where: of a rule its queries, of a
    correlation rule its rules, of a pack what is in it.
    """

    location: Location
    findings: tuple[Finding, ...]
    kind: Kind | None = None
    definition_id: str | None = None
    definition: Definition | None = None
    names: tuple[tuple[str, Location], ...] = ()
    outputs: tuple[tuple[str, Location], ...] = ()
    """The destinations in `OutputIds`, and where."""
    refused: tuple[DefinitionError, ...] = ()
    """What Panther's own tool refuses and we do not."""
    text: str = ""


def python_of(reading: Reading) -> PythonSource | None:
    """Return the Python half of what a file defines, if it has one."""
    python: PythonSource | None = getattr(reading.definition, "python", None)
    return python
