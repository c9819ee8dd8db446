"""Nothing but the lake's tables can be read, and nothing can be changed: by the checks, and without them."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import pytest

from runner.errors import QueryError
from runner.lake import parse_tree
from runner.lake.engine_macros import MACRO_NAMES
from runner.lake.functions import ALLOWED_FUNCTIONS, ALLOWED_TABLE_FUNCTIONS

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)

REFUSED = """
insert into panther_logs.app_logs values (1)
update panther_logs.app_logs set id = 1
delete from panther_logs.app_logs
merge into panther_logs.app_logs a using panther_logs.app_logs b on true when matched then delete
truncate panther_logs.app_logs
create table t as select 1
create or replace view "panther_logs.app_logs" as select 1 as id
create macro f() as 1
create secret s (type s3)
drop view "panther_logs.app_logs"
alter table t add column a int
copy (select 1) to '{lake}/x.parquet'
copy t from '/etc/passwd'
export database '{lake}/x'
import database '{lake}/x'
attach ':memory:' as other
attach '/tmp/x.db'
detach memory
use memory
install httpfs
load httpfs
load '/tmp/x.duckdb_extension'
update extensions
pragma database_list
pragma enable_profiling
set threads = 8
set variable x = 1
reset threads
call pragma_version()
call duckdb_settings()
checkpoint
vacuum
analyze
begin
commit
prepare p as select 1
execute p
explain select 1
explain analyze select 1
describe panther_logs.app_logs
show tables
show all tables
summarize panther_logs.app_logs
values (1)
select 1; select 2
select 1; drop view "panther_logs.app_logs"
select 1 into t
select 1 for update
with d as (delete from panther_logs.app_logs returning *) select * from d
with d as (insert into t values (1) returning *) select * from d
with d as (update t set a = 1 returning *) select * from d
select * from (describe panther_logs.app_logs)
select * from (summarize panther_logs.app_logs)
select * from (show tables)
select * from (pivot panther_logs.app_logs on id using count(*))
pivot panther_logs.app_logs on id using count(*)
from (show databases)
select * from '/etc/passwd'
select * from "/etc/passwd"
select * from '{lake}/panther_logs/app_logs/a.parquet'
select * from '{lake}/**/*.parquet'
select * from 'https://example.test/x.csv'
select * from 's3://bucket/x.parquet'
select * from read_csv('/etc/passwd')
select * from read_csv_auto('/etc/passwd')
select * from sniff_csv('/etc/passwd')
select * from read_text('/etc/passwd')
select * from read_blob('/etc/passwd')
select * from read_json('/etc/passwd')
select * from read_json_auto('/etc/passwd')
select * from read_json_objects('/etc/passwd')
select * from read_ndjson('/etc/passwd')
select * from read_ndjson_objects('/etc/passwd')
select * from read_duckdb('/etc/passwd')
select * from read_parquet('/etc/passwd')
select * from read_parquet('{lake}/panther_logs/app_logs/a.parquet')
select * from parquet_scan('{lake}/panther_logs/app_logs/a.parquet')
select * from parquet_metadata('{lake}/panther_logs/app_logs/a.parquet')
select * from parquet_schema('{lake}/panther_logs/app_logs/a.parquet')
select * from parquet_kv_metadata('{lake}/panther_logs/app_logs/a.parquet')
select * from glob('{lake}/**')
select * from glob('/etc/*')
select * from main.read_text('/etc/passwd')
select * from system.main.read_text('/etc/passwd')
select * from panther_logs.app_logs, lateral (select * from read_text(name))
select (select content from read_text('/etc/passwd')) as x
select 1 as x where exists (select 1 from read_text('/etc/passwd'))
select * from query('select 1')
select * from query_table('panther_logs.app_logs')
select * from query_table(['panther_logs.app_logs'])
select * from json_execute_serialized_sql(json_serialize_sql('select 1'))
select json_serialize_sql('select 1') as x
select json_deserialize_sql('{{}}') as x
select json_serialize_plan('select 1') as x
select ('select 1').query() as x
select * from duckdb_settings()
select * from duckdb_views()
select * from duckdb_tables()
select * from duckdb_secrets()
select * from duckdb_variables()
select * from duckdb_logs()
select * from duckdb_extensions()
select * from duckdb_temporary_files()
select * from duckdb_external_file_cache()
select * from duckdb_settings
select * from duckdb_views
select * from sqlite_master
select * from information_schema.tables
select * from pg_catalog.pg_class
select * from main.duckdb_views
select * from memory.information_schema.tables
select * from pragma_database_size()
select * from pragma_version()
select * from test_all_types()
select * from repeat_row(1, num_rows = 10)
select * from arrow_scan(1, 2, 3)
select * from pandas_scan(1)
select * from python_map_function(1)
select * from seq_scan(1)
select * from summary(table panther_logs.app_logs)
select * from checkpoint()
select * from force_checkpoint()
select * from which_secret('x', 's3')
select * from enable_logging()
select * from truncate_duckdb_logs()
select * from json_each('[1]')
select getenv('HOME') as x
select "getenv"('HOME') as x
select GETENV('HOME') as x
select main.getenv('HOME') as x
select ('HOME').getenv() as x
select getvariable('x') as x
select current_setting('temp_directory') as x
select current_query() as x
select current_database() as x
select current_schemas(true) as x
select current_user as x
select in_search_path('memory', 'main') as x
select version() as x
select txid_current() as x
select nextval('s') as x
select currval('s') as x
select setseed(0.5) as x
select write_log('x') as x
select pg_sleep(10) as x
select sleep_ms(10) as x
select error('x') as x
select create_sort_key(1, 'asc') as x
select add_parquet_key('a', 'b') as x
select stats(id) as x from panther_logs.app_logs
select vector_type(id) as x from panther_logs.app_logs
select list_transform([1], lambda y: getenv('HOME')) as x
select id from panther_logs.app_logs order by getvariable('x')
select id from panther_logs.app_logs group by id having getenv('x') is null
select id from panther_logs.app_logs limit (select 1 from duckdb_settings() limit 1)
select sum(id) over (order by getenv('x')) as s from panther_logs.app_logs
select sum(id) filter (where getenv('x') is null) as s from panther_logs.app_logs
select ? as x
select $x as x
select * from (with duckdb_views as (select 1 as a) select a from duckdb_views) q, duckdb_views
select * from (with "{lake}/panther_logs/app_logs/a.parquet" as (select 1 as a) select 1) q, "{lake}/panther_logs/app_logs/a.parquet"
"""

ALLOWED = """
from panther_logs.app_logs
from panther_logs.app_logs select id
select columns('i.*') from panther_logs.app_logs
select columns(lambda c: c like 'i%') from panther_logs.app_logs
select * exclude (name) replace (id + 1 as id) from panther_logs.app_logs
select * from (values (1), (2)) as v(a)
select * from range(3)
select unnest([1, 2]) as u
select * from panther_logs.app_logs, unnest([1, 2]) as u(x)
select * from panther_logs.app_logs pivot (count(*) for name in ('ann', 'bob'))
select list_transform([1, 2], lambda x: x + 1) as x
select [x * 2 for x in [1, 2] if x > 1] as x
select id, row_number() over (partition by name order by id) as n from panther_logs.app_logs qualify n = 1
select distinct on (name) name, id from panther_logs.app_logs order by name, id
select name, count(*) from panther_logs.app_logs group by all order by all
select grouping_id(name) as g, count(*) from panther_logs.app_logs group by rollup (name)
select 1 as x except select 2
select 1 as x union all by name select 2 as x
with recursive r(n) as (select 1 union all select n + 1 from r where n < 3) select n from r
with a as materialized (select id from panther_logs.app_logs) select id from a
select * from panther_logs.app_logs a asof join panther_logs.app_logs b on a.p_event_time >= b.p_event_time
select a.id from panther_logs.app_logs a semi join panther_logs.app_logs b using (id)
select name similar to 'a.*' as s, name ilike 'A%' as i, name ~ 'a' as r, name glob 'a*' as g from panther_logs.app_logs
select try_cast(name as int) as t, name::varchar collate nocase as c from panther_logs.app_logs
select id from panther_logs.app_logs where id in (select id from panther_logs.app_logs) and id between 1 and 2
select id from panther_logs.app_logs where id = any (select id from panther_logs.app_logs)
select '{{"a": [1]}}'::json -> 'a' ->> 0 as x, struct_extract({{'a': 1}}, 'a') as y, {{'a': 1}}.a as z
select date_trunc('day', p_event_time) as d, extract(hour from p_event_time) as h from panther_logs.app_logs
select p_event_time at time zone 'UTC' as t, p_event_time + interval 1 day as u from panther_logs.app_logs
select substring(name from 1 for 2) as s, position('n' in name) as p, trim(name) as t from panther_logs.app_logs
select coalesce(nullif(name, 'ann'), 'x') as c, case id when 1 then 'one' else 'more' end as w from panther_logs.app_logs
select name.upper() as u, if(id = 1, 'a', 'b') as i from panther_logs.app_logs
"""


def lines(table):
    return [line for line in table.splitlines() if line]


@pytest.mark.parametrize("sql", lines(REFUSED))
def test_a_way_out_is_refused_before_it_runs(standing_logs, sql):
    with pytest.raises(QueryError):
        standing_logs.standing.compile(
            sql.format(lake=standing_logs.folder), dialect="duckdb", reference=NOON
        )


@pytest.mark.parametrize("sql", lines(ALLOWED))
def test_what_only_reads_is_answered(standing_logs, sql):
    standing_logs.ask(sql.format())


# Without our checks: what the locked engine refuses by itself


@pytest.fixture(scope="module")
def locked(standing_logs):
    """Return the bare connection of an engine, with the view of a table in place, and a secret beside the lake."""
    table, outside = standing_logs.folder / "panther_logs/app_logs", standing_logs.folder.parent
    (outside / "secret.csv").write_text("password\nhunter2\n")
    (outside / "secret.parquet").write_bytes((table / "a.parquet").read_bytes())
    standing_logs.ask("select 1 as x from panther_logs.app_logs")
    (table / ".link.parquet").symlink_to(outside / "secret.parquet")
    return standing_logs.standing._connection


OUTSIDE = """
select * from '/etc/passwd'
select * from read_csv('/etc/passwd')
select * from read_csv('{tmp}/secret.csv')
select * from read_csv('{lake}/../secret.csv')
select * from read_csv('file://{tmp}/secret.csv')
select * from read_csv('{tmp}/*.csv')
select * from read_text('/etc/passwd')
select * from read_blob('/etc/passwd')
select * from read_json('/etc/passwd')
select * from read_parquet('{tmp}/secret.parquet')
select * from read_parquet('{lake}/panther_logs/app_logs/.link.parquet')
select * from read_text('/proc/self/environ')
select * from glob('/etc/*')
select * from sniff_csv('/etc/passwd')
copy (select 1) to '{tmp}/x.csv'
copy (select 1) to '/tmp/x.csv'
export database '{tmp}/x'
attach '{tmp}/x.db'
select * from 'http://127.0.0.1:1/x.csv'
select * from read_parquet('s3://bucket/x.parquet')
install httpfs
install inet from community
load httpfs
load '{tmp}/x.duckdb_extension'
select '1.2.3.4'::inet
set enable_external_access = true
set allowed_directories = ['/']
set lock_configuration = false
set memory_limit = '10GB'
set threads = 64
set temp_directory = '/tmp'
set python_enable_replacements = true
set TimeZone = 'Asia/Tokyo'
set ieee_floating_point_ops = true
set autoinstall_known_extensions = true
reset memory_limit
pragma memory_limit = '10GB'
create secret s (type s3, key_id 'a', secret 'b')
create persistent secret s (type s3)
select * from SECRET_FRAME
"""


@pytest.mark.parametrize("sql", lines(OUTSIDE))
def test_the_engine_alone_lets_nothing_out(locked, standing_logs, sql):
    SECRET_FRAME = {"a": [1]}  # noqa: N806, F841  a Python variable must not be a table

    with pytest.raises(duckdb.Error):
        locked.execute(sql.format(lake=standing_logs.folder, tmp=standing_logs.folder.parent)).fetchall()


def test_the_engine_s_settings_are_as_they_should_be(locked):
    names = ("TimeZone", "enable_external_access", "lock_configuration", "ieee_floating_point_ops")

    assert [locked.execute(f"SELECT current_setting('{name}')").fetchone()[0] for name in names] == [
        "UTC",
        False,
        True,
        False,
    ]


# The second look, at DuckDB's own parse tree


def looked_at(sql):
    with duckdb.connect() as connection:
        (tree,) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    parse_tree.check(tree, {"panther_logs.app_logs"})


@pytest.mark.parametrize(
    "sql",
    [
        'select * from main."panther_logs.app_logs"',
        "with a as (select 1 x), b as (select * from a) select * from b join A using (x)",
        "with recursive a as (select 1 x union all select x + 1 from a where x < 3) select * from a",
    ],
)
def test_a_second_look_passes_what_only_reads_the_views(sql):
    looked_at(sql)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ('select * from "panther_logs.app_logs"', "is not a table of the lake"),  # could be a file
        ("select * from main.other", "other is not a table of the lake"),
        ('select * from memory.main."panther_logs.app_logs"', "is not a table of the lake"),
        ("select * from 'x.parquet'", "x.parquet is not a table of the lake"),
        ("select * from (with a as (select 1) select * from a) q, a", "a is not a table of the lake"),
        ("with b as (select * from a), a as (select 1) select * from b", "a is not a table of the lake"),
        ("with a as (select * from a) select * from a", "a is not a table of the lake"),
        ("with d as (delete from a returning *) select * from d", "DELETE QUERY is not allowed"),
        ("select * from (show tables)", "SHOW is not allowed"),
        ("select * from glob('*')", "the table function glob() is not allowed"),
        ("select getenv('x')", "getenv() is not a function"),
        ("select x.y.getenv()", "getenv() is not a function"),
        ("select uper('x')", "did you mean upper()?"),
        ("select now()", "now() is not a function"),
        ("select ?", "PARAMETER is not allowed"),
        ('select age(x) from main."panther_logs.app_logs"', "reads the clock"),
        ("select localtime", "it is the clock"),
        ("select 1; select 2", "is one SELECT"),
        ("drop table x", "is one SELECT"),
        ("pivot x on y", "is one SELECT"),
        ("select from where", "not SQL to DuckDB: syntax error"),
    ],
)
def test_a_second_look_refuses_what_the_first_may_have_missed(sql, said):
    with pytest.raises(QueryError) as refused:
        looked_at(sql)

    assert said in str(refused.value)


def test_every_allowed_function_depends_on_its_arguments_alone():
    """All but the random ones, which are reported as doubts."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
            "WHERE stability <> 'CONSISTENT' AND function_type NOT IN ('table', 'pragma')"
        ).fetchall()

    unstable = {name for (name,) in rows} & (ALLOWED_FUNCTIONS | ALLOWED_TABLE_FUNCTIONS)

    assert unstable == {"random", "uuid", "uuidv4", "gen_random_uuid"}


def test_every_allowed_function_is_one_of_duckdb_s():
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT DISTINCT lower(function_name) FROM duckdb_functions()").fetchall()

    # These are read by the parser, and have no entry of their own.
    own = {"coalesce", "unnest", "list", "grouping", *MACRO_NAMES}
    assert ALLOWED_FUNCTIONS - {name for (name,) in rows} <= own
