"""Queries as teams write them for detections, over CloudTrail-like logs on every layout, and what Snowflake answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
QUERIES = json.loads(Path(__file__, "../../../data/snowflake/queries.json").resolve().read_text())
ADMIN = {"attributes": {"mfa": "false"}, "issuer": {"userName": "x"}}
TAGS = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
EVENTS = [  # when, what, from where, by whom, with what, the indicators, how it failed, bytes
    ("2026-07-01 11:10", "ConsoleLogin", "1.1.1.1", {"type": "Root", "arn": "arn:aws:iam::1:root", "sessionContext": ADMIN},
     {"bucketName": "b1", "tags": TAGS, "n": 5, "f": 1.5, "flag": True}, ["1.1.1.1", "2.2.2.2"], ["ann", "bob"], None, 10),
    ("2026-07-01 11:20", "AssumeRole", "2.2.2.2", {"type": "IAMUser", "arn": "arn:2", "sessionContext": None},
     {"bucketName": "b2", "n": "7", "flag": "true"}, ["2.2.2.2"], ["bob"], "AccessDenied", 20),
    ("2026-07-01 11:30", "AssumeRole", "2.2.2.2", {"type": "IAMUser", "arn": "arn:2"},
     {"n": 10, "flag": False, "tags": []}, [], None, "AccessDenied", None),
    ("2026-07-01 11:50", "PutObject", "10.0.0.7", None, None, None, ["carl"], None, 40),
    ("2026-06-29 11:50", "OldOne", "3.3.3.3", {"type": "Root"}, {}, ["9.9.9.9"], [], None, 50),
]  # fmt: skip
NAMES = ("t", "eventName", "sourceIPAddress", "userIdentity", "requestParameters", "p_any_ip_addresses", "p_any_usernames", "errorCode", "bytes")  # fmt: skip
IDENTITY = {
    "type": "VARCHAR",
    "arn": "VARCHAR",
    "sessionContext": {"attributes": {"mfa": "VARCHAR"}, "issuer": {"userName": "VARCHAR"}},
}
TABLES = (
    "panther_logs/aws_cloudtrail",
    "panther_views/all_logs",
    "panther_signals/correlation_signals",
    "panther_monitor/data_audit",
)


def document(name, layout):
    value = f"nullif(j->'{name}', 'null'::JSON)"
    if layout == "struct" and name == "userIdentity":
        return f"from_json({value}, '{json.dumps(IDENTITY)}') AS {name}"
    return f"CAST({value} AS {'JSON' if layout == 'struct' else layout.upper()}) AS {name}"


def texts(name):
    return f"CAST(nullif(j->'{name}', 'null'::JSON) AS VARCHAR[]) AS {name}"


def write_lake(lake, layout, events=EVENTS):
    """Write events as several tables, and two tables without a time."""
    rows = ", ".join(f"('{json.dumps(dict(zip(NAMES, event, strict=True)))}'::JSON)" for event in events)
    select = f"""
        SELECT row_number() OVER () AS p_row_id, CAST(j->>'t' AS TIMESTAMP) AS p_event_time,
            CAST(j->>'t' AS TIMESTAMP) + INTERVAL 2 MINUTE AS p_parse_time, 'AWS.CloudTrail' AS p_log_type,
            j->>'eventName' AS eventName, j->>'sourceIPAddress' AS sourceIPAddress,
            {document("userIdentity", layout)}, {document("requestParameters", layout)},
            {texts("p_any_ip_addresses")}, {texts("p_any_usernames")},
            j->>'errorCode' AS errorCode, CAST(j->>'bytes' AS BIGINT) AS bytes
        FROM (VALUES {rows}) AS t(j)
    """
    for table in TABLES:
        lake.write(select, table=table)
    labels = "VALUES ('1.1.1.1', 'good'), ('2.2.2.2', 'bad')"
    lake.write(f"SELECT * FROM ({labels}) AS t(ip, label)", table="panther_lookups/ip_list")
    login = (
        "SELECT TIMESTAMP '2026-07-01 11:00:00' AS event_timestamp, 'ann' AS user_name, 'NO' AS is_success"
    )
    lake.write(f"{login}, '1.1.1.1' AS client_ip", table="snowflake.account_usage/login_history")
    lake.standing = lake.engine()


@pytest.fixture(scope="module", params=["struct", "json", "variant"])
def cloudtrail(request, make_standing_lake):
    lake = make_standing_lake(f"cloudtrail-{request.param}")
    write_lake(lake, request.param)
    return lake


@pytest.mark.parametrize("case", QUERIES, ids=[case["sql"][:60] for case in QUERIES])
def test_a_query_answers_as_in_snowflake_on_every_layout(cloudtrail, case):
    found = cloudtrail.ask(case["sql"], dialect="snowflake", at=NOON)

    if "ORDER BY" not in case["sql"]:
        found, case = sorted(found, key=str), {"rows": sorted(case["rows"], key=str)}
    assert found == [
        {name: pytest.approx(value) if isinstance(value, float) else value for name, value in row.items()}
        for row in case["rows"]
    ]


LATER = [
    ("2026-07-01 12:00", *EVENTS[0][1:]),  # at the very moment
    ("2026-07-01 12:05", "ConsoleLogin", "2.2.2.2", {"type": "Root", "arn": "late"}, {"n": 99}, ["1.1.1.1"], ["bob"], "AccessDenied", 10**6),
    ("2026-07-02 11:30", "PutObject", "10.0.0.7", None, {"flag": True}, None, ["carl"], None, 7),
]  # fmt: skip
TIMES = [NOON, NOON.replace(hour=11, minute=25)]


@pytest.fixture(scope="module", params=TIMES, ids=["at the end", "in the middle"])
def full_and_past(request, make_standing_lake):
    """Make a lake with later rows, and one that holds only the rows from before a time."""
    full, past = make_standing_lake("full"), make_standing_lake("past")
    write_lake(full, "struct", [*EVENTS, *LATER])
    before = f"{request.param:%Y-%m-%d %H:%M}"
    write_lake(past, "struct", [event for event in EVENTS if event[0] < before])
    return full, past, request.param


@pytest.mark.parametrize("case", QUERIES, ids=[case["sql"][:60] for case in QUERIES])
def test_a_query_sees_the_lake_as_it_was_at_its_reference_time(full_and_past, case):
    """Whatever the query: what comes later changes nothing, order aside."""
    full, past, moment = full_and_past

    of_full = full.ask(case["sql"], dialect="snowflake", at=moment)
    of_past = past.ask(case["sql"], dialect="snowflake", at=moment)

    assert without_ids(of_full) == without_ids(of_past)


def without_ids(rows):
    """Return rows in an order of their own; an id was given in the order of the file."""
    return sorted(str({name: value for name, value in row.items() if name != "p_row_id"}) for row in rows)
