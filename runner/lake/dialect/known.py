"""Functions that SQLGlot itself turns into DuckDB's: what they take, what they give, and where they differ.

Each row was compared with Snowflake's documentation (tests/integration/lake/test_snowflake_functions.py). A class that
is not in the table is translated as well as SQLGlot can, and the query is marked as approximate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect.coercion import put_coerced
from runner.lake.dialect.gate import function_name
from runner.lake.dialect.sql_types import (
    BOOLEAN,
    DATE,
    INTERVAL,
    NUMBER,
    TEXT,
    TIME,
    TIMESTAMP,
    UNKNOWN,
    Kind,
    list_of,
)
from runner.lake.dialect.trees import type_of, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.lake.dialect.findings import Findings
    from runner.lake.dialect.sql_types import SqlType


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A row: the type of the result (None: that of the first argument), and what each argument has to be."""

    result: SqlType | None
    takes: Mapping[str, Kind] = field(default_factory=dict)
    approximate: str = ""
    """Why the result may differ from Snowflake's."""


def rewrite(node: exp.Expr, findings: Findings) -> exp.Expr:
    """Make the arguments of a function fit, and note the type of its result."""
    row = KNOWN.get(type(node))
    if row is None:
        if isinstance(node, exp.Func) and not isinstance(node, exp.Connector):
            name = function_name(node).upper()
            findings.approximate(f"{name}() was not compared with Snowflake's", node)
        return typed(node, UNKNOWN)
    for name, kind in row.takes.items():
        _fit(node.args.get(name), kind)
    if row.approximate:
        findings.approximate(row.approximate, node)
    return typed(node, result_of(node))


def result_of(node: exp.Expr) -> SqlType:
    """Return the type of a known function's result."""
    row = KNOWN.get(type(node))
    if row is None:
        return UNKNOWN
    return row.result if row.result is not None else type_of(node.this)


def _fit(argument: object, kind: Kind) -> None:
    for one in argument if isinstance(argument, list) else [argument]:
        if isinstance(one, exp.Distinct):
            _fit(one.expressions, kind)
        elif isinstance(one, exp.Order):
            _fit(one.this, kind)
        elif isinstance(one, exp.Expr) and not isinstance(one, exp.Var | exp.Identifier):
            put_coerced(one, kind)


def _texts(
    result: SqlType | None, *classes: type[exp.Expr], also: tuple[str, ...] = ()
) -> dict[type[exp.Expr], Known]:
    takes = dict.fromkeys(("this", *also), Kind.TEXT)
    return dict.fromkeys(classes, Known(result=result, takes=takes))


def _numbers(*classes: type[exp.Expr]) -> dict[type[exp.Expr], Known]:
    takes = {"this": Kind.NUMBER, "expression": Kind.NUMBER}
    return dict.fromkeys(classes, Known(result=NUMBER, takes=takes))


def _times(
    result: SqlType | None, *classes: type[exp.Expr], also: tuple[str, ...] = ()
) -> dict[type[exp.Expr], Known]:
    takes = dict.fromkeys(("this", *also), Kind.TIMESTAMP)
    return dict.fromkeys(classes, Known(result=result, takes=takes))


def _plain(result: SqlType | None, *classes: type[exp.Expr]) -> dict[type[exp.Expr], Known]:
    return dict.fromkeys(classes, Known(result=result))


