"""How long `runner --help` takes, beside importing typer, and beside a command line made with argparse."""

from __future__ import annotations

import subprocess
import sys
import venv
from functools import partial
from typing import TYPE_CHECKING

from figures import Figure
from stopwatch import cpu_of_command, medians

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workplace import Workplace

SECTION = "startup"


def figures(workplace: Workplace, rounds: int) -> Iterator[Figure]:
    """Start whole processes; without typer (pip may not reach a registry) its line is left out, and said so."""
    python = _python_with_typer(workplace.folder / "venv-typer")
    commands = {
        "runner --help": [sys.executable, "-m", "runner", "--help"],
        "import argparse": [sys.executable, "-c", "import argparse"],
    }
    if python is not None:
        commands["import typer"] = [str(python), "-c", "import typer"]
    seconds = medians({name: partial(cpu_of_command, command) for name, command in commands.items()}, rounds)
    for name, taken in seconds.items():
        yield Figure(section=SECTION, name=name, measured=taken * 1e3, unit="ms")
    yield from _ratios(seconds)


def _ratios(seconds: dict[str, float]) -> Iterator[Figure]:
    limits: dict[str, tuple[float | None, float | None]] = {
        "import typer": (1.0, None),
        "import argparse": (None, 2.0),
    }
    for name, (must, goal) in limits.items():
        if name in seconds:
            ratio = seconds["runner --help"] / seconds[name]
            yield Figure(
                section=SECTION,
                name=f"runner --help / {name}",
                measured=ratio,
                unit="x",
                must=must,
                goal=goal,
            )


def _python_with_typer(folder: Path) -> Path | None:
    """Return a Python that has typer, in an environment of its own; None if pip could not get it."""
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            venv.create(folder, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "typer"], check=True, capture_output=True, timeout=120
        )
    except (subprocess.SubprocessError, OSError) as error:
        print(
            f"SKIPPED: runner --help / import typer: typer could not be installed: {error}", file=sys.stderr
        )
        return None
    return python
