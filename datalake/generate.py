"""Writes the sample data lake: four days of a made-up company's logs, with attacks planted among them.

    python datalake/generate.py --replace   writes datalake/panther_logs/ anew
    python datalake/generate.py --lake DIR  writes DIR/panther_logs/
    python datalake/generate.py --raw DIR   writes the raw records as JSON lines instead, to try ingestion with

The same records come out each time: the seed and all the times are fixed. The four days end at the reference time,
2026-01-15T00:00:00Z; a few logins are older, of accounts that fell asleep. What is planted is found by one rule each:

==============================  =========================================  =========================================
Rule                            Found at the reference time                Not to be found
==============================  =========================================  =========================================
AWS.AccessDeniedBurst           svc-build's key, 36 refusals, 12 actions   a job refused one action 40 times;
                                                                           an engineer refused 6 times
AWS.AccessKeyAfterRoleChange    robin opens deploy-role, then makes a      a key without a change; a change after
                                key for svc-deploy                         the key; a change two hours too early
AWS.AuditTrailStopped           robin deletes company-trail                StartLogging, GetTrailStatus
AWS.ConsoleLoginWithoutMFA      alex                                       one with MFA; one refused; federated ones
AWS.RootConsoleLogin            root, without MFA                          root, but not at the console's door
AWS.S3MassDownload              jules, 260 objects                         the backup's role; 60 objects by sascha
AWS.SecurityGroupOpened         robin, SSH for everybody                   HTTPS for everybody; SSH for the office
Okta.AdminRoleGranted           noa, super administrator                   taylor, who may only read
Okta.DormantAccount             svc-legacy, after 44 days                  vic, after 17 days; newcomer
Okta.FailedLogins               adm-alex 9, svc-backup 6, quinn 5 times    sage 4 times; wren's expired password
Okta.ImpossibleTravel           kim, Lisbon to Singapore in 40 minutes     morgan by VPN; andrea by aeroplane
Okta.PasswordSpraying           12 accounts from 198.51.100.77, one open   7 accounts from one address
Okta.PushBombing                noa, 7 refused and then one accepted       tatum, 2 refused
VPC.DNSTunnelling               10.0.1.23 to quiet-exit.example            long names of a CDN and of a virus
                                                                           scanner; many short names; 40 long ones
VPC.PortScan                    10.0.1.34 inside, 203.0.113.200 outside    12 ports on 8 hosts; monitoring that is
                                                                           let in; refused voice traffic (UDP)
==============================  =========================================  =========================================

Seven more attacks lie on the days before, for backfills. `expected.py` lists all alerts, word for word.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import attacks
import traffic
from company import REFERENCE
from expected import EARLIER, EXPECTED

from runner.clock import FrozenClock
from runner.ingest import intake
from runner.lake.log_types import table_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from records import Record

__all__ = ["EARLIER", "EXPECTED", "main", "records", "write_lake", "write_raw"]

SEED = 20260115

SOURCES: dict[str, tuple[str, tuple[Callable[[Random], Iterator[Record]], ...]]] = {
    "Okta.SystemLog": ("published", (traffic.okta_traffic, attacks.okta_stories)),
    "AWS.CloudTrail": ("eventTime", (traffic.cloudtrail_traffic, attacks.cloudtrail_stories)),
    "AWS.VPCFlow": ("start", (traffic.flow_traffic, attacks.flow_stories)),
    "AWS.VPCDns": ("query_timestamp", (traffic.dns_traffic, attacks.dns_stories)),
}
"""For each log type the field of its event time, and what makes its records."""


def records(log_type: str) -> list[Record]:
    """Make all records of a log type, in order of time."""
    time_field, makers = SOURCES[log_type]
    made: list[Record] = []
    for maker in makers:
        made += maker(Random(f"{SEED} {log_type} {maker.__name__}"))
    return sorted(made, key=lambda record: _sort_key(record[time_field]))


def _sort_key(value: object) -> tuple[int, str]:
    return (value, "") if isinstance(value, int) else (0, str(value))


def write_raw(folder: Path) -> None:
    """Write one file of JSON lines for each log type."""
    folder.mkdir(parents=True, exist_ok=True)
    for log_type in SOURCES:
        lines = "".join(f"{json.dumps(record)}\n" for record in records(log_type))
        (folder / f"{log_type.lower().replace('.', '_')}.jsonl").write_text(lines, encoding="utf-8")


def write_lake(lake: Path, *, replace: bool) -> None:
    """Ingest all records into a lake; tables of the same names are replaced only if that is wanted."""
    for log_type in SOURCES:
        folder = lake / "panther_logs" / table_name(log_type)
        if folder.exists() and not replace:
            raise SystemExit(f"{folder} is already there: remove it, or say --replace")
        shutil.rmtree(folder, ignore_errors=True)
        intake.ingest_records(
            log_type, records(log_type), source_name="sample", lake=lake, clock=FrozenClock(REFERENCE)
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description="Write the sample data lake.")
    parser.add_argument("--lake", type=Path, default=Path(__file__).parent, help="the folder of the lake")
    parser.add_argument("--raw", type=Path, help="write raw JSON lines into this folder instead")
    parser.add_argument("--replace", action="store_true", help="remove the tables that are there before")
    options = parser.parse_args(arguments)
    if options.raw:
        write_raw(options.raw)
    else:
        write_lake(options.lake, replace=options.replace)


if __name__ == "__main__":
    main()
