"""Which times of a table a query can ask for, read off its parse tree: comparisons with constants, nothing more.

A condition is kept where a row that fails it changes nothing in the answer, wherever in the query that is decided.
All else is left out, so that what is found is never narrower than what the query reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect import conditions
from runner.lake.dialect.conditions import ALWAYS, AllOf, Comparison, all_of, any_of
from runner.lake.dialect.projections import Projections
from runner.lake.dialect.trees import among, nodes
from runner.lake.table import ENGINE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from runner.lake.dialect.conditions import Condition

PARTITION_COLUMNS = frozenset({"p_date", "p_hour"})
"""The columns that a partitioned table has besides those of its files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryBounds:
    """For each view of a table, what holds for the rows that its mentions read; a row needs one of them."""

    conditions: Mapping[str, tuple[Condition, ...]]
    partition_columns: frozenset[str]
    """Which of `PARTITION_COLUMNS` the query names."""


def read(query: exp.Query) -> QueryBounds:
    """Read the bounds of a query whose tables are bound to their views. Changes nothing in the tree."""
    parts = nodes(query)
    reader = _Reader(_around_windows(parts))
    reader.query(query, {}, ALWAYS)
    named = {column.name.lower() for column in among(parts, exp.Column)}
    return QueryBounds(
        conditions={view: tuple(found) for view, found in reader.found.items()},
        partition_columns=frozenset(named & PARTITION_COLUMNS),
    )


def _around_windows(nodes: Iterable[exp.Expr]) -> set[int]:
    """Return the identities of all nodes that have a window function within them."""
    around: set[int] = set()
    for window in among(nodes, exp.Window):
        part: exp.Expr | None = window
        while part is not None and id(part) not in around:
            around.add(id(part))
            part = part.parent
    return around


@dataclass(slots=True)
class _CTE:
    """A common table expression, and what each mention of it asks of its output columns."""

    query: exp.Expr
    scope: Mapping[str, _CTE]
    opaque: bool
    demands: list[Condition] = field(default_factory=list)

    @property
    def demand(self) -> Condition:
        return any_of(self.demands) if self.demands and not self.opaque else ALWAYS


class _Reader:
    """Walks a query from outside inwards, with what is asked of the output of the part at hand."""

    def __init__(self, windowed: Collection[int]) -> None:
        self.found: dict[str, list[Condition]] = {}
        self._windowed = windowed

    def query(self, query: exp.Expr, scope: Mapping[str, _CTE], asked: Condition) -> None:
        ctes = _ctes(query, scope)
        scope = {**scope, **ctes}
        match query:
            case exp.Select():
                self._select(query, scope, asked)
            case exp.SetOperation():
                self._set_operation(query, scope, asked)
            case exp.Subquery() if isinstance(query.this, exp.Query):
                plain = _has_only(query, {"this", "alias", "with_"})
                self.query(query.this, scope, asked if plain and not query.alias_column_names else ALWAYS)
            case _:
                self._rest(query, scope)
        for cte in reversed(ctes.values()):  # all that mention it have been walked through
            self.query(cte.query, cte.scope, cte.demand)

    def _set_operation(self, query: exp.SetOperation, scope: Mapping[str, _CTE], asked: Condition) -> None:
        """Ask both sides what is asked of the whole, if it is known which column is which."""
        left, right = query.this, query.expression
        same = _has_only(query, {"this", "expression", "distinct", "with_", "order"})
        names = [_outputs(side) for side in (left, right)] if same else [[], []]
        if not names[0] or names[0] != names[1]:
            asked = ALWAYS
        self.query(left, scope, asked)
        self.query(right, scope, asked)

    def _select(self, select: exp.Select, scope: Mapping[str, _CTE], asked: Condition) -> None:
        sources = _sources_of(select)
        found = list(_conditions_of(select, sources))
        if _filters_commute(select) and id(select) not in self._windowed:
            found.append(_inside(asked, Projections(select.expressions, len(sources))))
        condition = all_of(found)
        for source in sources:
            self._source(source, scope, conditions.about(condition, source.name))
        walked = {id(source.node) for source in sources}
        for part in _parts_of(select):
            self._rest(part, scope, walked)

    def _source(self, source: _Source, scope: Mapping[str, _CTE], condition: Condition) -> None:
        node = source.node
        if isinstance(node, exp.Table) and _has_only(node, {"this", "db", "catalog", "alias"}):
            self._table(node, scope, ALWAYS if node.alias_column_names else condition)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            self.query(node, scope, condition)
        else:
            self._rest(node, scope)

    def _table(self, table: exp.Table, scope: Mapping[str, _CTE], condition: Condition) -> None:
        name = table.name
        if table.db == ENGINE_SCHEMA:
            self.found.setdefault(name, []).append(condition)
        elif not table.db and name.lower() in scope:
            scope[name.lower()].demands.append(condition)

    def _rest(self, part: exp.Expr, scope: Mapping[str, _CTE], walked: Iterable[int] = frozenset()) -> None:
        """Walk through a part that says nothing about the tables in it."""
        if isinstance(part, _LEAVES) or id(part) in walked:
            return
        if isinstance(part, exp.Table):
            self._table(part, scope, ALWAYS)
        for child in part.iter_expressions():
            if isinstance(child, exp.Query) and id(child) not in walked and not isinstance(child, exp.Table):
                self.query(child, scope, ALWAYS)
            else:
                self._rest(child, scope, walked)


