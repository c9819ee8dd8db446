"""Functions of Snowflake's that DuckDB has no word for, written in DuckDB's SQL.

An engine creates a macro before the first statement that names it: all of them together cost it more than its
connection does, and most queries need none. They are functions of their arguments alone. `x` is any value, `a` and
`b` are arrays in any form.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.lake.table import ENGINE_SCHEMA

if TYPE_CHECKING:
    import duckdb

MACROS = {
    # Values of any type
    "sf_list(x)": "CASE WHEN variant_type(CAST(x AS VARIANT)) = 'ARRAY' THEN TRY_CAST(x AS VARIANT[]) END",
    "sf_text(x)": """
        CASE WHEN variant_type(x) IN ('OBJECT', 'ARRAY') THEN CAST(CAST(x AS JSON) AS VARCHAR)
        ELSE CAST(x AS VARCHAR) END
    """,
    "sf_json(x)": "regexp_replace(CAST(CAST(x AS JSON) AS VARCHAR), '^(-?[0-9]+)\\.0$', '\\1')",
    "sf_typeof(x)": """
        CASE json_type(x)
            WHEN 'NULL' THEN 'NULL_VALUE'
            WHEN 'BIGINT' THEN 'INTEGER'
            WHEN 'UBIGINT' THEN 'INTEGER'
            WHEN 'DOUBLE' THEN 'DECIMAL'
            ELSE json_type(x)
        END
    """,
    "sf_index_path(x)": "'$[' || CAST(CASE WHEN x >= 0 THEN x ELSE 2147483647 END AS BIGINT) || ']'",
    "sf_key_path(x)": """ '$."' || replace(replace(x, '\\', '\\\\'), '"', '\\"') || '"' """,
    "sf_step_path(j)": """
        CASE WHEN sf_typeof(j) = 'INTEGER' THEN sf_index_path(CAST(json_extract_string(j, '$') AS BIGINT))
        ELSE sf_key_path(json_extract_string(j, '$')) END
    """,
    "sf_element(a, i)": "CASE WHEN i >= 1 THEN list_extract(a, i) END",
    # Arrays. Elements are compared as JSON text: a number is never equal to a text.
    "sf_keys(a)": "list_transform(sf_list(a), lambda e : coalesce(sf_json(e), 'null'))",
    "sf_array_contains(x, a)": """
        CASE WHEN x IS NOT NULL OR list_contains(sf_keys(a), 'null')
        THEN list_contains(sf_keys(a), coalesce(sf_json(x), 'null')) END
    """,
    "sf_array_position(x, a)": """
        CASE WHEN list_position(sf_keys(a), coalesce(sf_json(x), 'null')) > 0
        THEN list_position(sf_keys(a), coalesce(sf_json(x), 'null')) - 1 END
    """,
    "sf_arrays_overlap(a, b)": "list_has_any(sf_keys(a), sf_keys(b))",
    "sf_array_size(a)": "len(sf_list(a))",
    "sf_array_to_string(a, separator)": """
        CASE WHEN len(sf_list(a)) = 0 THEN '' ELSE
        list_aggregate(list_transform(sf_list(a), lambda e : coalesce(sf_text(e), '')), 'string_agg', separator) END
    """,
    # Multisets. Both arrays are sorted together by key, `b` first where keys are equal, and cut into runs of one key
    # and one array; from each run of `a` so many are kept or left out as the run before it has of that key. A lambda
    # over one item gives a value a name, so that it is worked out once; a slice within a lambda would copy the array.
    "sf_sorted(l, m)": """
        list_sort(list_concat(
            list_transform(m, lambda e, i : {'k': coalesce(sf_json(e), 'null'), 'mine': false, 'i': i}),
            list_transform(l, lambda e, i : {'k': coalesce(sf_json(e), 'null'), 'mine': true, 'i': i})))
    """,
    "sf_runs(s)": """
        list_filter(range(1, len(s) + 1), lambda p : p = 1 OR s[p].k <> s[p - 1].k OR s[p].mine <> s[p - 1].mine)
    """,
    "sf_others(s, runs, i)": """
        CASE WHEN s[runs[i - 1]].k = s[runs[i]].k THEN runs[i] - runs[i - 1] ELSE 0 END
    """,
    "sf_picked(l, s, kept)": """
        list_transform(list_sort(list_transform(kept, lambda p : s[p].i)), lambda i : l[i])
    """,
    "sf_array_intersection(a, b)": """
        list_transform([{'l': sf_list(a), 'm': sf_list(b)}], lambda x : CASE WHEN x.l IS NOT NULL AND x.m IS NOT NULL THEN
            list_transform([sf_sorted(x.l, x.m)], lambda s : list_transform([sf_runs(s)], lambda runs :
                sf_picked(x.l, s, flatten(list_transform(runs, lambda p, i : CASE WHEN s[p].mine THEN
                    range(p, least(p + sf_others(s, runs, i), coalesce(runs[i + 1], len(s) + 1))) ELSE [] END)))
            )[1])[1] END)[1]
    """,
    "sf_array_except(a, b)": """
        list_transform([{'l': sf_list(a), 'm': sf_list(b)}], lambda x : CASE WHEN x.l IS NOT NULL AND x.m IS NOT NULL THEN
            list_transform([sf_sorted(x.l, x.m)], lambda s : list_transform([sf_runs(s)], lambda runs :
                sf_picked(x.l, s, flatten(list_transform(runs, lambda p, i : CASE WHEN s[p].mine THEN
                    range(p + sf_others(s, runs, i), coalesce(runs[i + 1], len(s) + 1)) ELSE [] END)))
            )[1])[1] END)[1]
    """,
    "sf_array_distinct(a)": """
        list_transform([sf_list(a)], lambda l : CASE WHEN l IS NOT NULL THEN
            list_transform([sf_sorted(l, [])], lambda s : sf_picked(l, s, sf_runs(s)))[1] END)[1]
    """,
    "sf_array_compact(a)": "list_filter(sf_list(a), lambda e : e IS NOT NULL)",
    "sf_array_flatten(a)": "flatten(list_transform(sf_list(a), lambda e : sf_list(e)))",
    "sf_slice(a, first, past)": """
        list_slice(
            a,
            CASE WHEN first < 0 THEN greatest(len(a) + first, 0) ELSE first END + 1,
            CASE WHEN past < 0 THEN len(a) + past ELSE past END
        )
    """,
    "sf_array_insert(a, i, x)": """
        sf_slice(a, 0, i) || list_resize([], greatest(CAST(i AS BIGINT) - len(a), 0)) || [x] || sf_slice(a, i, len(a))
    """,
    "sf_array_remove(a, x)": "list_filter(sf_list(a), lambda e : coalesce(sf_json(e), 'null') <> sf_json(x))",
    "sf_array_remove_at(a, i)": """
        list_filter(sf_list(a), lambda e, p : p - 1 <> CASE WHEN i < 0 THEN len(sf_list(a)) + i ELSE i END)
    """,
    # Objects, as JSON
    "sf_object(o)": "CAST(json_strip_nulls(o) AS JSON)",
    "sf_object_entries(o)": "map_entries(CAST(CASE WHEN json_type(o) = 'OBJECT' THEN o END AS MAP(VARCHAR, JSON)))",
    "sf_object_keys(o)": "CASE WHEN json_type(o) = 'OBJECT' THEN list_sort(json_keys(o)) END",
    "sf_object_of(entries)": "CAST(to_json(map_from_entries(entries)) AS JSON)",
    "sf_object_delete(o, keys)": """
        sf_object_of(list_filter(sf_object_entries(o), lambda e : NOT list_contains(keys, e.key)))
    """,
    "sf_object_pick(o, keys)": """
        sf_object_of(list_filter(sf_object_entries(o), lambda e : list_contains(keys, e.key)))
    """,
    "sf_get_ignore_case(o, k)": """
        list_filter(sf_object_entries(o), lambda e : lower(e.key) = lower(k))[1].value
    """,
    # FLATTEN's rows: key, index, value
    "sf_entries(j)": """
        CASE json_type(j)
            WHEN 'ARRAY' THEN list_transform(
                CAST(j AS JSON[]), lambda e, i : {'key': NULL::VARCHAR, 'index': CAST(i - 1 AS BIGINT), 'value': e})
            WHEN 'OBJECT' THEN list_transform(
                map_entries(CAST(j AS MAP(VARCHAR, JSON))),
                lambda e : {'key': e.key, 'index': NULL::BIGINT, 'value': e.value})
        END
    """,
    "sf_array_entries(j)": "CASE WHEN json_type(j) = 'ARRAY' THEN sf_entries(j) END",
    "sf_object_only_entries(j)": "CASE WHEN json_type(j) = 'OBJECT' THEN sf_entries(j) END",
    "sf_list_entries(a)": """
        list_transform(a, lambda e, i : {'key': NULL::VARCHAR, 'index': CAST(i - 1 AS BIGINT), 'value': e})
    """,
    "sf_path_of_key(k)": """
        CASE WHEN regexp_full_match(k, '[A-Za-z_][A-Za-z0-9_$]*') THEN k ELSE '[''' || k || ''']' END
    """,
    "sf_flatten_path(prefix, k, i)": """
        CASE
            WHEN i IS NOT NULL THEN prefix || '[' || i || ']'
            WHEN prefix <> '' AND NOT starts_with(sf_path_of_key(k), '[') THEN prefix || '.' || sf_path_of_key(k)
            ELSE prefix || sf_path_of_key(k)
        END
    """,
    "sf_path_of_json_path(p)": """
        regexp_replace(ltrim(substr(p, 2), '.'), '\\.?"((?:[^"\\\\]|\\\\.)*)"', '[''\\1'']', 'g')
    """,
    # Times, naive and in UTC
    "sf_epoch_of(n)": """
        make_timestamp(CAST(CASE
            WHEN abs(n) < 31536000000 THEN n * 1000000
            WHEN abs(n) < 31536000000000 THEN n * 1000
            WHEN abs(n) < 31536000000000000 THEN n
            ELSE n / 1000
        END AS BIGINT))
    """,
    "sf_epoch(n)": "sf_epoch_of(CAST(n AS DECIMAL(28, 6)))",
    "sf_timestamp(t)": """
        CASE WHEN regexp_full_match(t, '\\s*-?[0-9]+(\\.[0-9]+)?\\s*')
        THEN sf_epoch(TRY_CAST(t AS DECIMAL(28, 6))) ELSE CAST(t AS TIMESTAMP) END
    """,
    "sf_try_timestamp(t)": """
        CASE WHEN regexp_full_match(t, '\\s*-?[0-9]+(\\.[0-9]+)?\\s*')
        THEN sf_epoch(TRY_CAST(t AS DECIMAL(28, 6))) ELSE TRY_CAST(t AS TIMESTAMP) END
    """,
    "sf_close_offset(t)": "regexp_replace(t, '\\s+([+-][0-9]{2}:?([0-9]{2})?)\\s*$', '\\1')",
    "sf_instant(t)": "CAST(sf_close_offset(t) AS TIMESTAMPTZ) AT TIME ZONE 'UTC'",
    "sf_try_instant(t)": "TRY_CAST(sf_close_offset(t) AS TIMESTAMPTZ) AT TIME ZONE 'UTC'",
    "sf_try_boolean(t)": """
        CASE WHEN lower(t) IN ('yes', 'on') THEN true WHEN lower(t) IN ('no', 'off') THEN false
        ELSE TRY_CAST(t AS BOOLEAN) END
    """,
    "sf_boolean(t)": """
        CASE WHEN t IS NOT NULL AND sf_try_boolean(t) IS NULL THEN CAST(t AS BOOLEAN) ELSE sf_try_boolean(t) END
    """,
    # Addresses
    "sf_url_part(u, n)": """
        nullif(regexp_extract(
            u, '^([A-Za-z][A-Za-z0-9+.-]*):(?://(?:[^@/?#]*@)?([^:/?#]*)(?::([0-9]+))?/?)?([^?#]*)(?:\\?([^#]*))?(?:#(.*))?$', n
        ), '')
    """,
    "sf_url_parameters(q)": """
        CASE WHEN q IS NOT NULL THEN map_from_entries(list_transform(
            list_filter(string_split(q, '&'), lambda p : p <> ''),
            lambda p : {'k': split_part(p, '=', 1), 'v': substr(p, length(split_part(p, '=', 1)) + 2)})) END
    """,
    "sf_parse_url(u)": """
        CASE WHEN sf_url_part(u, 1) IS NOT NULL THEN json_object('fragment', sf_url_part(u, 6),
            'host', sf_url_part(u, 2), 'parameters', to_json(sf_url_parameters(sf_url_part(u, 5))),
            'path', coalesce(sf_url_part(u, 4), ''), 'port', sf_url_part(u, 3), 'query', sf_url_part(u, 5),
            'scheme', lower(sf_url_part(u, 1))) END
    """,
    "sf_address(t)": "split_part(t, '/', 1)",
    "sf_prefix(t)": "TRY_CAST(nullif(split_part(t, '/', 2), '') AS BIGINT)",
    "sf_is_ipv4(t)": """
        regexp_full_match(sf_address(t), '((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\\.|$)){4}')
        AND NOT ends_with(sf_address(t), '.') AND regexp_full_match(t, '[^/]+(/(3[0-2]|[12]?[0-9]))?')
    """,
    "sf_ipv4_part(t, n)": "TRY_CAST(split_part(sf_address(t), '.', n) AS BIGINT)",
    "sf_ipv4(t)": """
        sf_ipv4_part(t, 1) * 16777216 + sf_ipv4_part(t, 2) * 65536 + sf_ipv4_part(t, 3) * 256 + sf_ipv4_part(t, 4)
    """,
    "sf_ipv4_hosts(t)": "1 << (32 - coalesce(sf_prefix(t), 32))",
    "sf_ipv4_start(t)": "sf_ipv4(t) // sf_ipv4_hosts(t) * sf_ipv4_hosts(t)",
    "sf_is_ipv6(t)": """
        regexp_full_match(t, '[0-9a-fA-F:]*:[0-9a-fA-F:]*(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?')
        AND NOT contains(t, ':::') AND len(string_split(sf_address(t), '::')) <= 2
        AND regexp_full_match(sf_address(t), '(::)?([0-9a-fA-F]{1,4}(::?|$)){0,8}')
        AND (CASE WHEN contains(t, '::') THEN len(string_split(sf_address(t), ':')) <= 9
            ELSE len(string_split(sf_address(t), ':')) = 8 END)
    """,
    "sf_hex_groups(t)": """
        array_to_string(list_transform(
            list_filter(string_split(t, ':'), lambda g : g <> ''), lambda g : lpad(upper(g), 4, '0')), '')
    """,
    "sf_hex_ipv6(t)": """
        sf_hex_groups(split_part(sf_address(t), '::', 1))
        || repeat('0', 32 - len(sf_hex_groups(split_part(sf_address(t), '::', 1)))
            - len(sf_hex_groups(split_part(sf_address(t), '::', 2))))
        || sf_hex_groups(split_part(sf_address(t), '::', 2))
    """,
    "sf_hex_bound(h, n, rest)": """
        array_to_string(list_transform(range(32), lambda i : format('{:X}', CASE
            WHEN (i + 1) * 4 <= n THEN TRY_CAST('0x' || h[i + 1] AS INTEGER)
            WHEN i * 4 >= n THEN rest
            ELSE TRY_CAST('0x' || h[i + 1] AS INTEGER) // (1 << (4 - n % 4)) * (1 << (4 - n % 4)) + rest % (1 << (4 - n % 4))
        END)), '')
    """,
    "sf_hex_field(h, n)": "TRY_CAST('0x' || substr(h, 1 + 8 * n, 8) AS BIGINT)",
    "sf_parse_ipv4(t, k)": """
        json_object('family', 4, 'host', sf_address(t), 'ip_fields', [sf_ipv4(t), 0, 0, 0], 'ip_type', lower(k),
            'ipv4', sf_ipv4(t), 'ipv4_range_end', sf_ipv4_start(t) + sf_ipv4_hosts(t) - 1,
            'ipv4_range_start', sf_ipv4_start(t), 'netmask_prefix_length', sf_prefix(t), 'snowflake$type', 'ip_address')
    """,
    "sf_parse_hex(t, k, h)": """
        json_object('family', 6, 'hex_ipv6', h, 'hex_ipv6_range_end', sf_hex_bound(h, coalesce(sf_prefix(t), 128), 15),
            'hex_ipv6_range_start', sf_hex_bound(h, coalesce(sf_prefix(t), 128), 0), 'host', sf_address(t),
            'ip_fields', [sf_hex_field(h, 0), sf_hex_field(h, 1), sf_hex_field(h, 2), sf_hex_field(h, 3)],
            'ip_type', lower(k), 'netmask_prefix_length', sf_prefix(t), 'snowflake$type', 'ip_address')
    """,
    "sf_parse_ip(t, k)": """
        CASE WHEN sf_is_ipv4(t) THEN json_strip_nulls(sf_parse_ipv4(t, k))
        WHEN sf_is_ipv6(t) THEN json_strip_nulls(sf_parse_hex(t, k, sf_hex_ipv6(t))) END
    """,
}
"""Signature → body, in an order in which each one uses only those before it."""

_BODIES = {signature.split("(")[0]: (signature, " ".join(body.split())) for signature, body in MACROS.items()}

MACRO_NAMES = frozenset(_BODIES)
"""The names by which the dialect calls them."""

_VALUES = "user current_user session_user current_role current_catalog current_schema current_date".split()
_REFUSALS = {name: (name, name) for name in _VALUES} | {
    "current_timestamp": ("get_current_timestamp", "current_timestamp")
}
"""Word → the function that DuckDB makes of it where no column has that name, even in quotes; and the column's name."""

_WORD = re.compile(r"[a-z_][a-z0-9_]*")


class EngineMacros:
    """The macros that one connection has so far.

    A statement is provided for by the words in it: a word that is no call costs a macro that is not needed, and
    a call that is no word there cannot be.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._created: set[str] = set()

    def provide(self, sql: str) -> None:
        """Create the macros that a statement needs and that are not there yet."""
        words = _words(sql)
        for function, name in sorted(_REFUSALS[word] for word in words & _REFUSALS.keys()):
            self._create(function, f"\"{function}\"() AS error('there is no column {name}')")
        for name in _closure(words):
            signature, body = _BODIES[name]
            self._create(name, f"{signature} AS {body}")

    def _create(self, name: str, definition: str) -> None:
        if name not in self._created:
            self._connection.execute(f"CREATE MACRO {ENGINE_SCHEMA}.{definition}")
            self._created.add(name)


def _words(sql: str) -> set[str]:
    return set(_WORD.findall(sql.lower()))


def _closure(words: set[str]) -> list[str]:
    """Return the macros among some words and those which they use in turn, each after those that it uses."""
    needed = set(words)
    for name in reversed(_BODIES):  # each macro uses only those before it
        if name in needed:
            needed |= _words(_BODIES[name][1])
    return [name for name in _BODIES if name in needed]
