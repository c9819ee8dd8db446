"""Log types, and where their rows lie in the lake."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import IngestError

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

LOGS_DATABASE = "panther_logs"
"""The database of all log types, named as in Panther."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")


def table_name(log_type: str) -> str:
    """Return the table of a log type: lower case, every `.` an `_`, and nothing else changed, as in Panther."""
    return log_type.lower().replace(".", "_")


def partition_name(day: date) -> str:
    """Return the folder of a day (of the event time, UTC) within its table: `p_date=2026-01-15`."""
    return f"p_date={day.isoformat()}"


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class LogType:
    """A kind of log, such as `AWS.CloudTrail`. Raises `IngestError` for a name that cannot be a table."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            message = (
                f"{self.name!r} is not a log type: "
                "letters, digits, '_' and '-', in parts joined by dots, such as AWS.CloudTrail"
            )
            raise IngestError(message)

    @property
    def table(self) -> str:
        """The name of its table: `aws_cloudtrail`."""
        return table_name(self.name)

    def folder(self, lake: Path) -> Path:
        """Return the folder of its table, whether or not there is one yet."""
        return lake / LOGS_DATABASE / self.table
