"""The keys of queries: what runs, and when."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.definitions.keys import Keys, Texts


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


class QueryTextKeys(Keys):
    """The keys that may hold SQL; one of them is enough."""

    duckdb_query: str = Field(default="", alias="DuckDBQuery")
    snowflake_query: str = ""
    query: str = ""
    athena_query: str = ""
    databricks_query: str = ""


class SavedQueryKeys(QueryTextKeys):
    """The keys of a saved query."""

    analysis_type: Literal["saved_query"]
    query_name: str
    description: str = ""
    tags: Texts = ()
    lookback: bool = False
    lookback_window_seconds: int = 0
    base_version: int = 0


class ScheduledQueryKeys(QueryTextKeys):
    """The keys of a scheduled query."""

    analysis_type: Literal["scheduled_query"]
    query_name: str
    enabled: bool
    schedule: ScheduleKeys
    description: str = ""
    tags: Texts = ()
    lookback: bool = False
    lookback_window_seconds: int = 0
    email_config: EmailConfigKeys = Field(default_factory=lambda: EmailConfigKeys(Recipients=()))
    base_version: int = 0
