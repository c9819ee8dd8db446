"""A scheduled or saved query's document → the query, or everything that is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeGuard

from runner.definitions.codes import Code
from runner.definitions.cron import cron_fault
from runner.definitions.fields import id_faults, read_keys, repeated_values
from runner.definitions.findings import errors_in
from runner.definitions.notice import Notice
from runner.definitions.query_keys import SavedQueryKeys, ScheduledQueryKeys
from runner.definitions.saved_query import SavedQuery
from runner.definitions.scheduled_query import Dialect, EmailConfig, QueryText, Schedule, ScheduledQuery
from runner.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.findings import Finding
    from runner.definitions.query_keys import ScheduleKeys
    from runner.definitions.yaml_document import KeyPath, YamlDocument
    from runner.errors import DefinitionError

QUERY_KEYS = {
    "DuckDBQuery": Dialect.DUCKDB,
    "SnowflakeQuery": Dialect.SNOWFLAKE,
    "Query": Dialect.SNOWFLAKE,
    "AthenaQuery": Dialect.TRINO,
    "DatabricksQuery": None,
}
"""The keys that may hold SQL, and its dialect; of several, the first that is given counts."""
_IGNORED = ("Lookback", "LookbackWindowSeconds")
_TEMPLATE = re.compile(r"--\s*pragma:\s*template\b", re.IGNORECASE)
_LEAST_RATE = 2
_TEN_YEARS = 5_256_000


def read_query(document: YamlDocument) -> tuple[ScheduledQuery | None, list[Finding]]:
    """Return the query that the document defines, or None, and all findings."""
    keys, faults = read_keys(ScheduledQueryKeys, document)
    findings: list[Finding] = [
        *faults,
        *id_faults(document, "QueryName"),
        *repeated_values(document, "Tags"),
        *schedule_faults(document),
        *query_findings(document),
        *_ignored_keys(document),
    ]
    if keys is None or errors_in(findings):
        return None, findings
    return _query(keys, document), findings


def _query(keys: ScheduledQueryKeys, document: YamlDocument) -> ScheduledQuery:
    sql = query_text(document)
    return ScheduledQuery(
        name=keys.query_name,
        enabled=keys.enabled,
        sql=sql,
        schedule=schedule_of(keys.schedule),
        location=document.position(),
        description=keys.description,
        tags=keys.tags,
        email=_email(keys),
        is_template=is_template(sql),
    )


def read_saved_query(document: YamlDocument) -> tuple[SavedQuery | None, list[Finding]]:
    """Return the saved query that the document defines, or None, and all findings."""
    keys, faults = read_keys(SavedQueryKeys, document)
    findings: list[Finding] = [
        *faults,
        *id_faults(document, "QueryName"),
        *repeated_values(document, "Tags"),
        *query_findings(document),
        *_ignored_keys(document),
    ]
    if keys is None or errors_in(findings):
        return None, findings
    sql = query_text(document)
    query = SavedQuery(
        name=keys.query_name,
        sql=sql,
        location=document.position(),
        description=keys.description,
        tags=keys.tags,
        is_template=is_template(sql),
    )
    return query, findings


def schedule_of(keys: ScheduleKeys) -> Schedule:
    """Return the schedule that its keys say."""
    return Schedule(
        cron=keys.cron_expression or None,
        rate_minutes=keys.rate_minutes or None,
        timeout_minutes=keys.timeout_minutes,
    )


def is_template(sql: QueryText) -> bool:
    """Tell whether SQL says that it is to be expanded first."""
    return bool(_TEMPLATE.search(sql.text))


def query_text(document: YamlDocument) -> QueryText:
    """Return the SQL of a document in which `query_findings` found no error."""
    key, dialect = next(
        (key, dialect) for key, dialect in QUERY_KEYS.items() if dialect and key in document.value
    )
    location, written, quote = document.written((key,))
    text: str = document.value[key]
    return QueryText(
        text=text, dialect=dialect, location=location, written=written, quote=quote, is_plain=key == "Query"
    )


def _email(keys: ScheduledQueryKeys) -> EmailConfig | None:
    if "email_config" not in keys.model_fields_set:
        return None
    config = keys.email_config
    return EmailConfig(
        recipients=config.recipients,
        send_empty=config.send_empty,
        prefer_attachment=config.prefer_attachment,
    )


def query_findings(document: YamlDocument) -> Iterator[Finding]:
    """Yield what is wrong or notable about the keys with SQL."""
    given = [key for key in QUERY_KEYS if key in document.value]
    if not given:
        yield InvalidField(
            "there is no SQL; write Query, SnowflakeQuery, AthenaQuery or DuckDBQuery",
            document.position(),
            Code.NO_QUERY,
        )
        return
    used, *unused = given
    if QUERY_KEYS[used] is None:
        yield InvalidField(
            f"`{used}`: this dialect is not supported; write Query, AthenaQuery or DuckDBQuery",
            document.key_position((used,)),
            Code.UNSUPPORTED_DIALECT,
        )
    elif isinstance(document.value[used], str) and not document.value[used].strip():
        yield InvalidField(f"`{used}` is empty", document.position((used,)), Code.EMPTY_QUERY)
    for key in unused:
        yield Notice(
            Code.UNUSED_QUERY_TEXT, f"`{key}` is not used; `{used}` is", document.key_position((key,))
        )


def _ignored_keys(document: YamlDocument) -> Iterator[Notice]:
    for key in _IGNORED:
        if key in document.value:
            yield Notice(Code.IGNORED_KEY, f"`{key}` has no effect", document.key_position((key,)))


def schedule_faults(document: YamlDocument, place: KeyPath = ("Schedule",)) -> Iterator[DefinitionError]:
    """Yield what is wrong with the schedule at a place of the document, as far as its keys do not show it."""
    schedule = document.find(place)
    if not isinstance(schedule, dict):
        return
    given = [key for key in ("CronExpression", "RateMinutes") if key in schedule]
    if len(given) != 1:
        found = "both" if given else "neither"
        message = f"a schedule has exactly one of CronExpression and RateMinutes, found {found}"
        yield InvalidField(message, document.key_position(place), Code.BAD_SCHEDULE)
    yield from cron_faults(document, (*place, "CronExpression"))
    yield from _minutes_faults(document, place, schedule.get("RateMinutes"), schedule.get("TimeoutMinutes"))


def cron_faults(document: YamlDocument, place: KeyPath) -> Iterator[DefinitionError]:
    """Yield what is wrong with the cron expression at a place of the document, if one is there."""
    cron = document.find(place)
    fault = cron_fault(cron) if isinstance(cron, str) else None
    if fault:
        yield InvalidField(fault, document.position(place), Code.BAD_CRON)


def _minutes_faults(
    document: YamlDocument, place: KeyPath, rate: object, timeout: object
) -> Iterator[DefinitionError]:
    if _is_number(timeout) and not 1 <= timeout <= _TEN_YEARS:
        message = f"`TimeoutMinutes` is at least 1 (and at most ten years), found {timeout}"
        yield InvalidField(message, document.position((*place, "TimeoutMinutes")), Code.BAD_TIMEOUT)
    if not _is_number(rate):
        return
    where = document.position((*place, "RateMinutes"))
    if not _LEAST_RATE <= rate <= _TEN_YEARS:
        message = f"`RateMinutes` is more than 1 (and at most ten years), found {rate}"
        yield InvalidField(message, where, Code.BAD_RATE)
    elif _is_number(timeout) and rate < timeout:
        message = f"`RateMinutes` ({rate}) is shorter than `TimeoutMinutes` ({timeout})"
        yield InvalidField(message, where, Code.BAD_RATE)


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
