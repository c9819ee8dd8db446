"""Whole queries as detection teams write them, on every layout of the same documents."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from runner.errors import QueryError

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LOGS = "panther_logs.public.app_logs"
DOCUMENTS = [
    {
        "u": {"type": "Root", "arn": "arn:1", "n": {"deep": {"x": 5}}},
        "r": {"bucket": "b1", "tags": ["a", "b"]},
        "ips": ["1.1.1.1", "2.2.2.2"],
    },
    {"u": {"type": "User", "arn": "arn:2"}, "r": {"bucket": "b2", "count": 3, "flag": True}, "ips": []},
    {
        "u": {"type": "User", "arn": "arn:2", "n": {"deep": {"x": 7}}},
        "r": {"count": 10, "flag": False, "tags": ["b"]},
        "ips": ["2.2.2.2"],
    },
    {"u": None, "r": None, "ips": None},
]
STRUCTS = {
    "u": {"type": "VARCHAR", "arn": "VARCHAR", "n": {"deep": {"x": "BIGINT"}}},
    "r": {"bucket": "VARCHAR", "tags": ["VARCHAR"], "count": "BIGINT", "flag": "BOOLEAN"},
    "ips": ["VARCHAR"],
}


def column(name, layout):
    value = f"nullif(j->'{name}', 'null'::JSON)"
    if layout == "struct":
        return f"from_json({value}, '{json.dumps(STRUCTS[name])}') AS {name}"
    return f"CAST({value} AS {layout.upper()}) AS {name}"


@pytest.fixture(scope="module", params=["struct", "json", "variant"])
def events(request, make_standing_lake):
    lake = make_standing_lake(request.param)
    columns = ", ".join(column(name, request.param) for name in STRUCTS)
    rows = ", ".join(
        f"({place}, '{json.dumps(doc)}'::JSON, TIMESTAMP '2026-07-01 11:{10 * place:02}:00')"
        for place, doc in enumerate(DOCUMENTS, start=1)
    )
    lake.write(f"SELECT n, {columns}, p_event_time FROM (VALUES {rows}) AS t(n, j, p_event_time)")
    lake.standing = lake.engine()
    return lake


QUERIES = [
    # paths, aliases in other clauses, a trailing comma and a semicolon
    (
        (
            f"select u:arn as actor, count(*) as hits, from {LOGS} where p_occurs_since('1 day') and actor is not null "
            "group by actor having hits > 0 order by hits desc, actor;"
        ),
        [("arn:2", 2), ("arn:1", 1)],
    ),
    (f"select n from {LOGS} where u:type = 'User' and r:count > 2 order by n", [(2,), (3,)]),
    (f"select n from {LOGS} where r:flag or r:flag = 'false' order by n", [(2,), (3,)]),
    (
        f"select U:n.deep.x + 1, u:n['deep']['x']::int from {LOGS} where u:n is not null order by n",
        [(6, 5), (8, 7)],
    ),
    (
        f"select iff(ips[0] is not null, ips[0], 'N/A') as ip from {LOGS} order by n",
        [("1.1.1.1",), ("N/A",), ("2.2.2.2",), ("N/A",)],
    ),
    (f"select n, ips[n - 1] from {LOGS} where n < 3 order by n", [(1, "1.1.1.1"), (2, None)]),
    # grouping, joining and comparing what stands in documents
    (
        f"select u:type, listagg(distinct r:bucket, ',') as b from {LOGS} group by all order by 1 nulls last",
        [("Root", "b1"), ("User", "b2"), (None, "")],
    ),
    (f"select a.n, b.n as m from {LOGS} a join {LOGS} b on a.u:arn = b.u:arn and a.n < b.n", [(2, 3)]),
    (f"select n from {LOGS} where (u:type, n) in (('Root', 1), ('User', 3)) order by n", [(1,), (3,)]),
    (
        f"select n from {LOGS} where u:type in (select u:type from {LOGS} where n = 3) order by n",
        [(2,), (3,)],
    ),
    (
        f"select mode(u:type), count(distinct u:arn), max(r:count), sum(r:count) from {LOGS}",
        [("User", 2, 10, 13)],
    ),
    (f"select u:type from {LOGS} minus select 'Root' order by 1 nulls last", [("User",), (None,)]),
    # FLATTEN in its forms
    (
        f"select n, f.value, f.index from {LOGS}, lateral flatten(ips) f order by 1, 3",
        [(1, "1.1.1.1", 0), (1, "2.2.2.2", 1), (3, "2.2.2.2", 0)],
    ),
    (
        f"select n, value::string from {LOGS}, table(flatten(input => ips, outer => true)) order by 1, 2 nulls last",
        [(1, "1.1.1.1"), (1, "2.2.2.2"), (2, None), (3, "2.2.2.2"), (4, None)],
    ),
    (
        f"select f.path, f.value from {LOGS}, lateral flatten(input => r, path => 'tags') f where n = 1 order by 1",
        [("tags[0]", "a"), ("tags[1]", "b")],
    ),
    (
        f"select f.path from {LOGS}, lateral flatten(input => u, recursive => true) f where n = 1 order by 1",
        [("arn",), ("n",), ("n.deep",), ("n.deep.x",), ("type",)],
    ),
    (
        f"select f.path from {LOGS}, lateral flatten(input => r, recursive => true, mode => 'object') f where n = 1 order by 1",
        [("bucket",), ("tags",)],
    ),
    (
        f"select n from {LOGS} t where exists (select 1 from table(flatten(t.ips)) f where f.value = '1.1.1.1')",
        [(1,)],
    ),
    # windows, slices of time, generated rows
    (
        f"select n, row_number() over (partition by u:type order by r:count desc nulls last) as rn from {LOGS} qualify rn = 1 order by n",
        [(1, 1), (3, 1), (4, 1)],
    ),
    (
        f"select time_slice(p_event_time, 15, 'minute')::string as slot, count(*) as c from {LOGS} group by slot order by slot",
        [("2026-07-01 11:00:00", 1), ("2026-07-01 11:15:00", 1), ("2026-07-01 11:30:00", 2)],
    ),
    (
        (
            f"with hours as (select dateadd(hour, -seq4(), date_trunc('hour', current_timestamp)) h from table(generator(rowcount => 2))), "
            f"c as (select date_trunc('hour', p_event_time) h, count(*) k from {LOGS} group by h) "
            "select hours.h::string, zeroifnull(k) from hours left join c on c.h = hours.h order by 1"
        ),
        [("2026-07-01 11:00:00", 4), ("2026-07-01 12:00:00", 0)],
    ),
    (f"select n from {LOGS} where not p_occurs_since('45 minutes') order by n", [(1,)]),
    (
        f"select n, object_construct('t', u:type, 'c', r:count) from {LOGS} where n < 3 order by n",
        [(1, {"t": "Root"}), (2, {"t": "User", "c": 3})],
    ),
    (f"select transform(r:tags, t -> t || '!') from {LOGS} where n = 1", [(["a!", "b!"],)]),
]


@pytest.mark.parametrize(("sql", "expected"), QUERIES)
def test_a_query_has_the_same_rows_on_every_layout(events, sql, expected):
    assert events.values(sql, dialect="snowflake") == expected


@pytest.mark.parametrize("sql", [sql for sql, _ in QUERIES])
def test_no_row_from_after_the_reference_time_is_seen_by_any_construct(events, sql, make_lake, request):
    """The answer at a time is that over a lake that holds nothing later."""
    at = datetime(2026, 7, 1, 11, 25, tzinfo=UTC)
    layout = request.node.callspec.params["events"]
    early = make_lake(f"early-{layout}")
    columns = ", ".join(column(name, layout) for name in STRUCTS)
    rows = ", ".join(
        f"({place}, '{json.dumps(doc)}'::JSON, TIMESTAMP '2026-07-01 11:{10 * place:02}:00')"
        for place, doc in enumerate(DOCUMENTS[:2], start=1)
    )
    early.write(f"SELECT n, {columns}, p_event_time FROM (VALUES {rows}) AS t(n, j, p_event_time)")

    assert events.values(sql, dialect="snowflake", at=at) == early.values(sql, dialect="snowflake", at=at)


WAYS_OUT = """
select * from @stage
select $1 from @~/file
select * from table(result_scan(last_query_id()))
select * from table(information_schema.query_history())
select * from information_schema.tables
select system$typeof(1)
select get_ddl('view', 'x')
call proc()
execute immediate 'select 1'
select * from identifier('panther_logs.public.app_logs')
select current_user()
select current_role()
select current_account()
select current_ip_address()
select getvariable('x')
select $variable
set x = 1
select * from read_parquet('x')
select * from table(read_csv('/etc/passwd'))
select * from json_execute_serialized_sql('x')
select sf_nothing(1)
copy into @stage from (select 1)
put file:///etc/passwd @stage
list @stage
create table t as select 1
select * from panther_logs.public.app_logs at (offset => -60)
insert into panther_logs.public.app_logs values (1)
show tables
describe table panther_logs.public.app_logs
select nextval('s')
select s.nextval
select * from values (1); drop table t
with x as (delete from t) select 1
select python_udf(1)
select load_extension('x')
select getenv('HOME')
select pg_sleep(9)
"""


@pytest.mark.parametrize("sql", WAYS_OUT.strip().splitlines())
def test_every_way_out_of_a_query_is_closed(standing_logs, sql):
    with pytest.raises(QueryError):
        standing_logs.values(sql, dialect="snowflake")
