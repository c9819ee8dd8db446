"""A lookup table's document → the LookupTable, or everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.definitions.codes import Code
from runner.definitions.fields import read_keys, repeated_values
from runner.definitions.findings import errors_in
from runner.definitions.lookup_table import AssociatedLogType, LookupTable, Refresh
from runner.definitions.lookup_table_keys import LookupTableKeys
from runner.definitions.query_file import QUERY_KEYS, cron_faults, query_findings, query_text
from runner.errors import DefinitionError, InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.definitions.findings import Finding
    from runner.definitions.lookup_table_keys import RefreshKeys
    from runner.definitions.python_files import PythonFiles
    from runner.definitions.yaml_document import YamlDocument

_LONGEST_ALARM = 1440


def read_lookup_table(document: YamlDocument, files: PythonFiles) -> tuple[LookupTable | None, list[Finding]]:
    """Return the lookup table that the document defines, or None, and all findings.

    `files` finds the file with the rows; they themselves are not read here.
    """
    keys, faults = read_keys(LookupTableKeys, document)
    has_sql = any(key in document.value for key in QUERY_KEYS)
    findings: list[Finding] = [*faults, *repeated_values(document, "Tags"), *_name_faults(document)]
    findings += _sql_findings(document) if has_sql else _file_faults(document)
    found, file_errors = _data_file(document, files)
    findings += file_errors
    if keys is None or errors_in(findings):
        return None, findings
    return _table(keys, document, found), findings


def _table(keys: LookupTableKeys, document: YamlDocument, found: Path | None) -> LookupTable:
    has_sql = any(key in document.value for key in QUERY_KEYS)
    return LookupTable(
        name=keys.lookup_name,
        enabled=keys.enabled,
        location=document.position(),
        schema=keys.row_schema,
        data_file=found,
        primary_key=keys.log_type_map.primary_key,
        associated=tuple(
            AssociatedLogType(log_type=one.log_type, selectors=one.selectors)
            for one in keys.log_type_map.associated_log_types
        ),
        refresh=_refresh(keys.refresh) if "Refresh" in document.value else None,
        sql=query_text(document) if has_sql else None,
        description=keys.description,
        reference=keys.reference,
        tags=keys.tags,
    )


def _refresh(keys: RefreshKeys) -> Refresh:
    return Refresh(
        object_path=keys.object_path,
        role_arn=keys.role_arn,
        period_minutes=keys.period_minutes or None,
        cron_expression=keys.cron_expression,
    )


def _data_file(document: YamlDocument, files: PythonFiles) -> tuple[Path | None, list[DefinitionError]]:
    filename = document.value.get("Filename")
    if not isinstance(filename, str):
        return None, []
    try:
        return files.find(filename, document.path, document.position(("Filename",))), []
    except DefinitionError as error:
        return None, [error]


def _name_faults(document: YamlDocument) -> Iterator[DefinitionError]:
    name = document.value.get("LookupName")
    if isinstance(name, str) and not name.strip():  # any other text will do, as in Panther
        yield InvalidField("`LookupName` is empty", document.position(("LookupName",)), Code.BAD_ID)


def _file_faults(document: YamlDocument) -> Iterator[DefinitionError]:
    """Yield what a table of a file or an object store lacks."""
    for key in ("Schema", "LogTypeMap"):
        if key not in document.value:
            yield InvalidField(f"the key `{key}` is missing", document.position(), Code.MISSING_KEY)
    refresh: Any = document.value.get("Refresh")
    if "Filename" not in document.value and refresh is None:
        message = "a lookup table needs a Filename, a Refresh or a query"
        yield InvalidField(message, document.position(), Code.BAD_LOOKUP)
    if not isinstance(refresh, dict):
        return
    if "Filename" not in document.value and "ObjectPath" not in refresh:
        yield _wrong(document, "`ObjectPath` is missing")
    if "RoleARN" in refresh and "GCSCredentials" in refresh:
        yield _wrong(document, "expected one of RoleARN and GCSCredentials, found both")
    alarm = refresh.get("AlarmPeriodMinutes")
    if isinstance(alarm, int) and alarm > _LONGEST_ALARM:
        yield _wrong(document, f"`AlarmPeriodMinutes` is at most {_LONGEST_ALARM}, found {alarm}")


def _sql_findings(document: YamlDocument) -> Iterator[Finding]:
    """Yield what is wrong with a table that a query fills."""
    yield from query_findings(document)
    yield from cron_faults(document, ("Refresh", "CronExpression"))
    refresh: Any = document.value.get("Refresh")
    if refresh is None:
        message = "a lookup table with a query needs `Refresh`"
        yield InvalidField(message, document.position(), Code.BAD_LOOKUP)
    elif isinstance(refresh, dict):
        given = [key for key in ("PeriodMinutes", "CronExpression") if key in refresh]
        if len(given) != 1:
            found = "both" if given else "neither"
            yield _wrong(document, f"expected exactly one of PeriodMinutes and CronExpression, found {found}")


def _wrong(document: YamlDocument, message: str) -> DefinitionError:
    return InvalidField(f"`Refresh`: {message}", document.position(("Refresh",)), Code.BAD_LOOKUP)
