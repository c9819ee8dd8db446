"""The zone of the machine does not matter: not even while its clocks change."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("zones_script.py")

# how many times the clocks change from 2020 to 2035; Iran gave summer time up in 2022
CHANGES = {
    "Europe/Berlin": 32,
    "America/New_York": 32,
    "Australia/Lord_Howe": 32,
    "Asia/Tehran": 6,
    "Africa/Casablanca": 34,
}


def around(zone, moments):
    """Ask a process of this zone what falls due around some moments; around its own changes if there are none."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, "TZ": zone},
        input=json.dumps(moments),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("zone", CHANGES)
def test_no_change_of_local_clocks_moves_a_due_time_or_a_window(zone):
    ZoneInfo(zone)  # else the process would take an unknown zone for UTC

    there = around(zone, [])
    in_utc = around("UTC", list(there))

    assert len(there) == CHANGES[zone]
    assert there == in_utc
