"""What the soak's daemon works on: the sample project, steady queries that nobody touches, and others that are edited."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from runner.ingest import ingest_records

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from random import Random

    from runner.clock import Clock

STEADY = {
    "Steady Quarter": ('CronExpression: "*/15 * * * *"', "15 minutes"),
    "Steady Seven": ("RateMinutes: 7", "7 minutes"),
    "Steady Overlap": ("RateMinutes: 10", "1 hour"),
}
"""Queries over what arrives: when each is due, and how far back it looks."""
RATES = (2, 3, 5, 10, 15)
SETTLE = timedelta(minutes=20)
ARRIVAL = timedelta(minutes=5)
_QUERY = """\
AnalysisType: scheduled_query
QueryName: {name}
Enabled: {enabled}
Query: |
  SELECT p_row_id, p_event_time, actor, client, outcome
  FROM panther_logs.public.okta_systemlog
  WHERE eventType = 'soak.login' AND p_occurs_since('{back}')
Schedule:
  {when}
  TimeoutMinutes: 2
"""
_RULE = """\
AnalysisType: scheduled_rule
RuleID: {rule_id}
Enabled: true
Filename: {file}.py
ScheduledQueries:
  - {name}
Severity: Low
DedupPeriodMinutes: 60
"""
_PYTHON = """\
from soak_names import shown


def rule(event):
    return event.deep_get("outcome", "result") == "FAILURE"


def title(event):
    return f"Failed logins of {shown(event)}"


def dedup(event):
    return event.deep_get("actor", "alternateId")
"""
_HELPER = "def shown(event):\n    return event.deep_get('actor', 'alternateId')\n"
_SETTINGS = """\
[state]
url = "{state}"
[workers]
count = 2
memory = "512MiB"
[schedule]
settle_seconds = {settle}
skew_seconds = 60
catch_up_limit = 10000
[daemon]
lease_seconds = 10
drain_seconds = 10
[late_data]
reopen_hours = 0
"""
"""Files come to their place in real time, which is long after the daemon's: every one of them would be late."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """The project folder of a soak."""

    root: Path

    @property
    def query_files(self) -> list[Path]:
        """The files of all queries, those of the sample too."""
        return sorted((self.root / "queries").glob("*.yml"))

    def make(self, sample: Path, state: str) -> None:
        """Copy the sample project, and add the soak's own queries and rules."""
        for name in ("queries", "scheduled_rules", "global_helpers", "datalake"):
            shutil.copytree(sample / name, self.root / name)
        text = _SETTINGS.format(state=state, settle=SETTLE.total_seconds())
        (self.root / "runner.toml").write_text(text, encoding="utf-8")
        helper = self.root / "global_helpers" / "soak_names"
        helper.with_suffix(".py").write_text(_HELPER, encoding="utf-8")
        helper.with_suffix(".yml").write_text(
            "AnalysisType: global\nGlobalID: soak_names\nFilename: soak_names.py\n", encoding="utf-8"
        )
        for name in (*STEADY, *self.volatile):
            self._rule(name)
        for name, (when, back) in STEADY.items():
            self._query(name, when, back)

    @property
    def volatile(self) -> tuple[str, ...]:
        """The names of the queries that are edited."""
        return tuple(f"Volatile {letter}" for letter in "ABCD")

    def edit(self, name: str, rate: int, *, enabled: bool = True) -> None:
        """Write a volatile query, as an editor does: to another file, which then takes its name."""
        self._query(name, f"RateMinutes: {rate}", "30 minutes", enabled=enabled)

    def break_(self, name: str, how: int) -> None:
        """Break the file of a volatile query in one of several ways."""
        broken = ["", "AnalysisType: [\n", f"AnalysisType: scheduled_query\nQueryName: {name}\n"]
        self.file_of(name).write_text(broken[how % len(broken)], encoding="utf-8")

    def delete(self, name: str) -> None:
        """Delete a volatile query."""
        self.file_of(name).unlink(missing_ok=True)

    def touch_helper(self, number: int) -> None:
        """Change the helper that the rules import, in what it says and not in what it does."""
        file = self.root / "global_helpers" / "soak_names.py"
        file.write_text(f"# version {number}\n{_HELPER}", encoding="utf-8")

    def disable_all(self) -> None:
        """End all schedules; what is owed is run nevertheless."""
        for file in self.query_files:
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace("Enabled: true", "Enabled: false"), encoding="utf-8")

    def file_of(self, name: str) -> Path:
        """Return the file of a query of the soak."""
        return self.root / "queries" / f"{_slug(name)}.yml"

    def arrive(self, until: datetime, random: Random, clock: Clock) -> None:
        """Take in what happened in the minutes before a moment."""
        moments = sorted(until - random.random() * ARRIVAL for _ in range(random.randint(5, 40)))
        records = [_login(moment, number, random) for number, moment in enumerate(moments)]
        ingest_records(
            "Okta.SystemLog",
            records,
            source_name=f"soak-{until:%Y%m%dT%H%M%S}",
            lake=self.root / "datalake",
            clock=clock,
        )

    def _query(self, name: str, when: str, back: str, *, enabled: bool = True) -> None:
        text = _QUERY.format(name=name, when=when, back=back, enabled=str(enabled).lower())
        beside = self.file_of(name).with_suffix(".tmp")
        beside.write_text(text, encoding="utf-8")
        beside.rename(self.file_of(name))

    def _rule(self, name: str) -> None:
        file = self.root / "scheduled_rules" / _slug(name)
        file.with_suffix(".py").write_text(_PYTHON, encoding="utf-8")
        text = _RULE.format(rule_id=f"Soak.{_slug(name)}", name=name, file=_slug(name))
        file.with_suffix(".yml").write_text(text, encoding="utf-8")


def _slug(name: str) -> str:
    return name.lower().replace(" ", "_")


def _login(moment: datetime, number: int, random: Random) -> dict[str, object]:
    return {
        "uuid": f"soak-{moment.timestamp():.6f}-{number}",
        "published": moment.isoformat(),
        "eventType": "soak.login",
        "actor": {"alternateId": f"user{random.randint(1, 12)}@example.com"},
        "client": {"ipAddress": f"203.0.113.{random.randint(1, 200)}"},
        "outcome": {"result": random.choice(["FAILURE", "SUCCESS"])},
    }
