from datetime import date
from pathlib import Path

import pytest

from runner.errors import IngestError
from runner.lake import log_types
from runner.lake.log_types import LogType


@pytest.mark.parametrize(
    ("log_type", "table"),
    [
        ("AWS.CloudTrail", "aws_cloudtrail"),
        ("Amazon.EKS.Audit", "amazon_eks_audit"),
        ("Custom.My-App_2", "custom_my-app_2"),  # nothing but the dots and the case changes
    ],
)
def test_a_log_type_has_the_table_that_it_has_in_panther(log_type, table):
    assert log_types.table_name(log_type) == table
    assert LogType(name=log_type).table == table


def test_a_table_is_a_folder_with_a_folder_for_each_day():
    folder = LogType(name="AWS.VPCFlow").folder(Path("lake"))

    assert folder / log_types.partition_name(date(2026, 1, 5)) == Path(
        "lake/panther_logs/aws_vpcflow/p_date=2026-01-05"
    )


@pytest.mark.parametrize("name", ["", ".", "../etc", "a/b", "a..b", ".a", "a.", "a b", "a\n"])
def test_a_name_that_cannot_be_a_table_is_refused(name):
    with pytest.raises(IngestError, match="is not a log type"):
        LogType(name=name)
