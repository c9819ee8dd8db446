"""MATCH_RECOGNIZE: rows that follow one another in a pattern, found by a regular expression.

Each row becomes one letter that says which of the DEFINE conditions hold for it, each partition the text of its rows
in order, and the pattern a regular expression over such letters. Both languages prefer matches in the same way:
leftmost first, and quantifiers greedy unless they say otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from runner.lake.dialect.places import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SETTLED = "settled"
"""Marks a derived table that is DuckDB's SQL already: output → the column of its rows that gives the type, or None."""
ROWS = "rows of a pattern"
"""Marks the part of it that is still the author's: the rows, their letters and what is measured."""

_FIRST_LETTER = 0x4E00
_MOST_SYMBOLS = 8
_MOST_ATOMS = 9
_ATOM = re.compile(r"\s*(?P<symbol>[A-Za-z_][A-Za-z0-9_$]*)\s*(?P<count>(?:[*+?]|\{[\d,\s]*\})\??)?")
_ONE_ROW = {"", "ONE ROW PER MATCH"}
_PAST_LAST = {"", "AFTER MATCH SKIP PAST LAST ROW"}
_SKIP_TO = re.compile(r"AFTER MATCH SKIP TO (?:(?P<which>FIRST|LAST) )?(?P<symbol>\S+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Measure:
    """One measure: DuckDB's aggregate over the rows of a match, and the column that gives its type."""

    name: str
    written: str
    typed_by: str | None = None


def rewrite(select: exp.Select) -> None:
    """Put a derived table in the place of `table MATCH_RECOGNIZE (…)`. In place.

    Raises `RefusedQuery` for what cannot be said with a regular expression.
    """
    clause: exp.MatchRecognize = select.args["match"]
    source = select.args["from_"].this
    if select.args.get("joins"):
        raise refusal("MATCH_RECOGNIZE beside a join is not supported: join around it", clause)
    _check_rows(clause)
    symbols = _Symbols(clause)
    name = clause.alias or source.alias_or_name
    rows, measures = _rows(clause, source.copy(), symbols)
    keys = [column.name for column in clause.args.get("partition_by") or []]
    table = _table(clause, symbols, keys, measures, rows)
    table.meta[SETTLED] = {
        **{key: key for key in keys},
        **{measure.name: measure.typed_by for measure in measures},
    }
    table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
    source.replace(table)
    select.set("match", None)


def _check_rows(clause: exp.MatchRecognize) -> None:
    rows = clause.args.get("rows")
    written = rows.name.upper() if rows is not None else ""
    if written not in _ONE_ROW:
        raise refusal(f"MATCH_RECOGNIZE with {written} is not supported: only ONE ROW PER MATCH", clause)
    for column in clause.args.get("partition_by") or []:
        if not isinstance(column, exp.Column):
            raise refusal("MATCH_RECOGNIZE partitions by columns: name the expression in a subquery", clause)
    if clause.args.get("order") is None:
        raise refusal("MATCH_RECOGNIZE needs an ORDER BY", clause)


class _Symbols:
    """The symbols of a pattern: their conditions, their letters and the regular expression."""

    def __init__(self, clause: exp.MatchRecognize) -> None:
        self.clause = clause
        self.pattern: str = clause.args["pattern"].name
        self.defined = {define.alias.lower(): define.this for define in clause.args.get("define") or []}
        if len(self.defined) > _MOST_SYMBOLS:
            raise refusal(f"MATCH_RECOGNIZE with more than {_MOST_SYMBOLS} symbols is not supported", clause)
        if re.search(r"\{-|PERMUTE", self.pattern, re.IGNORECASE):
            raise refusal("PERMUTE and exclusions in a PATTERN are not supported", clause)
        self.names = {name.lower() for name in re.findall(r"[A-Za-z_][A-Za-z0-9_$]*", self.pattern)}
        self.expression = re.sub(r"[A-Za-z_][A-Za-z0-9_$]*|\s+", self._letters_at, self.pattern)
        self.atoms = self._atoms()
        if re.fullmatch(self.expression, ""):
            raise refusal("a PATTERN that matches no rows at all is not supported", clause)

    def letters(self, symbol: str) -> str:
        """Return the class of letters whose rows may be a symbol; any row may be one without a condition."""
        if symbol not in self.defined:
            return "."
        bit = 1 << list(self.defined).index(symbol)
        letters = "".join(chr(_FIRST_LETTER + mask) for mask in range(1 << len(self.defined)) if mask & bit)
        return f"[{letters}]"

    def _letters_at(self, found: re.Match[str]) -> str:
        return self.letters(found[0].lower()) if found[0].strip() else ""

    def _atoms(self) -> list[tuple[str, str]]:
        """Take a pattern without groups apart: each symbol with how often; raises for another where it matters."""
        atoms, end = [], 0
        body = self.pattern.strip()
        while end < len(body):
            found = _ATOM.match(body, end)
            if found is None:
                return []
            atoms.append((found["symbol"].lower(), re.sub(r"\s", "", found["count"] or "")))
            end = found.end()
        return atoms if len(atoms) <= _MOST_ATOMS else []

    def letter(self) -> exp.Expr:
        """Return the letter of a row: its number has a bit for each condition that holds."""
        number: exp.Expr = exp.Literal.number(_FIRST_LETTER)
        for place, condition in enumerate(self.defined.values()):
            bit = exp.Case(
                ifs=[exp.If(this=self._own_row(condition), true=exp.Literal.number(1 << place))],
                default=exp.Literal.number(0),
            )
            number = exp.Add(this=number, expression=bit)
        return exp.Chr(expressions=[number])

    def _own_row(self, condition: exp.Expr) -> exp.Expr:
        """Let a condition look at its own row, and by LAG and LEAD at those beside it in the partition."""
        condition = condition.copy()
        for column in condition.find_all(exp.Column):
            if column.table.lower() in self.names:
                column.set("table", None)
        for aggregate in condition.find_all(exp.AggFunc):
            if not isinstance(aggregate, exp.Lag | exp.Lead):
                name = aggregate.sql_name()
                raise refusal(f"{name}() in DEFINE is not supported: only LAG and LEAD", self.clause)
        for beside in list(condition.find_all(exp.Lag, exp.Lead)):
            beside.replace(_over(beside.copy(), self.clause))
        return exp.paren(condition)


def _over(function: exp.Expr, clause: exp.MatchRecognize) -> exp.Window:
    return exp.Window(
        this=function,
        partition_by=[column.copy() for column in clause.args.get("partition_by") or []],
        order=clause.args["order"].copy(),
    )


def _rows(
    clause: exp.MatchRecognize, source: exp.Expr, symbols: _Symbols
) -> tuple[exp.Subquery, Sequence[_Measure]]:
    """Return the rows with letter, place and what is measured, and the measures over them."""
    rows = exp.select("*").from_(source)
    rows.select(exp.alias_(symbols.letter(), "sf_letter"), copy=False)
    rows.select(exp.alias_(_over(exp.RowNumber(), clause), "sf_place"), copy=False)
    measures = [
        _measure(measure.this, place, rows, symbols)
        for place, measure in enumerate(clause.args.get("measures") or [])
    ]
    subquery = exp.Subquery(this=rows)
    subquery.meta[ROWS] = True
    return subquery, measures


def _measure(measure: exp.Expr, place: int, rows: exp.Select, symbols: _Symbols) -> _Measure:
    name, value = measure.alias, measure.this
    call = value.name.lower() if isinstance(value, exp.Anonymous) else ""
    if call in {"match_number", "match_sequence_number", "classifier"}:
        return _Measure(name=name, written=_CALLS[call])
    symbol = _symbol_of(value, symbols)
    condition = f" FILTER (WHERE list_contains(sf_symbols, '{symbol}'))" if symbol else ""
    if (
        isinstance(value, exp.Count)
        and isinstance(value.this, exp.Star | exp.Column)
        and value.find(exp.Star)
    ):
        return _Measure(name=name, written=f"count(*){condition}")
    aggregate, argument = _aggregate_of(value)
    if argument is None or argument.find(exp.AggFunc):
        raise refusal(f"the measure {name} is not supported: one aggregate of one expression", symbols.clause)
    for column in argument.find_all(exp.Column):
        column.set("table", None)
    rows.select(exp.alias_(argument, f"sf_measured_{place}"), copy=False)
    written = aggregate.format(f"sf_measured_{place}")
    typed_by = f"sf_measured_{place}" if "sf_place" in aggregate else None
    return _Measure(name=name, written=f"{written}{condition}", typed_by=typed_by)


_CALLS = {
    "match_number": "any_value(sf_number)",
    "match_sequence_number": "count(*)",
    "classifier": "upper(last(sf_symbols[1] ORDER BY sf_place))",
}


def _symbol_of(value: exp.Expr, symbols: _Symbols) -> str:
    found = {column.table.lower() for column in value.find_all(exp.Column) if column.table}
    if len(found & symbols.names) > 1:
        raise refusal("a measure over two symbols is not supported", symbols.clause)
    return next(iter(found & symbols.names), "")


def _aggregate_of(value: exp.Expr) -> tuple[str, exp.Expr | None]:
    """Return an aggregate of DuckDB's with a place for its argument, and the argument."""
    if isinstance(value, exp.First | exp.FirstValue):
        return "first({} ORDER BY sf_place)", value.this.copy()
    if isinstance(value, exp.Last | exp.LastValue):
        return "last({} ORDER BY sf_place)", value.this.copy()
    if isinstance(value, exp.Count) and isinstance(value.this, exp.Distinct):
        return "count(DISTINCT {})", value.this.expressions[0].copy()
    known = _AGGREGATES.get(type(value))
    if known is not None:
        return f"{known}({{}})", value.this.copy()
    if value.find(exp.AggFunc):
        return "", None
    return "last({} ORDER BY sf_place)", value.copy()


_AGGREGATES: Mapping[type[exp.Expr], str] = {
    exp.Count: "count",
    exp.Sum: "sum",
    exp.Avg: "avg",
    exp.Min: "min",
    exp.Max: "max",
    exp.AnyValue: "any_value",
    exp.ArrayAgg: "list",
}

_QUERY = """
WITH sf_rows AS (SELECT * FROM sf_given),
sf_texts AS (
    SELECT {keys} string_agg(sf_letter, '' ORDER BY sf_place) AS sf_text FROM sf_rows {group}
),
sf_hits AS (SELECT {keys} {hits} AS sf_hits FROM sf_texts),
sf_matches AS (
    SELECT {keys} unnest(sf_hits) AS sf_hit, generate_subscripts(sf_hits, 1) AS sf_number FROM sf_hits
),
sf_matched AS (
    SELECT {row_columns}, m.sf_number, {symbols} AS sf_symbols
    FROM sf_rows AS r JOIN sf_matches AS m ON {same}
        r.sf_place >= m.sf_hit.start AND r.sf_place < m.sf_hit.start + length(m.sf_hit.letters)
)
SELECT {outputs} FROM sf_matched GROUP BY {keys} sf_number
"""
_PAST_LAST_ROW = """
    list_filter(list_transform(
        list_zip(regexp_extract_all(sf_text, {pattern}), string_split_regex(sf_text, {pattern})),
        lambda pair, i : {{'letters': pair[1], 'start': 1 + list_sum(list_transform(
            list_zip(regexp_extract_all(sf_text, {pattern}), string_split_regex(sf_text, {pattern}))[1:i],
            lambda p, j : length(p[2]) + CASE WHEN j < i THEN length(p[1]) ELSE 0 END))}}
    ), lambda hit : hit.letters IS NOT NULL)
"""
_ONE_BY_ONE = """
    list_reduce(range(1, length(sf_text) + 1), lambda found, i :
        CASE WHEN i < coalesce(found[-1].next, 1) THEN found
        WHEN regexp_extract(substr(sf_text, i), {anchored}) = '' THEN found
        ELSE list_append(found, {{
            'letters': regexp_extract(substr(sf_text, i), {anchored}),
            'start': CAST(i AS BIGINT),
            'next': CAST(i + {step} AS BIGINT)
        }}) END,
        CAST([] AS STRUCT(letters VARCHAR, start BIGINT, next BIGINT)[]))
"""


def _table(
    clause: exp.MatchRecognize,
    symbols: _Symbols,
    keys: Sequence[str],
    measures: Sequence[_Measure],
    rows: exp.Subquery,
) -> exp.Subquery:
    quoted = [exp.to_identifier(key, quoted=True).sql("duckdb") for key in keys]
    listed = "".join(f"{key}, " for key in quoted)
    measured = sorted(set(_measured(rows)))
    text = _QUERY.format(
        keys=listed,
        group=f"GROUP BY {', '.join(quoted)}" if quoted else "",
        hits=_hits(clause, symbols),
        row_columns=", ".join(
            [*(f"r.{key}" for key in quoted), "r.sf_place", *(f"r.{name}" for name in measured)]
        ),
        symbols=_symbols_of_row(symbols),
        same="".join(f"r.{key} IS NOT DISTINCT FROM m.{key} AND " for key in quoted),
        outputs=", ".join(
            [
                *quoted,
                *(f"{m.written} AS {exp.to_identifier(m.name, quoted=True).sql('duckdb')}" for m in measures),
            ]
        ),
    )
    query = sqlglot.parse_one(text, read="duckdb")
    given = next(table for table in query.find_all(exp.Table) if table.name == "sf_given")
    rows.set("alias", exp.TableAlias(this=exp.to_identifier("sf_given")))
    given.replace(rows)
    return exp.Subquery(this=query)


def _measured(rows: exp.Subquery) -> list[str]:
    return [output.alias for output in rows.this.expressions if output.alias.startswith("sf_measured_")]


def _hits(clause: exp.MatchRecognize, symbols: _Symbols) -> str:
    after = clause.args.get("after")
    written = " ".join(after.name.upper().split()) if after is not None else ""
    if written in _PAST_LAST:
        return _PAST_LAST_ROW.format(pattern=_literal(f"(?:{symbols.expression})"))
    anchored = _literal(f"^(?:{symbols.expression})")
    return _ONE_BY_ONE.format(anchored=anchored, step=_step(written, anchored, symbols))


def _step(written: str, anchored: str, symbols: _Symbols) -> str:
    """Return how far after the start of a match the next one may start."""
    if written == "AFTER MATCH SKIP TO NEXT ROW":
        return "1"
    found = _SKIP_TO.fullmatch(written)
    symbol = found["symbol"].lower() if found else ""
    if found is None or symbol not in symbols.defined:
        raise refusal(f"{written} is not supported", symbols.clause)
    hit = f"regexp_extract(substr(sf_text, i), {anchored})"
    is_it = _literal(symbols.letters(symbol))
    if found["which"] == "FIRST":
        return f"greatest(length(regexp_extract({hit}, '^' || {_literal(f'[^{symbols.letters(symbol)[1:-1]}]*')})), 1)"
    return f"greatest(length(regexp_extract({hit}, '^.*' || {is_it})) - 1, 1)"


def _symbols_of_row(symbols: _Symbols) -> str:
    """Return which symbols a row stands for: by its place among the parts of the match, or by its letter."""
    if not symbols.atoms:
        return _symbols_by_letter(symbols)
    pattern = _literal(
        "^" + "".join(f"({symbols.letters(name)}{count})" for name, count in symbols.atoms) + "$"
    )
    branches, before = [], []
    for number, (name, _) in enumerate(symbols.atoms, start=1):
        before.append(f"length(regexp_extract(m.sf_hit.letters, {pattern}, {number}))")
        branches.append(f"WHEN r.sf_place - m.sf_hit.start < {' + '.join(before)} THEN ['{name}']")
    return f"CASE {' '.join(branches)} END"


def _symbols_by_letter(symbols: _Symbols) -> str:
    names = [
        f"CASE WHEN regexp_full_match(r.sf_letter, {_literal(symbols.letters(name))}) THEN '{name}' END"
        for name in sorted(symbols.names)
    ]
    return f"list_filter([{', '.join(names)}], lambda name : name IS NOT NULL)"


def is_guessed(clause: exp.MatchRecognize) -> bool:
    """Tell whether rows are given to symbols by their conditions alone, because the pattern has groups."""
    return not _Symbols(clause).atoms


def _literal(text: str) -> str:
    return exp.Literal.string(text).sql("duckdb")
