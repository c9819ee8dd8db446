"""The benchmark: one command, every figure beside what it is compared with, measured in the same run.

python benchmarks/run.py [--smoke] [--only SECTION] [--json FILE] [--assert] [--work DIR]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import against_panther
import compiling
import delivery
import end_to_end
import evaluation
import ingest_speed
import lake_planning
import layouts
import memory
import overhead
import reading
import scheduling
import startup
import storing
from against_panther import PantherSize
from cloudtrail import RowTable
from delivery import DeliverySize
from end_to_end import EndToEndSize
from evaluation import EvaluationSize
from figures import table
from ingest_speed import IngestSize
from lake_planning import LakeSize
from layouts import LayoutsSize
from scheduling import SchedulingSize
from storing import StoringSize
from workplace import Workplace

from runner import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from figures import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the benchmark is."""

    tables: tuple[RowTable, ...]
    evaluation: EvaluationSize
    panther: PantherSize
    storing: StoringSize
    end_to_end: EndToEndSize
    startup_rounds: int
    overhead_rounds: int
    scheduling: SchedulingSize
    detections: int
    reading_rounds: int
    delivery: DeliverySize
    lake: LakeSize
    layouts: LayoutsSize
    ingest: IngestSize


FULL = Size(
    tables=(
        RowTable(name="rare", rows=1_000_000, match_share=0.001),
        RowTable(name="some", rows=1_000_000, match_share=0.1),
        RowTable(name="every", rows=500_000, match_share=1.0),
        RowTable(name="long", rows=5_000_000, match_share=0.1),
        RowTable(name="sample", rows=60_000, match_share=0.1),
        RowTable(name="tiny", rows=1_000, match_share=0.1),
    ),
    evaluation=EvaluationSize(ready_rows=30_000, fetched_rows=30_000, rounds=3),
    panther=PantherSize(events=5_000, rule_rounds=21, rounds=3, detections=1_000),
    storing=StoringSize(matches=50_000, one_at_a_time=2_000, rounds=3),
    end_to_end=EndToEndSize(tables=("rare", "some", "every"), sample_rows=60_000),
    startup_rounds=7,
    overhead_rounds=30,
    scheduling=SchedulingSize(
        few=100, many=10_000, together=1_000, start_seconds=60, idle_seconds=30, rounds=15
    ),
    detections=1_000,
    reading_rounds=5,
    delivery=DeliverySize(messages=2_000, few_alerts=10_000, many_alerts=100_000, rounds=21),
    lake=LakeSize(files=(1_000, 10_000, 100_000), globbed=10_000, rows=100_000_000, rounds=15),
    layouts=LayoutsSize(copies=20, rounds=5),
    ingest=IngestSize(records=100_000, rounds=3),
)
SMOKE = Size(
    tables=(
        RowTable(name="rare", rows=10_000, match_share=0.001),
        RowTable(name="some", rows=10_000, match_share=0.1),
        RowTable(name="every", rows=5_000, match_share=1.0),
        RowTable(name="long", rows=20_000, match_share=0.1),
        RowTable(name="sample", rows=5_000, match_share=0.1),
        RowTable(name="tiny", rows=1_000, match_share=0.1),
    ),
    evaluation=EvaluationSize(ready_rows=3_000, fetched_rows=3_000, rounds=1),
    panther=PantherSize(events=1_000, rule_rounds=1, rounds=1, detections=60),
    storing=StoringSize(matches=2_000, one_at_a_time=200, rounds=1),
    end_to_end=EndToEndSize(tables=("rare", "some", "every"), sample_rows=3_000),
    startup_rounds=3,
    overhead_rounds=5,
    scheduling=SchedulingSize(few=100, many=300, together=20, start_seconds=10, idle_seconds=2, rounds=3),
    detections=50,
    reading_rounds=1,
    delivery=DeliverySize(messages=100, few_alerts=100, many_alerts=1_000, rounds=3),
    lake=LakeSize(files=(50, 200), globbed=50, rows=100_000, rounds=3),
    layouts=LayoutsSize(copies=1, rounds=1),
    ingest=IngestSize(records=2_000, rounds=1),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code: 1 if `--assert` was given and a figure fails."""
    options = _parser().parse_args(arguments)
    logs.configure(as_json=True)
    size = SMOKE if options.smoke else FULL
    workplace = Workplace(folder=options.work / ("smoke" if options.smoke else "full"))
    _tell(f"making rows in {workplace.lake} (kept for the next time)")
    workplace.prepare(size.tables)
    found: list[Figure] = []
    for name, measure in _sections(workplace, size, options.peer_python).items():
        if not options.only or name in options.only:
            started = time.monotonic()
            found += measure()
            _tell(f"{name}: {time.monotonic() - started:.0f} s")
    if options.smoke:  # fixed costs outweigh all others at these sizes: nothing can be judged by them
        found = [replace(figure, must=None, goal=None) for figure in found]
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps(_document(found, smoke=options.smoke), indent=2), encoding="utf-8")
    return int(options.asserted and any(figure.verdict == "FAIL" for figure in found))


def _sections(
    workplace: Workplace, size: Size, peer_python: Path | None
) -> dict[str, Callable[[], Iterable[Figure]]]:
    return {
        "evaluation": lambda: evaluation.figures(workplace, size.evaluation),
        "panther": lambda: against_panther.figures(workplace, size.panther, peer_python),
        "storing": lambda: storing.figures(workplace, size.storing),
        "end_to_end": lambda: end_to_end.figures(workplace, size.end_to_end),
        "memory": lambda: memory.figures(workplace, ("some", "long")),
        "startup": lambda: startup.figures(workplace, size.startup_rounds),
        "overhead": lambda: overhead.figures(workplace, size.overhead_rounds),
        "scheduling": lambda: scheduling.figures(workplace, size.scheduling),
        "reading": lambda: reading.figures(workplace, size.detections, size.reading_rounds),
        "delivery": lambda: delivery.figures(size.delivery),
        "compiling": lambda: compiling.figures(workplace, size.startup_rounds),
        "lake": lambda: lake_planning.figures(workplace, size.lake),
        "layouts": lambda: layouts.figures(workplace, size.layouts),
        "ingest": lambda: ingest_speed.figures(workplace, size.ingest),
    }


def _document(found: Iterable[Figure], *, smoke: bool) -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "smoke": smoke,
        "figures": [figure.as_dict() for figure in found],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure what runner costs, beside its baselines.")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, under a minute: does it still run?")
    parser.add_argument("--only", action="append", metavar="SECTION", help="one section; may be given again")
    parser.add_argument(
        "--peer-python",
        type=Path,
        metavar="PYTHON",
        help="an interpreter that has panther_core and panther_analysis_tool",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    parser.add_argument(
        "--assert", dest="asserted", action="store_true", help="exit with 1 if a figure fails"
    )
    default = Path(tempfile.gettempdir()) / "runner-benchmark"
    parser.add_argument("--work", type=Path, default=default, metavar="DIR", help=f"default: {default}")
    return parser


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
