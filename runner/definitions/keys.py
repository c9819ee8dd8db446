"""The keys that Panther gives each kind of definition, and what each of them holds.

The models here are the YAML's own shape; a key that is left out has an empty value, since Panther refuses keys that
are given nothing. Faults are told by `fields`, in plain sentences; the values that the rest
of the program works with are in `scheduled_query`, `scheduled_rule` and `global_helper`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic.alias_generators import to_pascal

from runner.definitions.scheduled_rule import DEFAULT_DEDUP_MINUTES

Texts = Annotated[tuple[str, ...], Strict(strict=False)]
"""A list of texts; strict in its items only, because YAML's lists are not tuples."""
_Items = Strict(strict=False)


class Keys(BaseModel):
    """A mapping with known keys, spelt as Panther spells them, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_pascal)


class ScheduleKeys(Keys):
    """When a query runs."""

    cron_expression: str = ""
    rate_minutes: int = 0
    timeout_minutes: int


class EmailConfigKeys(Keys):
    """Whom to send the rows by mail."""

    recipients: Texts
    send_empty: bool = False
    prefer_attachment: bool = False


class ScheduledQueryKeys(Keys):
    """The keys of a scheduled query."""

    analysis_type: Literal["scheduled_query"]
    query_name: str
    enabled: bool
    duckdb_query: str = Field(default="", alias="DuckDBQuery")
    snowflake_query: str = ""
    query: str = ""
    athena_query: str = ""
    databricks_query: str = ""
    schedule: ScheduleKeys
    description: str = ""
    tags: Texts = ()
    lookback: bool = False
    lookback_window_seconds: int = 0
    email_config: EmailConfigKeys = EmailConfigKeys(Recipients=())
    base_version: int = 0


class MockKeys(BaseModel):
    """What replaces one name during a test."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    object_name: str = Field(alias="objectName")
    return_value: str | bool = Field(alias="returnValue")


class UnitTestKeys(Keys):
    """One test of a rule."""

    name: str
    expected_result: bool
    log: Any
    log_type: Any = None
    mocks: Annotated[tuple[MockKeys, ...], _Items] = ()
    expected_destinations: Texts = ()


class ScheduledRuleKeys(Keys):
    """The keys of a scheduled rule."""

    analysis_type: Literal["scheduled_rule"]
    rule_id: str = Field(alias="RuleID")
    enabled: bool
    severity: str
    filename: str = ""
    detection: Any = None
    scheduled_queries: Texts = ()
    log_types: Texts = ()
    description: str = ""
    display_name: str = ""
    runbook: str = ""
    reference: str = ""
    tags: Texts = ()
    reports: dict[str, Annotated[tuple[str | int | float, ...], _Items]] = Field(default_factory=dict)
    dedup_period_minutes: int = DEFAULT_DEDUP_MINUTES
    threshold: int = 1
    summary_attributes: Texts = ()
    output_ids: Texts = ()
    create_alert: bool = True
    inline_filters: Annotated[tuple[Any, ...], _Items] = ()
    tests: Annotated[tuple[UnitTestKeys, ...], _Items] = ()
    status: str = ""
    only_use_base_risk_score: bool = False
    created_by: str = ""
    base_version: int = 0
    dynamic_severities: Any = None
    alert_title: Any = None
    alert_context: Any = None
    group_by: Any = None


class GlobalHelperKeys(Keys):
    """The keys of a global helper."""

    analysis_type: Literal["global"]
    global_id: str = Field(alias="GlobalID")
    filename: str
    description: str = ""
    tags: Texts = ()
    base_version: int = 0
