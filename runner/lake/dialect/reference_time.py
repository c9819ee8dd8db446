"""Every spelling of the current time, bound to the reference time of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect.gate import function_name
from runner.lake.dialect.macros import timestamp
from runner.lake.dialect.trees import among, call, cast, text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_MOMENTS = (
    exp.CurrentTimestamp,
    exp.CurrentTimestampLTZ,
    exp.CurrentDatetime,
    exp.Localtimestamp,
    exp.Systimestamp,
    exp.UtcTimestamp,
)
_DAYS = (exp.CurrentDate, exp.UtcDate)
_TIMES = (exp.CurrentTime, exp.Localtime, exp.UtcTime)
_MOMENT_NAMES = frozenset(
    """
    p_current_timestamp now get_current_timestamp transaction_timestamp statement_timestamp clock_timestamp
    current_localtimestamp current_timestamp localtimestamp getdate sysdate systimestamp
    """.split()
)
_DAY_NAMES = frozenset({"today", "current_date", "curdate"})
_TIME_NAMES = frozenset({"get_current_time", "current_localtime", "current_time", "localtime", "curtime"})


def bind(nodes: Iterable[exp.Expr], reference: datetime) -> None:
    """Put the reference time (aware, UTC) wherever a node of the query asks what time it is. In place."""
    for node in among(nodes, exp.Func):
        meant = _meant_by(node, reference)
        if meant is not None:
            _whole_call(node).replace(meant)


def _whole_call(node: exp.Func) -> exp.Expr:
    """Return the call with the schema before it: `main.now()` is one expression."""
    return node.parent if isinstance(node.parent, exp.Dot) and node.parent.expression is node else node


def _meant_by(node: exp.Func, reference: datetime) -> exp.Expr | None:
    name = function_name(node) if isinstance(node, exp.Anonymous) else ""
    if isinstance(node, _MOMENTS) or name in _MOMENT_NAMES:
        return timestamp(reference)
    if isinstance(node, _DAYS) or name in _DAY_NAMES:
        return cast(text(reference.date().isoformat()), "date")
    if isinstance(node, _TIMES) or name in _TIME_NAMES:
        return cast(text(reference.time().isoformat()), "time")
    if name == "age" and len(node.expressions) == 1:
        midnight = timestamp(reference.replace(hour=0, minute=0, second=0, microsecond=0))
        return call("age", midnight, node.expressions[0])
    return None
