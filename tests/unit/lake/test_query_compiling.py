from datetime import UTC, datetime, timedelta, timezone

import pytest

from runner.errors import RefusedQuery, UnknownLogType
from runner.lake.dialect.compiler import compile_query
from runner.lake.table import TableName

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
APP = TableName(database="panther_logs", table="app_logs")
OKTA = TableName(database="panther_logs", table="okta_systemlog")


def compiled(sql, dialect="duckdb", reference=NOON):
    return compile_query(sql, dialect=dialect, reference=reference, known={APP, OKTA})


def refusal(sql, dialect="duckdb"):
    with pytest.raises(RefusedQuery) as refused:
        compiled(sql, dialect)
    return refused.value


# The clock


MOMENTS = {
    "duckdb": """
        now() current_timestamp current_timestamp() CURRENT_TIMESTAMP localtimestamp get_current_timestamp()
        transaction_timestamp() current_localtimestamp() main.now() p_current_timestamp() P_CURRENT_TIMESTAMP()
    """,
    "snowflake": """
        current_timestamp current_timestamp() current_timestamp(3) localtimestamp localtimestamp() sysdate()
        getdate() systimestamp() p_current_timestamp()
    """,
    "trino": "now() current_timestamp current_timestamp(6) localtimestamp localtimestamp(3) p_current_timestamp()",
}
DAYS = {
    "duckdb": "current_date current_date() today()",
    "snowflake": "current_date current_date()",
    "trino": "current_date",
}
TIMES = {
    "duckdb": "current_time localtime get_current_time() current_localtime()",
    "snowflake": "current_time current_time() localtime localtime()",
    "trino": "current_time localtime current_time(3)",
}


def spellings(table):
    return [(dialect, spelling) for dialect, text in table.items() for spelling in text.split()]


@pytest.mark.parametrize(("dialect", "spelling"), spellings(MOMENTS))
def test_every_spelling_of_the_moment_is_the_reference_time(dialect, spelling):
    assert compiled(f"select {spelling} as t", dialect).sql == (
        "SELECT CAST('2026-07-01 12:00:00' AS TIMESTAMP) AS \"t\""
    )


@pytest.mark.parametrize(("dialect", "spelling"), spellings(DAYS))
def test_every_spelling_of_the_day_is_the_reference_day(dialect, spelling):
    assert compiled(f"select {spelling} as t", dialect).sql == "SELECT CAST('2026-07-01' AS DATE) AS \"t\""


@pytest.mark.parametrize(("dialect", "spelling"), spellings(TIMES))
def test_every_spelling_of_the_time_of_day_is_that_of_the_reference_time(dialect, spelling):
    assert compiled(f"select {spelling} as t", dialect).sql == "SELECT CAST('12:00:00' AS TIME) AS \"t\""


@pytest.mark.parametrize(
    "sql",
    [
        "with c as (select {now} as t) select t from c",
        "select (select {now}) as t",
        "select 1 as x from panther_logs.app_logs where p_event_time > {now} - interval '1 day'",
        "select 1 as x from panther_logs.app_logs a join panther_logs.app_logs b on a.t > {now}",
        "select max(t) as m from panther_logs.app_logs group by id having max(t) > {now}",
        "select id from panther_logs.app_logs order by abs(epoch(p_event_time - {now}))",
        "select case when t < {now} then 1 end as x from panther_logs.app_logs",
        "select id from panther_logs.app_logs where exists (select 1 where {now} > p_event_time)",
        "select 1 as x union all select epoch({now})",
        "select id from panther_logs.app_logs qualify row_number() over (order by {now}) = 1",
    ],
)
def test_the_clock_is_bound_wherever_it_is_read(sql):
    written = compiled(sql.format(now="current_timestamp")).sql

    assert "2026-07-01 12:00:00" in written
    assert "CURRENT" not in written.upper()


def test_a_reference_time_of_another_zone_is_made_utc():
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-7)))

    assert compiled("select now() as t", reference=elsewhere) == compiled("select now() as t")


def test_the_age_of_a_time_counts_from_the_midnight_of_the_reference_day():
    assert compiled("select age(t) as a from panther_logs.app_logs").sql == (
        'SELECT AGE(CAST(\'2026-07-01 00:00:00\' AS TIMESTAMP), "t") AS "a" '
        'FROM "main"."panther_logs.app_logs" AS "app_logs"'
    )


def test_comments_and_text_that_mention_the_clock_are_left_alone():
    written = compiled("select 'now() and current_timestamp' as t -- now()").sql

    assert "'now() and current_timestamp'" in written


# Tables