KNOWN: Mapping[type[exp.Expr], Known] = {
    **_texts(
        TEXT, exp.Lower, exp.Upper, exp.Trim, exp.Reverse, exp.Substring, exp.Left, exp.Right, exp.Repeat
    ),
    **_texts(TEXT, exp.Replace, also=("expression", "replacement")),
    **_texts(TEXT, exp.RegexpExtract, also=("expression", "replacement")),
    **_texts(TEXT, exp.SplitPart, also=("delimiter",)),
    **_texts(TEXT, exp.Concat, exp.ConcatWs, also=("expressions",)),
    **_texts(TEXT, exp.Pad, exp.Translate, exp.MD5, exp.SHA, exp.SHA2, exp.Initcap),
    **_texts(TEXT, exp.ToBase64, exp.Base64Encode, exp.Strtok, exp.Collate),
    **_texts(list_of(TEXT), exp.Split, exp.RegexpExtractAll, also=("expression",)),
    **_texts(
        BOOLEAN,
        exp.StartsWith,
        exp.EndsWith,
        exp.Contains,
        exp.RegexpLike,
        exp.RegexpILike,
        also=("expression",),
    ),
    **_texts(
        NUMBER, exp.Length, exp.Ascii, exp.Unicode, exp.RegexpCount, exp.RegexpInstr, also=("expression",)
    ),
    **_texts(NUMBER, exp.StrPosition, also=("substr",)),
    **_texts(TEXT, exp.GroupConcat),
    **_numbers(exp.Sum, exp.Avg, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop),
    **_numbers(exp.Median, exp.Corr, exp.CovarPop, exp.CovarSamp, exp.Kurtosis, exp.Skewness),
    **_numbers(
        exp.Round, exp.Abs, exp.Floor, exp.Ceil, exp.Sqrt, exp.Cbrt, exp.Exp, exp.Ln, exp.Log, exp.Pow
    ),
    **_numbers(exp.Sign, exp.Trunc, exp.Sin, exp.Cos, exp.Tan, exp.Asin, exp.Acos, exp.Atan, exp.Atan2),
    **_numbers(exp.Radians, exp.Degrees, exp.Factorial),
    **_numbers(exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot),
    **_numbers(exp.BitwiseLeftShift, exp.BitwiseRightShift),
    **_plain(NUMBER, exp.Pi, exp.Seq1, exp.Seq2, exp.Seq4, exp.Seq8),
    **_plain(NUMBER, exp.CountIf, exp.Rank, exp.DenseRank, exp.RowNumber, exp.Ntile),
    **_plain(NUMBER, exp.PercentRank, exp.CumeDist, exp.PercentileCont, exp.PercentileDisc, exp.Grouping),
    exp.ApproxQuantile: Known(
        result=NUMBER,
        takes={"this": Kind.NUMBER},
        approximate="APPROX_PERCENTILE() estimates by another method than Snowflake's",
    ),
    **_plain(BOOLEAN, exp.LogicalAnd, exp.LogicalOr, exp.Exists, exp.All, exp.Any),
    **_times(None, exp.TimestampTrunc, exp.DateTrunc, exp.TimeSlice),
    **_times(TIMESTAMP, exp.DateAdd, exp.TimeAdd, exp.TimestampAdd, exp.DateSub),
    **_times(NUMBER, exp.DateDiff, exp.TimestampDiff, exp.DatetimeDiff, exp.TimeDiff, also=("expression",)),
    **_times(
        NUMBER, exp.Year, exp.Month, exp.Day, exp.Hour, exp.Minute, exp.Second, exp.Quarter, exp.DayOfWeek
    ),
    **_times(
        NUMBER, exp.DayOfWeekIso, exp.DayOfMonth, exp.DayOfYear, exp.Week, exp.WeekOfYear, exp.YearOfWeek
    ),
    **_times(NUMBER, exp.YearOfWeekIso),
    **_times(TEXT, exp.Dayname, exp.Monthname),
    **_times(DATE, exp.LastDay, exp.NextDay, exp.PreviousDay),
    exp.AddMonths: Known(result=None, takes={"this": Kind.TIMESTAMP}),
    exp.MonthsBetween: Known(result=NUMBER, takes={"this": Kind.TIMESTAMP, "expression": Kind.TIMESTAMP}),
    exp.Extract: Known(result=NUMBER, takes={"expression": Kind.TIMESTAMP}),
    exp.TsOrDsToDate: Known(result=DATE, takes={"this": Kind.TEXT}),
    **_plain(TIMESTAMP, exp.CurrentTimestamp, exp.Localtimestamp, exp.StrToTime, exp.UnixToTime),
    **_plain(TIMESTAMP, exp.TimestampFromParts),
    **_plain(DATE, exp.CurrentDate, exp.DateFromParts),
    **_plain(TIME, exp.CurrentTime),
    **_plain(INTERVAL, exp.Interval),
    **_plain(TEXT, exp.Uuid),
    **dict.fromkeys(
        (exp.Chr, exp.Space), Known(result=TEXT, takes={"this": Kind.NUMBER, "expressions": Kind.NUMBER})
    ),
    **_plain(UNKNOWN, exp.Generator, exp.Explode, exp.Kwarg, exp.Unnest),
}
"""What each class of function is known to do."""
