"""How long it takes to read and check a thousand detections, beside what any reader of the same files has to do."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

import yaml
from detection_corpus import write_corpus
from figures import Figure
from stopwatch import cpu_of, medians

from runner.definitions.catalogue import read_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workplace import Workplace

SECTION = "reading"


def figures(workplace: Workplace, detections: int, rounds: int) -> Iterator[Figure]:
    """Read the made-up body of detections whole: YAML, keys, conditions, Python and what only the set shows."""
    folder = workplace.folder / f"detections-{detections}"
    if folder.exists():
        shutil.rmtree(folder)
    write_corpus(folder, detections)
    seconds = medians(
        {
            "runner": partial(cpu_of, partial(_read, folder)),
            "bare": partial(cpu_of, partial(_parse, folder)),
        },
        rounds,
    )
    ratio = seconds["runner"] / seconds["bare"]
    yield Figure(
        section=SECTION, name=f"{detections:,} detections, CPU", measured=seconds["runner"], unit="s"
    )
    yield Figure(
        section=SECTION, name="YAML and Python parsed alone, CPU", measured=seconds["bare"], unit="s"
    )
    yield Figure(section=SECTION, name="beside parsing alone", measured=ratio, unit="x", must=1.6, goal=1.2)


def _read(folder: Path) -> None:
    catalogue = read_catalogue(folder)
    assert not catalogue.errors, catalogue.errors[0]  # noqa: S101  else something else would be measured


def _parse(folder: Path) -> None:
    """Parse every file with the fastest parsers that Python has, and check nothing."""
    for path in folder.rglob("*.yml"):
        yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    for path in folder.rglob("*.py"):
        compile(path.read_text(encoding="utf-8"), path, "exec")