@pytest.mark.parametrize(
    "written",
    [
        "panther_logs.public.app_logs",
        "panther_logs.app_logs",
        "PANTHER_LOGS.PUBLIC.APP_LOGS",
        '"panther_logs"."public"."app_logs"',
        "Panther_Logs.App_Logs",
    ],
)
def test_each_form_of_a_table_name_means_one_table(written):
    query = compiled(f"select id from {written}")

    assert query.tables == {APP}
    assert 'FROM "main"."panther_logs.app_logs"' in query.sql


def test_a_table_without_alias_goes_by_its_own_name():
    query = compiled("select app_logs.id from panther_logs.public.app_logs")

    assert query.sql == 'SELECT "app_logs"."id" FROM "main"."panther_logs.app_logs" AS "app_logs"'


def test_a_column_may_be_written_with_database_and_schema():
    query = compiled("select panther_logs.public.app_logs.id from panther_logs.public.app_logs")

    assert query.sql.startswith('SELECT "app_logs"."id" FROM')


def test_a_self_join_reads_one_table():
    query = compiled(
        "select a.id from panther_logs.app_logs a join panther_logs.public.app_logs b using (id)"
    )

    assert query.tables == {APP}
    assert '"main"."panther_logs.app_logs" AS "a"' in query.sql
    assert '"main"."panther_logs.app_logs" AS "b"' in query.sql


def test_a_cte_is_no_table_of_the_lake():
    query = compiled("with app_logs as (select id from panther_logs.app_logs) select id from app_logs")

    assert query.tables == {APP}
    assert query.sql.endswith('SELECT "id" FROM "app_logs"')


def test_a_cte_named_as_a_view_does_not_take_its_place():
    query = compiled('with "panther_logs.app_logs" as (select 1 as id) select id from panther_logs.app_logs')

    assert query.sql.endswith('FROM "main"."panther_logs.app_logs" AS "app_logs"')


@pytest.mark.parametrize(
    "sql",
    [
        "with a as (select 1 as x), b as (select x from a) select x from b",
        "with a as (select 1 as x) select x from a where x in (select x from a)",
        "with a as (select 1 as x) select x from a union all select x from a",
        "with a as (select 1 as x) select (select max(x) from A) as m",
        "with recursive a as (select 1 as x union all select x + 1 from a where x < 3) select x from a",
        "with a as (select 1 as x) select x from (with b as (select x from a) select x from b) q",
    ],
)
def test_a_cte_is_seen_where_sql_lets_it_be_seen(sql):
    assert compiled(sql).tables == frozenset()


@pytest.mark.parametrize(
    "sql",
    [
        "select * from (with a as (select 1 as x) select x from a) q, a",  # beside its query
        "with b as (select x from a), a as (select 1 as x) select x from b",  # before it is written
        "with a as (select x from a) select x from a",  # in itself, without RECURSIVE
        "(with a as (select 1 as x) select x from a) union select x from a",
    ],
)
def test_a_cte_name_outside_its_scope_is_an_unknown_table(sql):
    with pytest.raises(UnknownLogType, match="there is no table a "):
        compiled(sql)


def test_an_unknown_table_is_named_with_a_suggestion():
    with pytest.raises(UnknownLogType) as unknown:
        compiled("select 1 from panther_logs.public.okta_systemlogs")

    assert str(unknown.value) == (
        "there is no table panther_logs.public.okta_systemlogs in the lake: "
        "did you mean panther_logs.public.okta_systemlog?"
    )


def test_an_unknown_table_like_no_other_is_answered_with_those_there_are():
    with pytest.raises(UnknownLogType) as unknown:
        compiled("select 1 from panther_logs.public.zeek")

    assert "(its tables: panther_logs.public.app_logs, panther_logs.public.okta_systemlog)" in str(
        unknown.value
    )


@pytest.mark.parametrize(
    "name", ["app_logs", "panther_logs.private.app_logs", "a.panther_logs.public.app_logs"]
)
def test_a_name_of_another_form_is_no_table(name):
    with pytest.raises((UnknownLogType, RefusedQuery)):
        compiled(f"select 1 from {name}")


# Output names


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("count(*)", "count(*)"),
        ("COUNT(DISTINCT id)", "count(distinct id)"),
        ("id + 1", "id + 1"),
        ("now()", "now()"),
    ],
)
def test_a_computed_column_is_named_by_its_text(output, name):
    assert f'AS "{name}" FROM' in compiled(f"select {output} from panther_logs.app_logs").sql


def test_the_first_part_of_a_union_names_its_columns():
    assert compiled("select 1 + 1 union all select 2").sql == 'SELECT 1 + 1 AS "1 + 1" UNION ALL SELECT 2'


@pytest.mark.parametrize("output", ["id", "*", "app_logs.*", "columns('i.*')", "id as x"])
def test_an_output_that_has_a_name_keeps_it(output):
    assert compiled(f"select {output} from panther_logs.app_logs").sql.count(" AS ") == 1 + (" as " in output)


