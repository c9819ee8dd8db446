"""What reading a definition finds: errors, which leave it out, and notices, which do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from runner.definitions.notice import Notice
from runner.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterable

Finding: TypeAlias = DefinitionError | Notice


def errors_in(findings: Iterable[Finding]) -> tuple[DefinitionError, ...]:
    """Return the errors among the findings, each once, in the order of their places."""
    return tuple(found for found in _in_order(findings) if isinstance(found, DefinitionError))


def notices_in(findings: Iterable[Finding]) -> tuple[Notice, ...]:
    """Return the notices among the findings, each once, in the order of their places."""
    return tuple(found for found in _in_order(findings) if isinstance(found, Notice))


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    once = {(found.location, str(found.code), found.message): found for found in findings}
    return [once[place] for place in sorted(once)]
