"""Panther's own programs on the same work: its rule engine on ready events, its tool on a thousand detections.

They are measured only where `--peer-python` names an interpreter that has them; nothing of them is needed otherwise.
"""

from __future__ import annotations

import functools
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detection_corpus import write_corpus
from evaluation import ask, batches, row_events
from figures import Figure
from stopwatch import cpu_of_command
from workplace import RULES, job_for

from runner.definitions.python_source import PythonSource
from runner.definitions.severity import Severity
from runner.detections.data_model import LoadedDataModel
from runner.detections.event import Event
from runner.detections.loading import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from workplace import Workplace

    from runner.detections.detection import Detection

SECTION = "against Panther"
_MODEL = {"actor_user": "userIdentity.arn", "source_ip": "sourceIPAddress", "user_agent": "$.userAgent"}
_UDM = """\
def rule(event):
    return event.udm("actor_user", default="").endswith("7") and event.udm("source_ip") is not None


def title(event):
    return f"{event.udm('actor_user')} from {event.udm('source_ip')} with {event.udm('user_agent')}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One rule asked about all events: CPU seconds, and how many matched."""

    seconds: float
    matches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PantherSize:
    """How much is measured: events for the rules, rounds of them, detections for the tool, and rounds of that."""

    events: int
    rule_rounds: int
    rounds: int
    detections: int


def figures(workplace: Workplace, size: PantherSize, peer_python: Path | None) -> Iterator[Figure]:
    """Compare rule by rule and in the mean, and the two commands; without a peer, only what ours takes."""
    yield from _rules(workplace, size, peer_python)
    yield from _commands(workplace, size, peer_python)


def _rules(workplace: Workplace, size: PantherSize, peer_python: Path | None) -> Iterator[Figure]:
    sources = _sources(workplace)
    events = _plain_events(workplace, size.events)
    ours = _our_rounds(sources, events)
    if peer_python is None:
        for name, ask_ours in ours.items():
            yield _figure(
                f"{name}: runner", _medians([ask_ours], size.rule_rounds)[0] / len(events) * 1e9, "ns/event"
            )
        print(
            "SKIPPED: rules against panther_core: --peer-python names no interpreter that has it",
            file=sys.stderr,
        )
        return
    ratios = []
    with _peer(sources, events, peer_python) as theirs:
        for name, ask_ours in ours.items():
            seconds, peer_seconds = _medians([ask_ours, theirs(name)], size.rule_rounds)
            ratios.append(peer_seconds / seconds)
            yield _figure(f"{name}: runner", seconds / len(events) * 1e9, "ns/event")
            yield _figure(f"{name}: panther_core / runner", ratios[-1])
    yield Figure(
        section=SECTION,
        name="mean of six: panther_core / runner on ready events",
        measured=statistics.mean(ratios),
        unit="x",
        must=2.5,
        goal=3.5,
        more_is_better=True,
    )


def _medians(alternatives: list[Callable[[], _Round]], rounds: int) -> list[float]:
    """Return the median CPU seconds of each way, after one round to warm up; they take turns, so noise meets both.

    Raises:
        RuntimeError: they do not find the same matches.
    """
    taken = [[ask_once() for ask_once in alternatives] for _ in range(rounds + 1)]
    matches = {one.matches for turn in taken for one in turn}
    if len(matches) > 1:
        raise RuntimeError(f"the matches differ: {sorted(matches)}")
    return [
        statistics.median(turn[place].seconds for turn in taken[1:]) for place in range(len(alternatives))
    ]


def _sources(workplace: Workplace) -> dict[str, str]:
    """Return the Python of five of the benchmark's rules, and of one that asks the data model."""
    job = job_for(workplace, "sample")
    by_id = {rule.rule_id: rule.source.text for rule in job.rules}
    return {**{name: by_id[name] for name in RULES[:5]}, "Benchmark.Udm": _UDM}


def _plain_events(workplace: Workplace, number: int) -> list[dict[str, Any]]:
    engine = workplace.engine()
    job = job_for(workplace, "sample")
    found = [
        json.loads(json.dumps(event.to_dict(), default=str))
        for event in row_events(batches(engine, job), number)
    ]
    engine.close()
    return found


def _our_rounds(sources: Mapping[str, str], events: list[dict[str, Any]]) -> dict[str, Callable[[], _Round]]:
    """Return for each rule what asks it about all events once."""
    namespace = Namespace({})
    model = LoadedDataModel("Model", paths=_MODEL, methods={})
    ready = [Event(event, model) for event in events]
    return {
        name: functools.partial(
            _our_round,
            namespace.load(PythonSource(Path(f"{name}.py"), text), rule_id=name, severity=Severity.LOW),
            ready,
        )
        for name, text in sources.items()
    }


