"""What could make the same query give another answer for the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from runner.lake.dialect.gate import function_name
from runner.lake.dialect.trees import among

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_VOLATILE = frozenset({"random", "rand", "uuid", "gen_random_uuid", "uuidv4", "uuid_string", "randstr"})
_ARBITRARY = frozenset({"any_value", "approx_quantile", "reservoir_quantile", "approx_count_distinct"})


def doubts(nodes: Iterable[exp.Expr]) -> tuple[str, ...]:
    """Return a sentence for each of the nodes of a query that may answer differently when run again."""
    return tuple(sorted({sentence for node in among(nodes, *_DOUBTFUL) for sentence in _doubts_of(node)}))


_DOUBTFUL = (exp.Func, exp.Limit, exp.Fetch, exp.TableSample)


def _doubts_of(node: exp.Expr) -> Iterator[str]:
    if isinstance(node, exp.Func):
        name = function_name(node)
        if name in _VOLATILE:
            yield f"{name}() gives another value each time"
        if name in _ARBITRARY:
            yield f"{name}() may pick another value each time"
    elif isinstance(node, exp.Limit | exp.Fetch):
        if node.parent is not None and not node.parent.args.get("order"):
            yield "LIMIT without ORDER BY keeps arbitrary rows"
    elif isinstance(node, exp.TableSample):
        yield "a sample takes other rows each time"
