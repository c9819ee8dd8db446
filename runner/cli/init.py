"""`runner init`: a new project that runs at once."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.clock import SystemClock
from runner.ingest import ingest_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

SAMPLE_LOGS = "sample_logs/okta_systemlog.jsonl"
SAMPLE_LOG_TYPE = "Okta.SystemLog"
SAMPLE_TIME = "2026-01-15T00:00:00Z"
_TARGET_NAMES = {"gitignore": ".gitignore"}
"""Files that have another name in the package, where the name itself would have an effect."""


@click.command(name="init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> int:
    """Make a new project in FOLDER: one scheduled query, one rule with tests, and sample logs in a small lake."""
    template = resources.files("runner") / "project_template"
    files = {_target(relative): content for relative, content in _files(template, Path())}
    there = [str(folder / relative) for relative in files if (folder / relative).exists()]
    if there:
        raise click.UsageError(
            f"nothing was written, because these files are there already: {', '.join(there)}"
        )
    for relative, content in files.items():
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        (folder / relative).write_bytes(content)
    ingest_files(SAMPLE_LOG_TYPE, [folder / SAMPLE_LOGS], lake=folder / "datalake", clock=SystemClock())
    click.echo(f"Made a project in {folder}. Try:\n")
    for line in (f"cd {folder}", "runner check", "runner test", f"runner once --all --at {SAMPLE_TIME}"):
        click.echo(f"  {line}")
    return 0


def _files(folder: Traversable, relative: Path) -> Iterator[tuple[Path, bytes]]:
    for entry in folder.iterdir():
        if entry.is_file():
            yield relative / entry.name, entry.read_bytes()
        elif entry.name != "__pycache__":
            yield from _files(entry, relative / entry.name)


def _target(relative: Path) -> Path:
    return relative.with_name(_TARGET_NAMES.get(relative.name, relative.name))
