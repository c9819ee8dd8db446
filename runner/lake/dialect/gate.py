"""Which statements may run: reads of lake tables, and nothing that reaches outside them.

This is the first of two locks; the second is DuckDB's own (`runner.lake.duckdb_engine`).
"""

from __future__ import annotations

from sqlglot import exp

from runner.errors import RefusedQuery

TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "generator", "flatten"})
"""The functions that may stand where a table stands."""

REFUSED_FUNCTIONS = frozenset(
    """
    add_parquet_key checkpoint create_sort_key current_catalog current_database current_query
    current_role current_schema current_schemas current_setting current_user currval
    duckdb_secrets error force_checkpoint getenv getvariable in_search_path
    json_execute_serialized_sql json_serialize_sql json_deserialize_sql json_serialize_plan nextval
    pg_sleep query query_table read_blob read_text session_user setseed sleep sleep_ms
    txid_current user version which_secret write_log
    """.split()
)
"""Functions that read the engine's own state, run SQL hidden in text, or wait."""

_REFUSED_NODES = (
    exp.DDL,
    exp.DML,
    exp.Command,
    exp.Into,
    exp.Lock,
    exp.Set,
    exp.Copy,
    exp.Attach,
    exp.Pragma,
)


def check(query: exp.Query) -> None:
    """Refuse a parse tree that does anything but read tables.

    Raises `RefusedQuery` naming the part that is not allowed.
    """
    for node in query.walk():
        if isinstance(node, _REFUSED_NODES) and not isinstance(node, exp.Query):
            raise RefusedQuery(f"{type(node).__name__.upper()} is not allowed: a scheduled query only reads")
        if isinstance(node, exp.Table):
            _check_table(node)
        elif isinstance(node, exp.ReadCSV | exp.ReadParquet):
            raise RefusedQuery(f"{function_name(node)}() is not allowed: name a table of the lake")
        elif isinstance(node, exp.Func) and function_name(node) in REFUSED_FUNCTIONS:
            raise RefusedQuery(f"the function {function_name(node)}() is not allowed in a scheduled query")


def function_name(node: exp.Expr) -> str:
    """Return the lower-case name by which a function was called."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    return node.sql_name().lower() if isinstance(node, exp.Func) else type(node).__name__.lower()


def _check_table(table: exp.Table) -> None:
    source = table.this
    if isinstance(source, exp.Func) and function_name(source) not in TABLE_FUNCTIONS:
        raise RefusedQuery(
            f"the table function {function_name(source)}() is not allowed: name a table of the lake"
        )
    if not isinstance(source, exp.Func | exp.Identifier):
        raise RefusedQuery(f"{table.sql()} is not a table of the lake")
