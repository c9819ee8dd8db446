"""How bad it is."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """The five severities of Panther, which compare from INFO (least) to CRITICAL (most)."""

    INFO = "INFO"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @classmethod
    def parse(cls, text: str) -> Severity:
        """Return the severity that `text` names, in upper, lower or mixed case; raise ValueError if none."""
        return cls(text.upper())

    @property
    def rank(self) -> int:
        """Its place among the five: INFO is 0, CRITICAL is 4."""
        return _ORDER.index(self)

    def __lt__(self, other: str) -> bool:
        return self.rank < Severity(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Severity(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Severity(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Severity(other).rank


_ORDER = tuple(Severity)
