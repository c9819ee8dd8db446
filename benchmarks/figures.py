"""Figures: what was measured, beside what it must be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the result.

    `must` and `goal` are limits in the unit of the figure; without a `must` the figure is for information. The
    limit is an upper one, unless `more_is_better`.
    """

    section: str
    name: str
    measured: float
    unit: str
    must: float | None = None
    goal: float | None = None
    more_is_better: bool = False

    @property
    def verdict(self) -> str:
        """PASS or FAIL; empty for what is only told."""
        if self.must is None:
            return ""
        passed = self.measured >= self.must if self.more_is_better else self.measured <= self.must
        return "PASS" if passed else "FAIL"

    def limit(self, value: float | None) -> str:
        """Return a limit as it is printed: `≤ 2.5 x`."""
        if value is None:
            return ""
        return f"{'≥' if self.more_is_better else '≤'} {_written(value)} {self.unit}"

    def as_dict(self) -> dict[str, object]:
        """Return what `--json` writes of it."""
        return {**asdict(self), "verdict": self.verdict or None}


def table(figures: Iterable[Figure]) -> str:
    """Return figures as lines of text in columns."""
    head = ("section", "figure", "measured", "must", "goal", "")
    rows = [head] + [
        (
            figure.section,
            figure.name,
            f"{_written(figure.measured)} {figure.unit}",
            figure.limit(figure.must),
            figure.limit(figure.goal),
            figure.verdict,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell.rjust(width) if column == 2 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()


def _written(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
