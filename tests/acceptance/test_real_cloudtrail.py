"""Real logs that nobody here wrote: CloudTrail of an account in which Stratus Red Team's techniques ran."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from runner import app, settings
from runner.clock import FrozenClock
from runner.ingest import ingest_files
from runner.store.alert_book import AlertFilter

ROOT = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get("RUNNER_SHARED_DATA", ROOT.parent / "shared" / "data")) / "cloudtrail_stratus"
FIRST_DUE, LAST_DUE = datetime(2023, 7, 10, 11, 30, tzinfo=UTC), datetime(2023, 7, 10, 13, 0, tzinfo=UTC)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the real CloudTrail logs are not there: {DATA}"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "project"
    for name in ("queries", "scheduled_rules", "global_helpers"):
        shutil.copytree(ROOT / name, folder / name)
    report = ingest_files(
        "AWS.CloudTrail",
        sorted(DATA.glob("*.json")),
        lake=folder / "datalake",
        clock=FrozenClock(datetime(2023, 7, 11, tzinfo=UTC)),
    )
    assert (report.rows, report.bad_lines) == (2_900, 0)
    return folder


@pytest.fixture(scope="module")
def found(project):
    """Every alert of every due time of the hour and a half, as rule id, number of matches and title."""
    with app.build(settings.load(project, {}), FrozenClock(datetime(2023, 7, 11, tzinfo=UTC))) as parts:
        for query in parts.catalogue.queries.values():
            if query.name.startswith("AWS"):
                for due in _due_times(query.schedule.rate_minutes or 60):
                    parts.pipeline.run_manually(query, due, parts.catalogue.rules_for(query.name))
        alerts = parts.store.list_alerts(AlertFilter(), 100)
    return sorted((alert.key.rule_id, alert.match_count, alert.title) for alert in alerts)


def _due_times(minutes):
    return [
        FIRST_DUE + timedelta(minutes=offset)
        for offset in range(90 + 1)
        if (FIRST_DUE + timedelta(minutes=offset)).timestamp() % (minutes * 60) == 0
    ]


def test_the_detections_find_what_stratus_red_team_did(found):
    assert [(rule_id, matches) for rule_id, matches, _ in found] == [
        ("AWS.AccessDeniedBurst", 1),
        ("AWS.AccessDeniedBurst", 1),
        ("AWS.AccessKeyAfterRoleChange", 2),
        *[("AWS.AuditTrailStopped", 1)] * 6,
        ("AWS.AuditTrailStopped", 3),
        ("AWS.ConsoleLoginWithoutMFA", 1),
        ("AWS.SecurityGroupOpened", 1),
    ]


@pytest.mark.parametrize(
    "technique",
    [
        "called PutEventSelectors on stratus-red-team-ctes-trail",
        "called PutBucketLifecycle on stratus-red-team-ctlr-bucket",
        "tried to call StopLogging on stratus-red-team-ct-stop-trail",
        "tried to call DeleteTrail on stratus-red-team-cloudtraild-trail",
        "called DeleteFlowLogs",
        "made an access key for stratus-red-team-backdoor-u-user",
        "was refused 29 times within a minute",
        "opened to everybody on 22",
    ],
)
def test_a_technique_is_named_in_the_title_of_its_alert(found, technique):
    assert sum(technique in title for _, _, title in found) == 1


def test_plain_sql_finds_nothing_that_was_missed(project, found):
    """Counts, over the same files, every call that the detections are for; each of them is in an alert."""
    files = f"{project}/datalake/panther_logs/aws_cloudtrail/p_date=*/*.parquet"
    connection = duckdb.connect()
    stopped, thinned, keys, logins = connection.execute(
        f"""
        SELECT
          count(*) FILTER (eventName IN ('StopLogging', 'DeleteTrail', 'DeleteFlowLogs')),
          count(*) FILTER (eventName IN ('PutEventSelectors', 'PutBucketLifecycle')),
          count(*) FILTER (eventName = 'CreateAccessKey' AND errorCode IS NULL),
          count(*) FILTER (eventName = 'ConsoleLogin' AND additionalEventData ->> '$.MFAUsed' = 'No')
        FROM read_parquet('{files}')
        """
    ).fetchone()

    matches = {
        rule: sum(count for found_rule, count, _ in found if found_rule == rule) for rule, _, _ in found
    }
    management_events_turned_on_again = 1
    assert matches["AWS.AuditTrailStopped"] == stopped + thinned - management_events_turned_on_again
    assert matches["AWS.AccessKeyAfterRoleChange"] == keys
    assert matches["AWS.ConsoleLoginWithoutMFA"] == logins
