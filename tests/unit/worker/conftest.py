from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.definitions.python_source import PythonSource
from runner.definitions.severity import Severity
from runner.worker.job import Job, JobLimits, RuleJob

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)


@pytest.fixture
def rule_job():
    def make(**given):
        source = PythonSource(Path("rule.py"), "def rule(event):\n    return True\n")
        return RuleJob(**{"rule_id": "A.Rule", "source": source, "severity": Severity.HIGH, **given})

    return make


@pytest.fixture
def job(rule_job):
    def make(*rules, at=AT, query="A query", **limits):
        standard = {
            "memory": 2**30,
            "seconds": 60,
            "evaluation_seconds": 15,
            "rows": 1000,
            "matches": 1000,
            "events_per_alert": 3,
        }
        return Job(
            query=query,
            sql="select 1",
            dialect="snowflake",
            reference=at,
            lake=Path("lake"),
            spill=Path("spill"),
            root=Path(),
            rules=rules or (rule_job(),),
            helpers={},
            limits=JobLimits(**{**standard, **limits}),
        )

    return make
