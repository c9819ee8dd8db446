"""What could make the same query give another answer for the same time."""

from __future__ import annotations

from sqlglot import exp

from runner.lake.dialect.gate import function_name

_VOLATILE = frozenset({"random", "rand", "uuid", "gen_random_uuid", "uuidv4", "uuid_string", "randstr"})
_ARBITRARY = frozenset({"any_value", "approx_quantile", "reservoir_quantile", "approx_count_distinct"})


def doubts(query: exp.Query) -> tuple[str, ...]:
    """Return a sentence for each part of the query that may answer differently when run again."""
    found = {
        f"{function_name(node)}() gives another value each time"
        for node in query.find_all(exp.Func)
        if function_name(node) in _VOLATILE
    }
    found |= {
        f"{function_name(node)}() may pick another value each time"
        for node in query.find_all(exp.Func)
        if function_name(node) in _ARBITRARY
    }
    limits = query.find_all(exp.Limit, exp.Fetch)
    if any(limit.parent is not None and not limit.parent.args.get("order") for limit in limits):
        found.add("LIMIT without ORDER BY keeps arbitrary rows")
    if query.find(exp.TableSample):
        found.add("a sample takes other rows each time")
    return tuple(sorted(found))
