"""Forms of Snowflake's that DuckDB has under another form: names, tuples, clauses that stand alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect import match_recognize
from runner.lake.dialect.trees import among, cast, put

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.lake.dialect.findings import Findings


def normalise(nodes: Iterable[exp.Expr], findings: Findings) -> None:
    """Bring a query, given by its nodes, into the form that the typed pass expects. In place."""
    found = among(nodes, exp.Values, exp.Subquery, exp.Select, exp.Window, exp.Extract)
    _name_values([node for node in found if isinstance(node, exp.Values)])
    _name_sources([node for node in found if isinstance(node, exp.Subquery)])
    for select in [node for node in found if isinstance(node, exp.Select)]:
        _open_group_tuples(select)
        _having_without_group(select)
        if select.args.get("match") is not None:
            _match_rows(select, findings)
    for extract in [node for node in found if isinstance(node, exp.Extract)]:
        _whole_epoch(extract)
    _window_functions([node for node in found if isinstance(node, exp.Window)])


def _whole_epoch(extract: exp.Extract) -> None:
    """Let the seconds since 1970 be a whole number."""
    if extract.name.upper() == "EPOCH":
        put(extract, lambda node: cast(exp.Floor(this=node), "bigint"))


def _match_rows(select: exp.Select, findings: Findings) -> None:
    clause = select.args["match"]
    if match_recognize.is_guessed(clause):
        findings.approximate(
            "MATCH_RECOGNIZE tells the rows of a PATTERN with groups apart by DEFINE alone", clause
        )
    match_recognize.rewrite(select)


def _name_sources(subqueries: Iterable[exp.Subquery]) -> None:
    """Give a derived table without a name one: columns can then be told by their source."""
    unnamed = [
        source for source in subqueries if isinstance(source.parent, exp.From | exp.Join) and not source.alias
    ]
    for place, source in enumerate(unnamed):
        source.set("alias", exp.TableAlias(this=exp.to_identifier(f"_source_{place}")))


def _name_values(found: Iterable[exp.Values]) -> None:
    """Call the columns of VALUES `column1`, `column2` and so on, as Snowflake does."""
    for place, values in enumerate(found):
        alias = values.args.get("alias")
        if not isinstance(values.parent, exp.From | exp.Join) or (alias and alias.columns):
            continue
        first = values.expressions[0]
        width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
        values.set(
            "alias",
            exp.TableAlias(
                this=exp.to_identifier(values.alias or f"_values_{place}"),
                columns=[exp.to_identifier(f"column{number + 1}") for number in range(width)],
            ),
        )


def _open_group_tuples(select: exp.Select) -> None:
    """`GROUP BY (a, b)` groups by both, and not by one pair."""
    group = select.args.get("group")
    if group is not None:
        group.set("expressions", [part for key in group.expressions for part in _parts(key)])
        if not any(group.args.values()):
            select.set("group", None)  # `GROUP BY ()` is one group of all rows


def _parts(key: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(key, exp.Tuple):
        yield from key.expressions
    else:
        yield key.this if isinstance(key, exp.Paren) else key


def _having_without_group(select: exp.Select) -> None:
    """HAVING without groups and aggregates is a second WHERE."""
    having = select.args.get("having")
    if having is None or select.args.get("group"):
        return
    if having.find(exp.AggFunc) or any(output.find(exp.AggFunc) for output in select.expressions):
        return
    select.set("having", None)
    select.where(having.this, copy=False)


def _window_functions(windows: Iterable[exp.Window]) -> None:
    """Write RATIO_TO_REPORT and CONDITIONAL_TRUE_EVENT by the windows that they stand for."""
    for window in windows:
        if isinstance(window.this, exp.Anonymous) and len(window.this.expressions) == 1:
            write = _BY_WINDOWS.get(window.this.name.upper())
            if write is not None:
                write(window, window.this.expressions[0])


def _ratio_to_report(window: exp.Window, value: exp.Expr) -> None:
    total = window.copy()
    total.set("this", exp.Sum(this=value.copy()))
    window.replace(
        exp.paren(
            exp.Div(
                this=exp.paren(value.copy()),
                expression=exp.Nullif(this=total, expression=exp.Literal.number(0)),
            )
        )
    )


def _conditional_true_event(window: exp.Window, condition: exp.Expr) -> None:
    window.set("this", exp.CountIf(this=condition.copy()))
    window.set(
        "spec", exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    )


_BY_WINDOWS = {"RATIO_TO_REPORT": _ratio_to_report, "CONDITIONAL_TRUE_EVENT": _conditional_true_event}
