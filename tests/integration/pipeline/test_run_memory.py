"""The memory of the program does not grow with the number of matches: they pass through it on disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MATCHES = 200_000
PROGRAM = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from runner import app, logs, settings
from runner.clock import FrozenClock

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def run(parts, name):
    query = parts.catalogue.queries[name]
    report = parts.pipeline.run_manually(query, AT, parts.catalogue.rules_for(name))
    return report.run.counts.matches

def main():
    logs.configure(as_json=True)
    loaded = settings.load(Path(sys.argv[1]), {"RUNNER_WORKERS_MEMORY": "1GiB"})
    with app.build(loaded, FrozenClock(AT)) as parts:
        few = run(parts, "Few")
        before = peak()
        print(few, run(parts, "Many"), peak() - before)

if __name__ == "__main__":
    main()
"""
QUERY = """
AnalysisType: scheduled_query
QueryName: {name}
Enabled: true
Query: SELECT i::VARCHAR AS p_row_id, i % 1000 AS bucket, repeat('x', 500) AS text FROM range({rows}) AS t(i)
Schedule: {{RateMinutes: 60, TimeoutMinutes: 5}}
"""
RULE = """
AnalysisType: scheduled_rule
RuleID: {name}.Rule
Enabled: true
Filename: every_row.py
ScheduledQueries: [{name}]
Severity: Low
"""
EVERY_ROW = "def rule(event):\n    return True\ndef dedup(event):\n    return str(event['bucket'])\n"


@pytest.mark.slow
def test_many_matches_need_little_memory(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "every_row.py").write_text(EVERY_ROW)
    for name, rows in (("Few", 1000), ("Many", MATCHES)):
        (tmp_path / f"{name}.yml").write_text(QUERY.format(name=name, rows=rows))
        (tmp_path / f"{name}_rule.yml").write_text(RULE.format(name=name))

    done = subprocess.run(
        [sys.executable, tmp_path / "program.py", tmp_path],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )

    few, many, growth = map(int, done.stdout.split())
    assert (few, many) == (1000, MATCHES)
    assert growth < 64 * 2**20
