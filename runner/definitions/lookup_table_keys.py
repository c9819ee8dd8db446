"""The keys of lookup tables."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from runner.definitions.keys import ITEMS, Keys, Texts
from runner.definitions.query_keys import QueryTextKeys


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
