"""The keys of what serves or combines other definitions: data models, lookup tables, correlation rules, packs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from runner.definitions.correlation_rule import DEFAULT_LOOKBACK_MINUTES
from runner.definitions.keys import ITEMS, DetectionKeys, Keys, QueryTextKeys, ScheduleKeys, Texts


class MappingKeys(Keys):
    """One unified name of a data model: exactly one of `Path` and `Method` says what it stands for."""

    name: str
    path: str = ""
    method: str = ""


class DataModelKeys(Keys):
    """The keys of a data model."""

    analysis_type: Literal["datamodel"]
    data_model_id: str = Field(alias="DataModelID")
    enabled: bool
    log_types: Texts
    mappings: Annotated[tuple[MappingKeys, ...], ITEMS]
    display_name: str = ""
    filename: str = ""
    description: str = ""
    tags: Texts = ()
    base_version: int = 0


class PackDefinitionKeys(Keys):
    """What is in a pack."""

    ids: Texts = Field(alias="IDs")


class PackKeys(Keys):
    """The keys of a pack."""

    analysis_type: Literal["pack"]
    pack_id: str = Field(alias="PackID")
    pack_definition: PackDefinitionKeys
    display_name: str = ""
    description: str = ""
    tags: Texts = ()
    base_version: int = 0


class AssociatedLogTypeKeys(Keys):
    """A log type, and the fields whose values are looked up."""

    log_type: str
    selectors: Texts = ()


class LogTypeMapKeys(Keys):
    """By which column a table is looked up, and for which events."""

    primary_key: str
    associated_log_types: Annotated[tuple[AssociatedLogTypeKeys, ...], ITEMS] = ()


class RefreshKeys(Keys):
    """Where a lookup table's rows come from, and how often."""

    object_path: str = ""
    role_arn: str = Field(default="", alias="RoleARN")
    gcs_credentials: str = Field(default="", alias="GCSCredentials")
    period_minutes: int = 0
    cron_expression: str = ""
    timeout_minutes: int = 0
    alarm_period_minutes: int = 0
    object_kms_key: str = Field(default="", alias="ObjectKMSKey")
    storage_provider: str = ""


class LookupTableKeys(QueryTextKeys):
    """The keys of a lookup table."""

    analysis_type: Literal["lookup_table"]
    lookup_name: str
    enabled: bool
    # "schema" would hide a method of pydantic's
    row_schema: str = Field(default="", alias="Schema")
    log_type_map: LogTypeMapKeys = Field(default_factory=lambda: LogTypeMapKeys(PrimaryKey=""))
    filename: str = ""
    refresh: RefreshKeys = Field(default_factory=RefreshKeys)
    indicators: Any = None
    validations: Any = None
    display_name: str = ""
    description: str = ""
    reference: str = ""
    created_by: str = ""
    tags: Texts = ()
    base_version: int = 0


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
