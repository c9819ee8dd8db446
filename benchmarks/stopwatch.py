"""CPU time: of calls, of child processes, and of processes that somebody else started; and peak memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(call: Callable[[], object]) -> float:
    """Return the CPU seconds that a call takes in this process."""
    started = time.process_time()
    call()
    return time.process_time() - started


def cpu_of_command(command: Sequence[str], cwd: Path | None = None) -> float:
    """Return the CPU seconds of a whole child process; raises `CalledProcessError` if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=cwd)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def medians(alternatives: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Measure alternatives in turn, `rounds` times, after one turn that does not count; median of each."""
    taken: dict[str, list[float]] = {name: [] for name in alternatives}
    for turn in range(rounds + 1):
        for name, measure in alternatives.items():
            seconds = measure()
            if turn:
                taken[name].append(seconds)
    return {name: statistics.median(values) for name, values in taken.items()}


def cpu_of_process(pid: int) -> float:
    """Return the CPU seconds that a living process has taken so far, to a hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_memory(pid: int | str = "self") -> int:
    """Return the bytes of memory that a living process had in use at most."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kibibytes) * 1024
