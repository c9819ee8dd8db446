"""The keys that Panther gives definitions, and what each of them holds: what all have in common, rules and helpers.

The models here, and in the modules named after the other kinds (`query_keys`, `policy_keys`, …), are the YAML's own shape; a key that is left out has an empty value, since Panther
refuses keys that are given nothing. Faults are told by `fields`, in plain sentences; the values that the rest of the
program works with are in `scheduled_query`, `scheduled_rule`, `stream_rule` and their neighbours.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic.alias_generators import to_pascal

from runner.definitions.rule import DEFAULT_DEDUP_MINUTES

ITEMS = Strict(strict=False)
"""For lists: strict in their items only, because YAML's lists are not tuples."""
Texts = Annotated[tuple[str, ...], ITEMS]
Reports = dict[str, Annotated[tuple[str | int | float, ...], ITEMS]]


class Keys(BaseModel):
    """A mapping with known keys, spelt as Panther spells them, and no others.

    A model is built when it is first used: a command that reads one kind of definition does not wait for the others.
    """

    turning: ClassVar[tuple[str, ...]] = ()
    """Keys that would make the mapping one of another type: what an unknown key may have meant."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_pascal, defer_build=True
    )


class MockKeys(BaseModel):
    """What replaces one name during a test."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    object_name: str = Field(alias="objectName")
    return_value: str | bool = Field(alias="returnValue")


class UnitTestKeys(Keys):
    """One test of a rule."""

    name: str
    expected_result: bool
    log: Any
    log_type: Any = None
    mocks: Annotated[tuple[MockKeys, ...], ITEMS] = ()
    expected_destinations: Texts = ()


class DetectionKeys(Keys):
    """What rules and policies are told and describe themselves by."""

    description: str = ""
    display_name: str = ""
    runbook: str = ""
    reference: str = ""
    tags: Texts = ()
    reports: Reports = Field(default_factory=dict)
    output_ids: Texts = ()
    status: str = ""
    only_use_base_risk_score: bool = False
    created_by: str = ""
    base_version: int = 0


class AlertingKeys(DetectionKeys):
    """What rules over events and rows have in common."""

    dedup_period_minutes: int = DEFAULT_DEDUP_MINUTES
    threshold: int = 1
    summary_attributes: Texts = ()
    create_alert: bool = True
    inline_filters: Annotated[tuple[Any, ...], ITEMS] = ()
    tests: Annotated[tuple[UnitTestKeys, ...], ITEMS] = ()
    filename: str = ""
    detection: Any = None
    dynamic_severities: Any = None
    alert_title: Any = None
    alert_context: Any = None
    group_by: Any = None
    scheduled_queries: Texts = ()
    log_types: Texts = ()


class ScheduledRuleKeys(AlertingKeys):
    """The keys of a scheduled rule."""

    analysis_type: Literal["scheduled_rule"]
    rule_id: str = Field(alias="RuleID")
    enabled: bool
    severity: str


class StreamRuleKeys(AlertingKeys):
    """The keys of a rule."""

    turning: ClassVar[tuple[str, ...]] = ("BaseDetection",)

    analysis_type: Literal["rule"]
    rule_id: str = Field(alias="RuleID")
    enabled: bool
    severity: str


class DerivedRuleKeys(AlertingKeys):
    """The keys of a derived detection: its base, and what it has otherwise."""

    analysis_type: Literal["rule"]
    rule_id: str = Field(alias="RuleID")
    base_detection: str
    enabled: bool = False
    severity: str = ""


class GlobalHelperKeys(Keys):
    """The keys of a global helper."""

    analysis_type: Literal["global"]
    global_id: str = Field(alias="GlobalID")
    filename: str
    description: str = ""
    tags: Texts = ()
    base_version: int = 0
