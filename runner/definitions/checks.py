"""What only the whole set of definitions can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.definitions.codes import Code
from runner.definitions.fields import suggestion
from runner.definitions.kind import Kind
from runner.definitions.notice import Notice
from runner.errors import DuplicateDefinition, UnknownReference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runner.definitions.reading import Reading
    from runner.errors import DefinitionError

_SUGGESTIONS = 20
"""How many unknown names are compared with all known ones: after a mass renaming it would take minutes."""


def without_duplicates(readings: Iterable[Reading]) -> tuple[list[Reading], list[DefinitionError]]:
    """Return the readings whose id nobody before them claims, and an error for each of the others.

    Ids of all kinds share one namespace, as Panther's do, and are compared as they are written. A definition that is
    wrong in other ways claims its id all the same.
    """
    first: dict[str, Reading] = {}
    kept: list[Reading] = []
    errors: list[DefinitionError] = []
    for reading in readings:
        claimed = first.get(reading.definition_id) if reading.definition_id else None
        if claimed is not None:
            errors.append(_duplicate(reading, claimed))
            continue
        if reading.definition_id:
            first[reading.definition_id] = reading
        kept.append(reading)
    return kept, errors


def _duplicate(reading: Reading, claimed: Reading) -> DefinitionError:
    kind = "another definition" if claimed.kind is None else f"the {claimed.kind.replace('_', ' ')}"
    message = f"the id '{reading.definition_id}' already belongs to {kind} at {claimed.location}"
    return DuplicateDefinition(message, reading.location, Code.DUPLICATE_ID)


def unknown_queries(readings: Sequence[Reading]) -> Iterator[DefinitionError]:
    """Yield an error for each name in a rule's `ScheduledQueries` that no scheduled query has.

    A query that is disabled, or wrong in itself, is known.
    """
    names = dict.fromkeys(_query_names(readings))
    unknown = [found for reading in readings for found in reading.listens_to if found[0] not in names]
    for number, (name, where) in enumerate(unknown):
        hint = suggestion(name, names) if number < _SUGGESTIONS else ""
        yield UnknownReference(f"there is no scheduled query '{name}'{hint}", where, Code.UNKNOWN_QUERY)


def unheard_queries(readings: Sequence[Reading]) -> Iterator[Notice]:
    """Yield a notice for each scheduled query that no rule listens to."""
    heard = {name for reading in readings for name, _ in reading.listens_to}
    for reading in readings:
        if reading.kind is Kind.SCHEDULED_QUERY and reading.definition and reading.definition_id not in heard:
            message = f"no rule listens to the query '{reading.definition_id}'"
            yield Notice(Code.UNHEARD_QUERY, message, reading.location)


def _query_names(readings: Iterable[Reading]) -> list[str]:
    return [
        reading.definition_id
        for reading in readings
        if reading.kind is Kind.SCHEDULED_QUERY and reading.definition_id
    ]
