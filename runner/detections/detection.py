"""Detection: a rule or policy with its logic loaded, ready to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from runner.detections.functions import OptionalFunction, RuleFunction, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """A rule or policy with its logic loaded, ready to be asked about events.

    `functions` holds the optional functions that it defines, in the order in which they are called. `filename` is the
    detection's own file, as tracebacks name it.
    """

    standing: Standing
    filename: str
    matcher: RuleFunction
    """`rule` of a rule, `policy` of a policy, or the conditions of a simple detection."""
    functions: tuple[tuple[OptionalFunction, RuleFunction], ...]
    module: ModuleType | None = None
    """None if the logic is written in YAML."""
    matcher_name: str = "rule"
    alerts_on: bool = True
    """What the matcher returns where there is something to alert on: True, or False if it is a policy."""
    filters: Callable[[Any], bool] | None = None
    """Inline filters: where they are False, the matcher is not asked."""

    @property
    def rule_id(self) -> str:
        """The detection's id."""
        return self.standing.rule_id
