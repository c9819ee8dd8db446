import copy
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from runner.storage import ObjectPath, ObjectStore

STORE = ObjectStore(endpoint="http://localhost:1", access_key="key", secret_key="do not tell")


@pytest.fixture
def lake():
    return ObjectPath.of(STORE, "s3://bucket/some/lake")


def test_a_path_is_written_as_its_url(lake):
    assert (
        str(lake / "panther_logs" / "t/p_date=2026-01-15")
        == "s3://bucket/some/lake/panther_logs/t/p_date=2026-01-15"
    )
    assert str(lake.parent) == "s3://bucket/some"
    assert lake.name == "lake"


def test_what_is_below_a_path_is_told_as_a_plain_path(lake):
    file = lake / "t/a.parquet"

    assert file.relative_to(lake) == PurePosixPath("t/a.parquet")
    assert file.is_relative_to(lake)
    assert not file.is_relative_to(Path("/bucket/some"))


def test_a_path_is_no_path_of_this_machine(lake):
    assert lake != Path("/bucket/some/lake")
    assert lake.resolve() == lake == ObjectPath.of(STORE, "s3://bucket/some/lake")


def test_a_path_goes_to_another_process_with_its_store(lake):
    sent = copy.deepcopy(lake / "t")  # goes the way of pickling

    assert (str(sent), sent.store) == ("s3://bucket/some/lake/t", STORE)


def test_a_store_does_not_show_its_keys():
    assert "do not tell" not in repr(STORE)


def test_without_s3fs_the_extra_is_named():
    """Asked of a process of its own, in which s3fs cannot be imported."""
    script = """
import sys
sys.modules["s3fs"] = None
from runner.storage import ObjectPath, ObjectStore
ObjectPath.of(ObjectStore(), "s3://bucket/x").exists()
"""

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )

    assert "SettingsError: s3:// needs s3fs: install runner with its extra, runner[s3]" in done.stderr
