"""Everything that can go wrong, named by who has to act.

RunnerError
├── SettingsError                 the program was set up wrongly
├── DefinitionError (location)    a file is wrong
│   ├── UnreadableDefinition        not YAML, or not Python
│   ├── InvalidField                a field is missing, unknown, or of the wrong kind
│   ├── DuplicateDefinition         two definitions claim one id
│   └── UnknownReference            a rule listens to a query that nobody wrote
├── QueryError                    the lake could not answer
│   ├── RefusedQuery                the statement is not one that may run
│   ├── QueryTimeout                it took longer than its schedule allows
│   ├── UnknownLogType              it asks for a table that is not there
│   ├── UnknownColumn               it asks for a column that no table of it has
│   ├── OutOfMemory                 it needed more memory than a worker may have
│   ├── UnreadableLake              a file of the lake could not be read
│   ├── EngineUnavailable           the database that it goes to does not answer
│   └── TooManyRows                 it returned more than it may
├── DetectionError (rule, function)   a rule's own Python failed
├── WorkerError                   a worker process died or was killed
├── RunInterrupted                somebody pressed Ctrl-C: not a fault
├── IngestError                   a log file could not be taken in
│   └── UnreadableLog               the file is damaged, cut short, or not text that we know
├── DeliveryError (is_final, retry_after)   a destination did not take a message
├── UnusableRow                   a row that somebody asks about does not fit its table
├── SlotTaken                     another process has this run: not a fault
└── StoreError                    the state database did not do as asked
    ├── UnknownAlert                no alert has such an id, or several have
    ├── UnknownSilence              no silence that goes on has such a number
    └── ClaimLost                   another process has taken the run over, and its outcome counts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.definitions.location import Location


class RunnerError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__ or type(self).__name__)


class SettingsError(RunnerError):
    """The program was set up wrongly."""


class DefinitionError(RunnerError):
    """A definition file is wrong; prints as `file:line:column: code message`.

    `code` is one of the stable codes of `runner.definitions.codes`.
    """

    def __init__(self, message: str, location: Location, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.code = code

    def __str__(self) -> str:
        return f"{self.location}: {f'{self.code} ' if self.code else ''}{self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.message, self.location, self.code)


class UnreadableDefinition(DefinitionError):
    """The file is not YAML, or not Python."""


class InvalidField(DefinitionError):
    """A field is missing, unknown, or of the wrong kind."""


class DuplicateDefinition(DefinitionError):
    """Two definitions claim one id."""


class UnknownReference(DefinitionError):
    """A definition names another that nobody wrote."""


class QueryError(RunnerError):
    """The lake could not answer a query."""

    transient: ClassVar[bool] = False
    """Whether the same query may succeed when tried again."""


class RefusedQuery(QueryError):
    """The statement is not one that may run; `line` and `column` count from 1 within the SQL text."""

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class QueryTimeout(QueryError):
    """The query took longer than its schedule allows."""

    transient = True


class UnknownLogType(QueryError):
    """The query asks for a table that is not in the lake; `line` and `column` as those of `RefusedQuery`."""

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Remark:
    """A sentence about one place of a query's SQL; `line` and `column` count from 1, and are 0 where nobody knows."""

    line: int = 0
    column: int = 0
    message: str


class UnknownColumn(QueryError):
    """The query asks for columns that no table of it has; `remarks` name each one and its place in the SQL."""

    def __init__(self, remarks: Sequence[Remark]) -> None:
        super().__init__("; ".join(dict.fromkeys(remark.message for remark in remarks)))
        self.remarks = tuple(remarks)

    def __reduce__(self) -> tuple[type[UnknownColumn], tuple[tuple[Remark, ...]]]:
        """Let it pass from a worker to the daemon."""
        return type(self), (self.remarks,)


class OutOfMemory(QueryError):
    """The query needed more memory than a worker may have."""

    transient = True


class UnreadableLake(QueryError):
    """A file of the lake could not be read."""

    transient = True


class EngineUnavailable(QueryError):
    """The database that the query goes to does not answer."""

    transient = True


class TooManyRows(QueryError):
    """The query returned more rows than it may."""


class DetectionError(RunnerError):
    """A rule's own Python failed.

    `kind` is the name of the exception's class: the dedup string of the error alert, as in Panther.
    `title` is the exception's repr.
    """

    def __init__(self, message: str, *, rule_id: str, function: str, kind: str, title: str) -> None:
        super().__init__(message)
        self.message = message
        self.rule_id = rule_id
        self.function = function
        self.kind = kind
        self.title = title

    def __reduce__(self) -> tuple[object, ...]:
        return _detection_error, (self.message, self.rule_id, self.function, self.kind, self.title)


def _detection_error(message: str, rule_id: str, function: str, kind: str, title: str) -> DetectionError:
    return DetectionError(message, rule_id=rule_id, function=function, kind=kind, title=title)


class WorkerError(RunnerError):
    """A worker process died or was killed."""

    transient: ClassVar[bool] = True
    """Whether the same run may succeed when tried again."""


class RunInterrupted(RunnerError):
    """The run was interrupted by the user."""


class IngestError(RunnerError):
    """A log file could not be taken in."""


class UnreadableLog(IngestError):
    """A log file is damaged, cut short, or not text that we know."""


class DeliveryError(RunnerError):
    """A destination did not take a message.

    `is_final`: it never will take this one. `retry_after`: the seconds that it asks to be left alone.
    """

    def __init__(self, message: str, *, is_final: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.is_final = is_final
        self.retry_after = retry_after


class UnusableRow(RunnerError):
    """A row that somebody asks about does not fit its table."""


class SlotTaken(RunnerError):
    """Another process has this run: not a fault."""


class StoreError(RunnerError):
    """The state database did not do as asked."""


class UnknownAlert(StoreError):
    """No alert has an id that begins so, or several have."""


class ClaimLost(StoreError):
    """Another process has taken the run over, or it has ended: this outcome does not count."""


class UnknownSilence(StoreError):
    """No silence that goes on has this number."""