_LEAVES = (exp.Column, exp.Literal, exp.Identifier)
"""What no table can stand in."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Something in FROM, and how it is joined to what stands before it."""

    name: str
    node: exp.Expr
    join: exp.Join | None = None


def _ctes(query: exp.Expr, scope: Mapping[str, _CTE]) -> dict[str, _CTE]:
    """Each CTE sees those before it; a recursive one is left as it is."""
    found: dict[str, _CTE] = {}
    with_ = query.args.get("with_")
    if with_ is None:
        return found
    for cte in with_.expressions:
        opaque = bool(with_.recursive or cte.alias_column_names)
        found[cte.alias.lower()] = _CTE(cte.this, {**scope, **found}, opaque)
    return found


def _sources_of(select: exp.Select) -> list[_Source]:
    from_ = select.args.get("from_")
    first = [_Source(_alias(from_.this), from_.this)] if from_ is not None else []
    joins = select.args.get("joins") or []
    return [*first, *(_Source(_alias(join.this), join.this, join) for join in joins)]


def _alias(node: exp.Expr) -> str:
    return node.alias_or_name.lower()


_BEFORE_WHERE = ("match", "connect", "sample")
"""Parts of a SELECT that see rows which WHERE drops after them."""


def _conditions_of(select: exp.Select, sources: Iterable[_Source]) -> Iterator[Condition]:
    if any(select.args.get(part) for part in _BEFORE_WHERE):
        return
    where = select.args.get("where")
    if where is not None:
        yield conditions.read(where.this)
    for source in sources:
        on = source.join.args.get("on") if source.join is not None else None
        if source.join is not None and on is not None:
            yield _of_join(conditions.read(on), source.join, source.name)


def _of_join(condition: Condition, join: exp.Join, joined: str) -> Condition:
    """Keep of an ON what no row is lost by that the join would show nonetheless, with NULLs beside it."""
    if join.method:
        return ALWAYS
    if join.kind == "ANTI" or join.side == "LEFT":
        return conditions.about(condition, joined, named=True)
    if join.side == "RIGHT":
        return conditions.without(condition, joined)
    return condition if not join.side else ALWAYS


def _inside(condition: Condition, outputs: Projections) -> Condition:
    """Return a condition on output columns as one on what they are made of."""
    if isinstance(condition, Comparison):
        source = outputs.source_of(condition.operand.column)
        return condition.over(source) if source is not None else ALWAYS
    parts = [_inside(part, outputs) for part in condition.parts]
    return all_of(parts) if isinstance(condition, AllOf) else any_of(parts)


_COMMUTING = {
    *("expressions", "from_", "joins", "laterals", "where", "group", "having", "order", "distinct", "with_"),
    "hint",
}


def _filters_commute(select: exp.Select) -> bool:
    """Tell whether dropping rows after a SELECT, by a column that is not computed, is dropping them before it.

    A SELECT with a window function within it is not asked: its rows are counted together.
    """
    distinct = select.args.get("distinct")
    return _has_only(select, _COMMUTING) and not (distinct is not None and distinct.args.get("on"))


def _has_only(node: exp.Expr, keys: set[str]) -> bool:
    return all(key in keys or not value for key, value in node.args.items())


def _outputs(side: exp.Expr) -> list[str]:
    """Return the names of the output columns of one side of a set operation; none if there is a star."""
    query = side.unnest() if isinstance(side, exp.Subquery) else side
    if not isinstance(query, exp.Select) or any(one.is_star for one in query.expressions):
        return []
    return [one.alias_or_name.lower() for one in query.expressions]


def _parts_of(select: exp.Select) -> Iterator[exp.Expr]:
    """Yield all parts of a SELECT but its CTEs, which are walked through with what is asked of them."""
    for child in select.iter_expressions():
        if not isinstance(child, exp.With):
            yield child
