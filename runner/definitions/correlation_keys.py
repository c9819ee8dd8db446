"""The keys of correlation rules, and of their tests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from runner.definitions.correlation_rule import DEFAULT_LOOKBACK_MINUTES
from runner.definitions.keys import ITEMS, DetectionKeys, Keys, Texts
from runner.definitions.query_keys import ScheduleKeys


class StepKeys(Keys):
    """One rule of a sequence or group."""

    rule_id: str = Field(alias="RuleID")
    step_id: str = Field(default="", alias="ID")
    min_match_count: int = 1
    max_match_count: int = 0
    absence: bool = False


class TransitionMatchKeys(Keys):
    """Which fields of two steps have equal values: `On` one of both, or one `From` and another `To`."""

    on: str = ""
    before: str = Field(default="", alias="From")
    after: str = Field(default="", alias="To")


class TransitionKeys(Keys):
    """How one step of a sequence leads to the next."""

    transition_id: str = Field(default="", alias="ID")
    before: str = Field(alias="From")
    after: str = Field(alias="To")
    within_time_frame_minutes: int = 0
    match: Annotated[tuple[TransitionMatchKeys, ...], ITEMS] = ()


class CriterionKeys(Keys):
    """The field of one step of a group whose value is to be equal."""

    group_id: str = Field(alias="GroupID")
    match: str


class CorrelationKeys(Keys):
    """A sequence or a group, with its window and schedule."""

    sequence: Annotated[tuple[StepKeys, ...], ITEMS] = ()
    group: Annotated[tuple[StepKeys, ...], ITEMS] = ()
    transitions: Annotated[tuple[TransitionKeys, ...], ITEMS] = ()
    match_criteria: dict[str, Annotated[tuple[CriterionKeys, ...], ITEMS]] = Field(default_factory=dict)
    min_match_count: int = 1
    schedule: ScheduleKeys
    lookback_window_minutes: int = DEFAULT_LOOKBACK_MINUTES
    event_evaluation_order: str = "Chronological"


class RuleOutputKeys(Keys):
    """In a test, what one rule matched: for each field and value, when."""

    step_id: str = Field(alias="ID")
    matches: dict[str, dict[Any, Annotated[tuple[int | float | str, ...], ITEMS]]] = Field(
        default_factory=dict
    )


class CorrelationTestKeys(Keys):
    """One test of a correlation rule."""

    name: str
    expected_result: bool
    rule_outputs: Annotated[tuple[RuleOutputKeys, ...], ITEMS] = ()


class CorrelationRuleKeys(DetectionKeys):
    """The keys of a correlation rule."""

    analysis_type: Literal["correlation_rule"]
    rule_id: str = Field(alias="RuleID")
    enabled: bool
    severity: str
    detection: Annotated[tuple[CorrelationKeys, ...], ITEMS]
    create_alert: bool = True
    summary_attributes: Texts = ()
    tests: Annotated[tuple[CorrelationTestKeys, ...], ITEMS] = ()