# What is refused before a database sees it


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("", "there is no statement"),
        ("-- nothing", "there is no statement"),
        ("select 1; select 2", "there are 2 statements"),
        ("insert into t values (1)", "this is INSERT"),
        ("update t set a = 1", "this is UPDATE"),
        ("delete from t", "this is DELETE"),
        ("create table t as select 1", "this is CREATE"),
        ("drop view t", "this is DROP"),
        ("alter table t add column a int", "this is ALTER"),
        ("copy (select 1) to 'x.csv'", "this is COPY"),
        ("attach 'x.db'", "this is ATTACH"),
        ("detach x", "this is DETACH"),
        ("install httpfs", "this is INSTALL"),
        ("load httpfs", "this is"),
        ("pragma database_list", "this is PRAGMA"),
        ("set threads = 8", "this is SET"),
        ("reset threads", "this is"),
        ("call pragma_version()", "this is CALL"),
        ("explain select 1", "this is EXPLAIN"),
        ("describe panther_logs.app_logs", "this is DESCRIBE"),
        ("show tables", "this is SHOW"),
        ("summarize panther_logs.app_logs", "this is SUMMARIZE"),
        ("use memory", "this is USE"),
        ("pivot panther_logs.app_logs on id using count(*)", "this is PIVOT"),
        ("values (1)", "this is VALUES"),
        ("vacuum", "this is"),
        ("begin", "this is TRANSACTION"),
        ("export database 'x'", "not SQL"),
        ("select 1 into t", "INTO is not allowed"),
        ("select 1 for update", "LOCK is not allowed"),
        (
            "with d as (delete from panther_logs.app_logs returning *) select * from d",
            "DELETE is not allowed",
        ),
        ("with d as (insert into t values (1) returning *) select * from d", "INSERT is not allowed"),
        ("select * from (describe panther_logs.app_logs)", "DESCRIBE is not allowed"),
        ("select * from (summarize panther_logs.app_logs)", "SUMMARIZE is not allowed"),
        ("select ? as x", "no parameters"),
        ("select $secret as x", "no parameters"),
        ("select * from read_csv('/etc/passwd')", "read_csv() is not allowed"),
        ("select * from read_parquet('x')", "read_parquet() is not allowed"),
        ("select * from parquet_scan('x')", "parquet_scan() is not allowed"),
        ("select * from read_text('/etc/passwd')", "read_text() is not allowed"),
        ("select * from main.read_text('/etc/passwd')", "read_text() is not allowed"),
        ("select * from glob('/**')", "glob() is not allowed"),
        ("select * from query('select 1')", "query() is not allowed"),
        ("select * from duckdb_settings()", "duckdb_settings() is not allowed"),
        ("-- pragma: template\nselect {{ x }}", "the template uses what is not there"),
    ],
)
def test_only_one_select_passes(sql, said):
    assert said in str(refusal(sql))


@pytest.mark.parametrize(
    "file", ["/etc/passwd", "x.parquet", "s3://bucket/x.parquet", "https://x.test/y.csv"]
)
def test_a_file_is_no_table(file):
    with pytest.raises(UnknownLogType, match="there is no table"):
        compiled(f"select * from '{file}'")


@pytest.mark.parametrize("sql", ["select * from @stage/x", "select $1 from @stage"])
def test_a_stage_is_no_table(sql):
    refusal(sql, "snowflake")


# Where it is wrong


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("select a\nfrom panther_logs.app_logs\nwhere", (3, 1)),
        ("select a from t where x = 'abc", (1, 27)),
        ("select a\nfrom t /* forever", (2, 8)),
        ("select 'it''s' as a, \"b from t", (1, 22)),
        ("selec 1", (1, 7)),  # a name, and then what cannot follow it
    ],
)
def test_text_that_is_no_sql_is_located(sql, place):
    error = refusal(sql)

    assert (error.line, error.column) == place


def test_no_name_of_the_parser_s_classes_is_shown():
    for text in (
        "select a from t where",
        "select to_timestamp()",
        "select cast(a as",
        "select (1",
        "select 1 +",
    ):
        assert "class" not in str(refusal(text))
        assert "sqlglot" not in str(refusal(text)).lower()


def test_a_query_nested_without_end_is_refused():
    assert "nested too deeply" in str(refusal(f"select {'(' * 3000}1{')' * 3000}"))


@pytest.mark.parametrize("end", [";", ";;", "; -- end", ";\n/* done */"])
def test_what_follows_the_last_semicolon_is_no_second_statement(end):
    assert compiled(f"SELECT 1 AS one{end}").sql == 'SELECT 1 AS "one"'
