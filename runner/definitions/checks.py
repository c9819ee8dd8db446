"""What only the whole set of definitions can show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from runner.definitions.codes import Code
from runner.definitions.fields import suggestion
from runner.definitions.kind import Kind
from runner.definitions.notice import Notice
from runner.errors import DuplicateDefinition, UnknownReference

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from runner.definitions.data_model import DataModel
    from runner.definitions.location import Location
    from runner.definitions.reading import Reading
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.errors import DefinitionError

_RULES = (Kind.RULE, Kind.SCHEDULED_RULE, Kind.CORRELATION_RULE)
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
    known = _query_names(readings)
    for name, where, hint in _unknown(readings, Kind.SCHEDULED_RULE, known):
        yield UnknownReference(f"there is no scheduled query '{name}'{hint}", where, Code.UNKNOWN_QUERY)


def unheard_queries(readings: Sequence[Reading]) -> Iterator[Notice]:
    """Yield a notice for each scheduled query that no rule listens to."""
    heard = {name for reading in readings if reading.kind is Kind.SCHEDULED_RULE for name, _ in reading.names}
    for reading in readings:
        if reading.kind is not Kind.SCHEDULED_QUERY or reading.definition is None:
            continue
        query = cast("ScheduledQuery", reading.definition)
        if query.name not in heard and not query.email:
            message = f"no rule listens to the query '{reading.definition_id}'"
            yield Notice(Code.UNHEARD_QUERY, message, reading.location)


def unknown_pack_items(readings: Sequence[Reading]) -> Iterator[DefinitionError]:
    """Yield an error for each id in a pack that no definition has."""
    known = [reading.definition_id for reading in readings if reading.definition_id]
    for name, where, hint in _unknown(readings, Kind.PACK, known):
        yield UnknownReference(f"there is no definition '{name}'{hint}", where, Code.UNKNOWN_PACK_ITEM)


def unknown_subrules(readings: Sequence[Reading]) -> Iterator[Notice]:
    """Yield a notice for each rule that a correlation rule names and nobody wrote."""
    known = [
        reading.definition_id for reading in readings if reading.kind in _RULES and reading.definition_id
    ]
    for name, where, hint in _unknown(readings, Kind.CORRELATION_RULE, known):
        yield Notice(Code.UNKNOWN_SUBRULE, f"there is no rule '{name}' to match{hint}", where)


def unknown_destinations(readings: Iterable[Reading], known: Collection[str]) -> Iterator[Notice]:
    """Yield a notice for each destination in `OutputIds` that is not among the known names and ids."""
    for reading in readings:
        for name, where in reading.outputs:
            if name not in known:
                message = f"there is no destination '{name}'{suggestion(name, known)}"
                yield Notice(Code.UNKNOWN_DESTINATION, message, where)


def second_data_models(readings: Iterable[Reading]) -> tuple[list[Reading], list[DefinitionError]]:
    """Return the readings without the enabled data models for a log type that has one before, and their errors."""
    first: dict[str, Reading] = {}
    kept: list[Reading] = []
    errors: list[DefinitionError] = []
    for reading in readings:
        taken = _modelled(reading)
        clashes = [log_type for log_type in taken if log_type in first]
        for log_type in clashes:
            message = (
                f"the log type '{log_type}' already has an enabled data model at {first[log_type].location}"
            )
            errors.append(DuplicateDefinition(message, reading.location, Code.SECOND_DATA_MODEL))
        first.update({log_type: reading for log_type in taken if log_type not in first})
        kept.append(replace(reading, definition=None) if clashes else reading)
    return kept, errors


def _modelled(reading: Reading) -> tuple[str, ...]:
    """Return the log types that an enabled data model is for; none if it is something else."""
    if reading.kind is not Kind.DATA_MODEL or reading.definition is None:
        return ()
    model = cast("DataModel", reading.definition)
    return model.log_types if model.enabled else ()


def _unknown(
    readings: Sequence[Reading], kind: Kind, known: Iterable[str]
) -> Iterator[tuple[str, Location, str]]:
    """Yield each name that definitions of a kind give and is not known, with its place and a suggestion."""
    known = dict.fromkeys(known)
    names = (found for reading in readings if reading.kind is kind for found in reading.names)
    unknown = [found for found in names if found[0] not in known]
    for number, (name, where) in enumerate(unknown):
        yield name, where, suggestion(name, known) if number < _SUGGESTIONS else ""


def _query_names(readings: Iterable[Reading]) -> list[str]:
    return [
        reading.definition_id
        for reading in readings
        if reading.kind is Kind.SCHEDULED_QUERY and reading.definition_id
    ]
