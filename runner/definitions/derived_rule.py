"""A derived detection: another rule's logic under an id of its own, with some things said otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.definitions.location import Location
    from runner.definitions.stream_rule import StreamRule


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedRule:
    """What a derived detection's file says, before the rule that it derives from is known."""

    rule_id: str
    base_id: str
    base_named_at: Location
    overrides: Mapping[str, Any]
    """Fields of a StreamRule and their values: each replaces the base's whole."""
    location: Location

    def derived_from(self, base: StreamRule) -> StreamRule:
        """Return the rule: the base's logic, log types and all that is not overridden."""
        return replace(
            base, rule_id=self.rule_id, base_id=self.base_id, location=self.location, **self.overrides
        )
