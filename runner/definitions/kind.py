"""The kinds of definition that Panther knows, and the ones that are only counted here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from runner.definitions.location import Location


class Kind(StrEnum):
    """What `AnalysisType` says a file defines; `id_key` is the key that holds its id.

    Ids of all kinds share one namespace, as Panther's do.
    """

    id_key: str

    def __new__(cls, value: str, id_key: str) -> Self:  # noqa: D102 - the class docstring covers it
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.id_key = id_key
        return kind

    SCHEDULED_QUERY = "scheduled_query", "QueryName"
    SCHEDULED_RULE = "scheduled_rule", "RuleID"
    GLOBAL = "global", "GlobalID"
    RULE = "rule", "RuleID"
    CORRELATION_RULE = "correlation_rule", "RuleID"
    POLICY = "policy", "PolicyID"
    DATA_MODEL = "datamodel", "DataModelID"
    SAVED_QUERY = "saved_query", "QueryName"
    LOOKUP_TABLE = "lookup_table", "LookupName"
    PACK = "pack", "PackID"
    SCHEDULED_PROMPT = "scheduled_prompt", "PromptName"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherDefinition:
    """A definition of a kind that is recognised and counted, and not run."""

    kind: Kind
    definition_id: str | None
    location: Location
