"""A fresh project, and the program as a process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from runner.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

AT = "2026-01-15T00:00:00Z"


class Ended(NamedTuple):
    """How a process ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Return what it wrote, as JSON."""
        return json.loads(self.out)


def call(*arguments: str, cwd: Path, **variables: str) -> Ended:
    """Run the program in a folder, with some more environment variables."""
    done = subprocess.run(
        [sys.executable, "-m", "runner", *arguments],
        cwd=cwd,
        env={**os.environ, "RUNNER_WORKERS_COUNT": "1", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def cli() -> Callable[..., Ended]:
    """Return the program: call it with its arguments and `cwd`."""
    return call


@pytest.fixture(scope="session")
def here() -> Callable[..., Ended]:
    """Return the program within this process: called as `cli`, for commands that need no process of their own."""

    def call_here(*arguments: str, cwd: Path) -> Ended:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            contextlib.chdir(cwd),
            pytest.raises(SystemExit) as end,
        ):
            main(arguments)
        return Ended(
            int(end.value.code or 0), *(written.buffer.getvalue().decode() for written in (out, err))
        )

    return call_here


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what `runner init` makes; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("new")
    made = call("init", "project", cwd=folder)
    assert made.code == 0, made.err
    return folder / "project"


@pytest.fixture(scope="session")
def run_project(tmp_path_factory: pytest.TempPathFactory, new_project: Path) -> Path:
    """Return the new project after its query was run once; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("run") / "project"
    shutil.copytree(new_project, folder)
    done = call("once", "--all", "--at", AT, cwd=folder)
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def project(tmp_path: Path, new_project: Path) -> Path:
    """Return a new project of one's own."""
    return Path(shutil.copytree(new_project, tmp_path / "project"))


@pytest.fixture
def project_with_alert(tmp_path: Path, run_project: Path) -> Path:
    """Return a project of one's own, in which one alert is open."""
    return Path(shutil.copytree(run_project, tmp_path / "project"))


QUERY = """
AnalysisType: scheduled_query
QueryName: {name}
Enabled: true
Query: |
  {sql}
Schedule: {{RateMinutes: 60, TimeoutMinutes: 1}}
"""

RULE = """
AnalysisType: scheduled_rule
RuleID: {rule_id}
Enabled: true
Filename: {file}
ScheduledQueries: [Okta Failed Logins]
Severity: Low
"""


@pytest.fixture(scope="session")
def write_query() -> Callable[[Path, str, str], None]:
    """Write a query into a project: the folder, its name, its SQL."""

    def write(folder: Path, name: str, sql: str) -> None:
        text = QUERY.format(name=name, sql=sql.replace("\n", "\n  "))
        (folder / "queries" / f"{name}.yml").write_text(text)

    return write


@pytest.fixture(scope="session")
def write_rule() -> Callable[[Path, str, str], None]:
    """Write a rule on the rows of the project's query: the folder, its id, its Python."""

    def write(folder: Path, rule_id: str, python: str) -> None:
        rules = folder / "scheduled_rules"
        (rules / f"{rule_id}.yml").write_text(RULE.format(rule_id=rule_id, file=f"{rule_id}.py"))
        (rules / f"{rule_id}.py").write_text(python)

    return write