def _our_round(detection: Detection, events: list[Event]) -> _Round:
    started = time.process_time()
    matches = ask(detection, events)
    return _Round(seconds=time.process_time() - started, matches=matches)


@contextmanager
def _peer(
    sources: Mapping[str, str], events: list[dict[str, Any]], peer_python: Path
) -> Iterator[Callable[[str], Callable[[], _Round]]]:
    """Start panther_core in a process of its own, and give what returns, for a rule, what asks it once."""
    work = {"rules": dict(sources), "model": _MODEL, "events": events}
    script = Path(__file__).with_name("peer_rules.py")
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(work, file)
        file.flush()
        command = [peer_python, script, file.name]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as process:
            assert process.stdin is not None  # noqa: S101  both are pipes
            assert process.stdout is not None  # noqa: S101  as above
            asked, answers = process.stdin, process.stdout

            def ask_peer(name: str) -> _Round:
                asked.write(f"{name}\n")
                return _Round(**json.loads(answers.readline()))

            yield lambda name: functools.partial(ask_peer, name)
            asked.close()


def _commands(workplace: Workplace, size: PantherSize, peer_python: Path | None) -> Iterator[Figure]:
    """Compare the commands on the same files; both have to find that every test passes."""
    corpus = workplace.folder / f"corpus-{size.detections}"
    write_corpus(corpus, size.detections)
    runner = [sys.executable, "-m", "runner", "test"]
    ours = {count: _timed([*runner, "--workers", str(count)], corpus, size.rounds) for count in (1, 2)}
    single = _timed([*runner, "--path", ".", "--filter", "RuleID=Aws.Rule.Thing0"], corpus, 3 * size.rounds)
    for count, (cpu, wall) in ours.items():
        yield _figure(f"runner test, {count} processes: CPU", cpu, "s")
        yield _figure(f"runner test, {count} processes: wall", wall, "s")
    for what, seconds in zip(("CPU", "wall"), single, strict=True):
        name = f"runner test of one rule: {what}"
        yield Figure(section=SECTION, name=name, measured=seconds, unit="s", must=0.5)
    if peer_python is None:
        return
    tool = [str(peer_python.with_name("panther_analysis_tool")), "test", "--path", "."]
    _check_verdicts(tool, runner, corpus)
    cpu, wall = _timed(tool, corpus, 1)
    yield _figure("panther_analysis_tool test: CPU", cpu, "s")
    yield _figure("panther_analysis_tool test: wall", wall, "s")
    yield Figure(
        section=SECTION,
        name="panther_analysis_tool / runner test, CPU",
        measured=cpu / ours[1][0],
        unit="x",
        must=5.0,
        more_is_better=True,
    )
    yield Figure(
        section=SECTION,
        name="panther_analysis_tool / runner test with 2 processes, wall",
        measured=wall / ours[2][1],
        unit="x",
        must=5.0,
        goal=10.0,
        more_is_better=True,
    )


def _timed(command: list[str], folder: Path, rounds: int) -> tuple[float, float]:
    """Return the CPU and the wall seconds of a command in a folder, the least of some rounds."""
    taken = []
    for _ in range(rounds):
        started = time.monotonic()
        cpu = cpu_of_command(command, folder)
        taken.append((cpu, time.monotonic() - started))
    return min(one[0] for one in taken), min(one[1] for one in taken)


def _check_verdicts(tool: list[str], runner: list[str], corpus: Path) -> None:
    """Compare the verdict on each test of each detection."""
    theirs, ours = (
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=corpus).stdout
        for command in (tool, [*runner, "--format", "json"])
    )
    document = json.loads(ours)
    found = {
        one["id"]: [(test["name"], test["passed"]) for test in one["tests"]] for one in document["detections"]
    }
    if _verdicts_in(theirs) != found:
        raise RuntimeError(f"the verdicts on {corpus} differ")


def _verdicts_in(text: str) -> dict[str, list[tuple[str, bool]]]:
    """Read what Panther's tool prints: an id on a line of its own, and below it a line for each test."""
    found: dict[str, list[tuple[str, bool]]] = {}
    current = ""
    for line in re.sub(r"\x1b\[\d*m", "", text).partition("\n---")[0].splitlines():
        if line and not line.startswith("\t"):
            current = line
        elif line.startswith("\t["):
            status, _, name = line.strip().partition(" ")
            found.setdefault(current, []).append((name, status == "[PASS]"))
    return found


def _figure(name: str, measured: float, unit: str = "x") -> Figure:
    return Figure(section=SECTION, name=name, measured=measured, unit=unit)
